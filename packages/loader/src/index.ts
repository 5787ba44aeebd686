/** The loader: image formats, the hardware's own heads, layouts of known guests, and the graft. No Node imports. */

export * from './decompress/index.ts'
export * from './formats/index.ts'
export * from './graft/index.ts'
export * from './heads/index.ts'
export * from './layouts/index.ts'
