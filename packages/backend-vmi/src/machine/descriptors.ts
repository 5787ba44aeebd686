/** Descriptor tables and task state, written for the guest: GDTR and IDTR operands, entries, the kernel stack. */
import { ParagraftError } from '@paragraft/core/errors'
import type { BackendPorts, TableRegister } from '@paragraft/core/ops'

/** Descriptors are 8 bytes; a GDT or LDT has at most 8192, an IDT 256 (SDM vol. 3A 3.5.1, 6.10). */
const DESCRIPTOR_BYTES = 8
export const TABLE_ENTRIES = 8192
export const IDT_ENTRIES = 256
const VEC_GP = 13
/** Of a 32-bit TSS (SDM vol. 3A figure 7-2). */
const TSS_ESP0 = 4
const TSS_SS0 = 8
/** Descriptor types, bits 12–8 of the high half: 32-bit TSS, available or busy. */
const TSS_TYPE = 0x0900
const TSS_TYPE_MASK = 0x1d00
const PRESENT = 0x8000

type Ports = Pick<BackendPorts, 'virtual' | 'processor' | 'reporter'>

/** An exception of the guest, for what it asked; the machine delivers it where the call left. */
export function guestException(vector: number, errorCode: number, why: string): ParagraftError {
  return new ParagraftError('PG_HOST_PROCESSOR', why, {
    fields: { vector, errorCode },
    hint: 'The guest asked for what the processor refuses.',
  })
}

/** Reads VMI_DTR: limit (u16), base (u32). */
export function readTableRegister({ virtual }: Ports, va: number): TableRegister {
  return { limit: virtual.readVirtual16(va), base: virtual.readVirtual32((va + 2) >>> 0) }
}

/** Stores a descriptor, the half with the present bit last. #GP(0) for an entry that no table has. */
export function writeEntry(
  { virtual }: Ports,
  table: number,
  entry: number,
  low: number,
  high: number,
  limit: number,
): void {
  if (entry >= limit) throw guestException(VEC_GP, 0, `there is no descriptor ${entry}`)
  const at = (table + entry * DESCRIPTOR_BYTES) >>> 0
  // Both halves must be writable before one is written.
  virtual.writeVirtual32((at + 4) >>> 0, virtual.readVirtual32((at + 4) >>> 0))
  virtual.writeVirtual32(at, low)
  virtual.writeVirtual32((at + 4) >>> 0, high)
}

/**
 * UpdateKernelStack: the stack that the current TSS is to have. A guest has stored it there before; where it has not, it is done
 * now, since the next entry to the kernel will use it.
 */
export function updateKernelStack({ virtual, processor, reporter }: Ports, selector: number, esp0: number): void {
  const tss = currentTss({ virtual, processor, reporter })
  if (tss === undefined) {
    reporter.report('vmi UpdateKernelStack', 'the guest names a kernel stack before it has loaded a task register')
    return
  }
  if (virtual.readVirtual32((tss + TSS_ESP0) >>> 0) !== esp0) virtual.writeVirtual32((tss + TSS_ESP0) >>> 0, esp0)
  if (virtual.readVirtual16((tss + TSS_SS0) >>> 0) !== (selector & 0xffff)) {
    virtual.writeVirtual16((tss + TSS_SS0) >>> 0, selector & 0xffff)
  }
}

/** Linear address of the TSS that TR names, by its descriptor; undefined when there is none. */
function currentTss({ virtual, processor }: Ports): number | undefined {
  const selector = processor.readTr() & 0xfff8
  const gdt = processor.readGdtr()
  if (selector === 0 || selector + 7 > gdt.limit) return undefined
  const low = virtual.readVirtual32((gdt.base + selector) >>> 0)
  const high = virtual.readVirtual32((gdt.base + selector + 4) >>> 0)
  if ((high & TSS_TYPE_MASK) !== TSS_TYPE || (high & PRESENT) === 0) return undefined
  return ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0
}
