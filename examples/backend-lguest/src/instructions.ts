/**
 * Instructions that are executed where the processor does not allow them, since the table has no op for them: IN and OUT. The real
 * IOPL is 0. Everything else that faults is the guest's to hear of.
 */
import type { BackendProcessor, DeprivilegedPort } from '@paragraft/core/ops'
import type { GuestRam } from './memory.ts'
import type { ShadowTables } from './shadow.ts'

const OPERAND_SIZE = 0x66
/** IN and OUT with a port in the instruction, and in DX; even opcodes move a byte (Intel SDM vol. 2). */
const IN_IMMEDIATE = 0xe4
const OUT_IMMEDIATE = 0xe6
const IN_DX = 0xec
const OUT_DX = 0xee

interface Reach {
  readonly cpu: DeprivilegedPort
  readonly processor: Pick<BackendProcessor, 'ioRead' | 'ioWrite'>
  readonly shadow: ShadowTables
  readonly ram: GuestRam
}

/** Executes the instruction at EIP if it is IN or OUT; false, with nothing changed, if it is not. */
export function emulate({ cpu, processor, shadow, ram }: Reach): boolean {
  let eip = cpu.get('EIP')
  const next = (): number => {
    const pa = shadow.translate((cpu.segment('CS').base + eip++) >>> 0, false)
    return pa === undefined ? 0 : ram.read8(pa)
  }
  let opcode = next()
  const word = opcode === OPERAND_SIZE
  if (word) opcode = next()
  const form = opcode & ~1
  if (form !== IN_IMMEDIATE && form !== OUT_IMMEDIATE && form !== IN_DX && form !== OUT_DX) return false
  const size = (opcode & 1) === 0 ? 1 : word ? 2 : 4
  const port = form === IN_DX || form === OUT_DX ? cpu.get('EDX') & 0xffff : next()
  const mask = 2 ** (8 * size) - 1
  const eax = cpu.get('EAX')
  if (form === OUT_IMMEDIATE || form === OUT_DX) processor.ioWrite(port, size, (eax & mask) >>> 0)
  else cpu.set('EAX', ((eax & ~mask) | processor.ioRead(port, size)) >>> 0)
  cpu.set('EIP', eip >>> 0)
  return true
}
