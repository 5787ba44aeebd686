/** The reference module's machine code: a function for each hypercall. */
import { elfFixture, symbolTables } from '../../../packages/loader/src/formats/fixtures.ts'

/** Number of each hypercall, in EBX; arguments and results are where the op has them. */
export const HYPERCALLS = {
  sched_clock: 1,
  get_wallclock: 2,
  set_wallclock: 3,
  flush_tlb_one_user: 4,
  safe_halt: 5,
  set_pte: 6,
} as const

const FUNCTION_BYTES = 16
const SHT_PROGBITS = 1
const SHT_SYMTAB = 2
const SHT_STRTAB = 3
const ALLOC_EXEC = 6
/** STB_GLOBAL, STT_FUNC. */
const GLOBAL_FUNCTION = 0x12

/** PUSH EBX; MOV EBX, number; VMCALL; POP EBX; RET. */
function hypercall(number: number): number[] {
  const code = [0x53, 0xbb, number, 0, 0, 0, 0x0f, 0x01, 0xc1, 0x5b, 0xc3]
  return [...code, ...Array.from({ length: FUNCTION_BYTES - code.length }, () => 0x90)]
}

/** The relocatable object. */
export function referenceObject(): Uint8Array {
  const { symtab, strtab } = symbolTables(
    Object.keys(HYPERCALLS).map((name, n) => ({
      name: `reference_${name}`,
      value: n * FUNCTION_BYTES,
      info: GLOBAL_FUNCTION,
      section: 1,
    })),
  )
  const text = Uint8Array.from(Object.values(HYPERCALLS).flatMap(hypercall))
  return elfFixture({
    type: 1,
    entry: 0,
    sections: [
      { name: '.text', type: SHT_PROGBITS, flags: ALLOC_EXEC, bytes: text, align: FUNCTION_BYTES },
      { name: '.symtab', type: SHT_SYMTAB, link: 3, info: 1, bytes: symtab, entrySize: 16 },
      { name: '.strtab', type: SHT_STRTAB, bytes: strtab },
    ],
  })
}
