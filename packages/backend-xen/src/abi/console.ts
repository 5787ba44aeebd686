/** xen/include/public/io/console.h, and console_io's commands (xen.h). */

/** The ring page: input, output, and how far each end has come. */
export const CONSOLE_IN = 0
export const CONSOLE_IN_SIZE = 1024
export const CONSOLE_OUT = 1024
export const CONSOLE_OUT_SIZE = 2048
export const CONSOLE_IN_CONS = 3072
export const CONSOLE_IN_PROD = 3076
export const CONSOLE_OUT_CONS = 3080
export const CONSOLE_OUT_PROD = 3084

export const CONSOLEIO_WRITE = 0
export const CONSOLEIO_READ = 1
