/** ELF files of both classes, i386 objects and their linker, and the bounded reading that all readers of formats use. */
export * from './elf.ts'
export * from './elf-link.ts'
export * from './elf-rel.ts'
export * from './errors.ts'
export * from './reader.ts'
