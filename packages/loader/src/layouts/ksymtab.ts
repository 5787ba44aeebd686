/**
 * The export table of a Linux kernel: `__ksymtab` and `__ksymtab_gpl`, the first of the oracles for the op table.
 *
 * Since 4.19 (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS) an entry is three self-relative 32-bit words
 * { value_offset, name_offset, namespace_offset } (`struct kernel_symbol`, include/linux/export-internal.h and
 * include/asm-generic/export.h); before, it is two pointers { value, name }. Between 4.19 and 5.4 the relative form
 * has no namespace word (8 bytes). All three are tried and the one whose names are all sound wins.
 */
import { type ImageView, word32 } from './view.ts'

/** Sections that hold the entries. */
const TABLES = ['__ksymtab', '__ksymtab_gpl', '__ksymtab_unused', '__ksymtab_gpl_future']

interface Form {
  size: number
  relative: boolean
}

const FORMS: Form[] = [
  { size: 12, relative: true },
  { size: 8, relative: true },
  { size: 8, relative: false },
]

/** Exported symbols by name, value = linked virtual address; empty when the image has no export table. */
export function readExports(view: ImageView): Map<string, number> {
  const exports = new Map<string, number>()
  for (const name of TABLES) {
    const section = view.section(name)
    if (section === undefined || section.bytes.length === 0) continue
    for (const form of FORMS) {
      const entries = readTable(view, section.vaddr, section.bytes, form)
      if (entries === undefined) continue
      for (const [symbol, value] of entries) exports.set(symbol, value)
      break
    }
  }
  return exports
}

/** Reads one table in one form; undefined when any entry has no sound name: the form is not this one. */
function readTable(view: ImageView, vaddr: number, bytes: Uint8Array, form: Form): [string, number][] | undefined {
  if (bytes.length % form.size !== 0) return undefined
  const entries: [string, number][] = []
  for (let at = 0; at < bytes.length; at += form.size) {
    const base = form.relative ? vaddr + at : 0
    const value = (base + word32(bytes, at)) % 0x1_0000_0000
    const nameAt = ((form.relative ? base + 4 : 0) + word32(bytes, at + 4)) % 0x1_0000_0000
    const name = view.string(nameAt)
    if (name === undefined || name === '') return undefined
    entries.push([name, value])
  }
  return entries
}
