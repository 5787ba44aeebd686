/**
 * `.parainstructions`: the kernel's own list of paravirtual call sites, and the vote that they hold on where the
 * table is.
 *
 * Through 6.7 each record is { instr: pointer, type: u8, len: u8, then padding or a clobber mask } (`struct
 * paravirt_patch_site`, arch/x86/include/asm/paravirt_types.h); on i386 8 bytes. `type` is the slot number of the
 * patch template. The site is an indirect call or jump through the slot: `FF 15 abs32` (call) or `FF 25 abs32`
 * (jump), so every record says independently: table = operand − 4 · type.
 */
import { type ImageView, word32 } from './view.ts'

const RECORD = 8

/** One call site. */
interface ParavirtSite {
  /** Address of the instruction. */
  va: number
  /** Slot it calls through. */
  slot: number
  /** Bytes the patcher may use. */
  length: number
  /** True for `jmp *slot` (iret and the sysexit family). */
  jump: boolean
}

/** What the sites say. */
export interface SiteVote {
  sites: ParavirtSite[]
  /** Table base addresses with the number of sites that name each. */
  votes: Map<number, number>
  /** Records whose instruction is not an indirect call or jump through an absolute address. */
  unreadable: number
}

/** Reads the section and counts the votes; undefined when the image has no such section. */
export function readParainstructions(view: ImageView): SiteVote | undefined {
  const section = view.section('.parainstructions')
  if (section === undefined || section.bytes.length < RECORD) return undefined
  const sites: ParavirtSite[] = []
  const votes = new Map<number, number>()
  let unreadable = 0
  for (let at = 0; at + RECORD <= section.bytes.length; at += RECORD) {
    const va = word32(section.bytes, at)
    const slot = section.bytes[at + 4] ?? 0
    const length = section.bytes[at + 5] ?? 0
    const operand = indirectTarget(view, va)
    if (operand === undefined) {
      unreadable++
      continue
    }
    sites.push({ va, slot, length, jump: operand.jump })
    const table = operand.address - 4 * slot
    votes.set(table, (votes.get(table) ?? 0) + 1)
  }
  return { sites, votes, unreadable }
}

/** Finds `FF /2` or `FF /4` with a disp32 operand at `va`; some sites begin with pushes of the protected registers. */
function indirectTarget(view: ImageView, va: number): { address: number; jump: boolean } | undefined {
  for (let skip = 0; skip < 4; skip++) {
    const opcode = view.read8(va + skip)
    const modrm = view.read8(va + skip + 1)
    if (opcode === 0xff && (modrm === 0x15 || modrm === 0x25)) {
      const address = view.read32(va + skip + 2)
      return address === undefined ? undefined : { address, jump: modrm === 0x25 }
    }
    // push eax/ecx/edx (50–52): 2.6.21–22 wrap a site in the saves of what the op may clobber.
    if (opcode === undefined || !(opcode >= 0x50 && opcode <= 0x57)) return undefined
  }
  return undefined
}
