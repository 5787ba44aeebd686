/** The loader: image formats, the hardware's own heads, layouts of known guests, and the graft. No Node imports. */
export * from './formats/index.ts'
export * from './decompress/index.ts'
