/**
 * Signatures of ops. The catalogue writes them as C prototypes, in the words of the kernel's header; this file turns
 * those into data. Only the types that the headers use are known, so that a slip in the catalogue is an error.
 */
import { ParagraftError } from '../errors.ts'

/**
 * Type of a parameter or result, by width and not by C name. `long` and `ptr` have the machine's word; `int` is signed.
 * Page-table values (`pteval_t`, `pgprot_t`), `phys_addr_t` are u64: the eras' i386 layouts are those of PAE kernels.
 */
export type OpType = 'bool' | 'u8' | 'u16' | 'int' | 'u32' | 'u64' | 'long' | 'ptr'

export interface OpParam {
  readonly name: string
  readonly type: OpType
  /** For `ptr`: what it points to, in C, without `struct` and `const`: `flush_tlb_info`, `u32`, `void`. */
  readonly to?: string
}

export interface Signature {
  /** As the catalogue writes it: `void (int cpu)`. */
  readonly text: string
  readonly params: readonly OpParam[]
  readonly result: OpType | 'void'
}

const TYPES: Readonly<Record<string, OpType>> = {
  bool: 'bool',
  u8: 'u8',
  u16: 'u16',
  int: 'int',
  'enum km_type': 'int',
  u32: 'u32',
  unsigned: 'u32',
  'unsigned int': 'u32',
  u64: 'u64',
  'unsigned long long': 'u64',
  phys_addr_t: 'u64',
  pgprot_t: 'u64',
  pte_t: 'u64',
  pmd_t: 'u64',
  pud_t: 'u64',
  p4d_t: 'u64',
  pgd_t: 'u64',
  pteval_t: 'u64',
  pmdval_t: 'u64',
  pudval_t: 'u64',
  p4dval_t: 'u64',
  pgdval_t: 'u64',
  'unsigned long': 'long',
}

function typeOf(text: string, whole: string): { type: OpType; to?: string } {
  const c = text
    .replace(/\b(const|struct)\b/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  if (c.endsWith('*')) return { type: 'ptr', to: c.slice(0, -1).trim() }
  const type = TYPES[c]
  if (type === undefined) {
    throw new ParagraftError('PG_OPS_SIGNATURE', `unknown C type "${text.trim()}" in the prototype "${whole}"`, {
      fields: { type: text.trim(), prototype: whole },
      hint: 'Use the types that the paravirt headers use, or add the type to signature.ts.',
    })
  }
  return { type }
}

/** Parses `result (type name, …)`; every parameter has a name. Throws `PG_OPS_SIGNATURE`. */
export function signature(text: string): Signature {
  const match = /^([^()]+)\(([^()]*)\)$/.exec(text)
  if (!match) {
    throw new ParagraftError('PG_OPS_SIGNATURE', `not a prototype: "${text}"`, {
      fields: { prototype: text },
      hint: 'Write it as "u64 (unsigned int msr, int *err)".',
    })
  }
  const returns = match[1]!.trim()
  const list = match[2]!.trim()
  const params: OpParam[] = []
  if (list !== 'void' && list !== '') {
    for (const part of list.split(',')) {
      const named = /^(.*?[\s*])([A-Za-z_]\w*)$/.exec(part.trim())
      if (!named) {
        throw new ParagraftError('PG_OPS_SIGNATURE', `parameter "${part.trim()}" of "${text}" has no name`, {
          fields: { parameter: part.trim(), prototype: text },
          hint: 'Name every parameter, as the header does.',
        })
      }
      const { type, to } = typeOf(named[1]!, text)
      params.push(to === undefined ? { name: named[2]!, type } : { name: named[2]!, type, to })
    }
  }
  return { text, params, result: returns === 'void' ? 'void' : typeOf(returns, text).type }
}

/** Bits of a value of this type on an architecture; `bool` is a byte. */
export function bitsOf(type: OpType, arch: 'i386' | 'x86_64'): number {
  switch (type) {
    case 'bool':
    case 'u8':
      return 8
    case 'u16':
      return 16
    case 'int':
    case 'u32':
      return 32
    case 'u64':
      return 64
    case 'long':
    case 'ptr':
      return arch === 'i386' ? 32 : 64
  }
}
