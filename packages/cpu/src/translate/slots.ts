/** Places for regions in the interpreter's table: each module that imports the table pays for its size. */
export const REGION_SLOTS = 4096
