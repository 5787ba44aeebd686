/**
 * BTF, the kernel's own type information (Documentation/bpf/btf.rst), as far as the op table needs it: the members of
 * `struct paravirt_patch_template` with their offsets. Kernels with CONFIG_DEBUG_INFO_BTF carry it in `.BTF`.
 *
 * It names no address of the table (only per-CPU variables have one), but it settles which op lives in which slot.
 */
import { type ImageView, word16, word32 } from './view.ts'

const BTF_MAGIC = 0xeb9f

const KIND_INT = 1
const KIND_ARRAY = 3
const KIND_STRUCT = 4
const KIND_UNION = 5
const KIND_ENUM = 6
const KIND_TYPEDEF = 8
const KIND_VOLATILE = 9
const KIND_CONST = 10
const KIND_RESTRICT = 11
const KIND_FUNC_PROTO = 13
const KIND_VAR = 14
const KIND_DATASEC = 15
const KIND_DECL_TAG = 17
const KIND_TYPE_TAG = 18
const KIND_ENUM64 = 19

/** Types that stand for another one. */
const TRANSPARENT = new Set([KIND_TYPEDEF, KIND_VOLATILE, KIND_CONST, KIND_RESTRICT, KIND_TYPE_TAG])
/** A structure nested deeper than this is not the op table. */
const DEEPEST = 8

/** One leaf member: dotted name (`mmu.lazy_mode.enter`) and byte offset. */
export interface BtfMember {
  name: string
  offset: number
}

/** The leaf members of the op table's structure in order, or undefined when the image has no such type. */
export function readOpTableType(view: ImageView, structure = 'paravirt_patch_template'): BtfMember[] | undefined {
  const section = view.section('.BTF')
  if (section === undefined) return undefined
  const types = index(section.bytes)
  if (types === undefined) return undefined
  const id = types.findIndex(t => t !== undefined && t.kind === KIND_STRUCT && t.name === structure)
  if (id < 0) return undefined
  const members: BtfMember[] = []
  return flatten(types, id, '', 0, members, 0) ? members : undefined
}

interface BtfType {
  name: string
  kind: number
  /** Referenced type, or the size of a struct. */
  reference: number
  /** Raw words after the common header, for structs: name, type, bit offset of each member. */
  members: { name: string; type: number; bits: number }[]
}

function index(bytes: Uint8Array): (BtfType | undefined)[] | undefined {
  if (bytes.length < 24 || word16(bytes, 0) !== BTF_MAGIC) return undefined
  const header = word32(bytes, 4)
  const typesFrom = header + word32(bytes, 8)
  const typesEnd = typesFrom + word32(bytes, 12)
  const stringsFrom = header + word32(bytes, 16)
  const stringsEnd = stringsFrom + word32(bytes, 20)
  if (typesEnd > bytes.length || stringsEnd > bytes.length) return undefined
  const text = (offset: number): string => {
    let at = stringsFrom + offset
    let out = ''
    while (at < stringsEnd && bytes[at] !== 0) out += String.fromCharCode(bytes[at++] ?? 0)
    return out
  }
  // Type 0 is void.
  const types: (BtfType | undefined)[] = [undefined]
  for (let at = typesFrom; at + 12 <= typesEnd; ) {
    const info = word32(bytes, at + 4)
    const vlen = info & 0xffff
    const kind = (info >>> 24) & 0x1f
    const bitfields = info >>> 31 === 1
    const type: BtfType = { name: text(word32(bytes, at)), kind, reference: word32(bytes, at + 8), members: [] }
    at += 12
    const tail = tailSize(kind, vlen)
    if (tail === undefined || at + tail > typesEnd) return undefined
    if (kind === KIND_STRUCT || kind === KIND_UNION) {
      for (let i = 0; i < vlen; i++) {
        const offset = word32(bytes, at + 12 * i + 8)
        type.members.push({
          name: text(word32(bytes, at + 12 * i)),
          type: word32(bytes, at + 12 * i + 4),
          bits: bitfields ? offset & 0xff_ffff : offset,
        })
      }
    }
    at += tail
    types.push(type)
  }
  return types
}

/** Bytes that follow the common header of a type; undefined for kinds that nobody has defined. */
function tailSize(kind: number, vlen: number): number | undefined {
  switch (kind) {
    case KIND_INT:
    case KIND_VAR:
    case KIND_DECL_TAG:
      return 4
    case KIND_ARRAY:
      return 12
    case KIND_STRUCT:
    case KIND_UNION:
    case KIND_DATASEC:
    case KIND_ENUM64:
      return 12 * vlen
    case KIND_ENUM:
    case KIND_FUNC_PROTO:
      return 8 * vlen
    default:
      return kind >= 1 && kind <= KIND_ENUM64 ? 0 : undefined
  }
}

function flatten(
  types: (BtfType | undefined)[],
  id: number,
  prefix: string,
  offset: number,
  out: BtfMember[],
  depth: number,
): boolean {
  if (depth > DEEPEST) return false
  let type = types[id]
  for (let hops = 0; type !== undefined && TRANSPARENT.has(type.kind); hops++) {
    if (hops > DEEPEST) return false
    type = types[type.reference]
  }
  // A callee-save member is a structure of one pointer, `func`: the op is the member itself.
  const single = type?.kind === KIND_STRUCT && type.members.length === 1 && type.members[0]?.name === 'func'
  if (type === undefined || type.kind !== KIND_STRUCT || single) {
    out.push({ name: prefix, offset })
    return true
  }
  for (const member of type.members) {
    const name = prefix === '' ? member.name : `${prefix}.${member.name}`
    if (member.bits % 8 !== 0 || !flatten(types, member.type, name, offset + member.bits / 8, out, depth + 1))
      return false
  }
  return true
}
