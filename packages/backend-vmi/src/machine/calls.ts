/**
 * Every call as the machine serves it: arguments by the call table's places, what happens, the result. What the processor or
 * the guest's page tables refuse is the guest's exception at its call; nothing a guest passes can do more.
 */
import type { BackendPorts } from '@paragraft/core/ops'
import {
  VMI_DEFER_DT,
  VMI_FLUSH_GLOBAL,
  VMI_FLUSH_TLB,
  VMI_INTERRUPT_MASK,
  VMI_LAZY_CPU,
  VMI_LAZY_MMU,
  VMI_LAZY_NONE,
  VMI_REBOOT_SOFT,
} from '../abi/constants.ts'
import { AP_STATE, type Field } from '../abi/rom.ts'
import {
  guestException,
  IDT_ENTRIES,
  readTableRegister,
  TABLE_ENTRIES,
  updateKernelStack,
  writeEntry,
} from './descriptors.ts'
import type { VmiState } from './state.ts'

const VEC_UD = 6
const VEC_GP = 13
const CR0_PE_PG = 0x8000_0001
const CONTROL_REGISTERS = { SetCR0: 0, SetCR2: 2, SetCR3: 3, SetCR4: 4 } as const

/** Arguments in the prototype's order: numbers unsigned (`int` signed), u64 as bigint. The result, for calls that have one. */
// biome-ignore lint/suspicious/noConfusingVoidType: a call without a result may simply end
export type Service = (args: readonly (number | bigint)[], state: VmiState) => number | bigint | void

const n = (value: number | bigint | undefined): number => Number(value)
const big = (value: number | bigint | undefined): bigint => BigInt(value ?? 0)

const setCr =
  (name: keyof typeof CONTROL_REGISTERS): Service =>
  ([value], { ports }) =>
    ports.processor.writeCr(CONTROL_REGISTERS[name], n(value))

const getCr =
  (number: 0 | 2 | 3 | 4): Service =>
  (_, { ports }) =>
    ports.processor.readCr(number)

/** SGDT and SIDT by hand. */
const storeTable =
  (which: 'readGdtr' | 'readIdtr'): Service =>
  ([at], { ports: { virtual, processor } }) => {
    const { limit, base } = processor[which]()
    virtual.writeVirtual16(n(at), limit)
    virtual.writeVirtual32((n(at) + 2) >>> 0, base)
  }

const entryWriter =
  (limit: number): Service =>
  ([table, entry, low, high], { ports }) =>
    writeEntry(ports, n(table), n(entry), n(low), n(high), limit)

const debugRegister = (number: number | bigint | undefined): number => {
  const register = n(number)
  if (register > 7) throw guestException(VEC_UD, -1, `there is no DR${register}`)
  return register
}

/** Calls by name. IRET and SYSEXIT do not come here: no stub returns for them. */
export const SERVICES: Readonly<Record<string, Service>> = {
  WRMSR: ([value, index], { ports }) => {
    if (!ports.processor.writeMsr(n(index), big(value))) throw guestException(VEC_GP, 0, 'there is no such MSR')
  },
  RDMSR: ([, index], { ports }) => {
    const value = ports.processor.readMsr(n(index))
    if (value === undefined) throw guestException(VEC_GP, 0, 'there is no such MSR')
    return value
  },

  SetGDT: ([dtr], { ports }) => ports.processor.writeGdtr(readTableRegister(ports, n(dtr))),
  SetIDT: ([dtr], { ports }) => ports.processor.writeIdtr(readTableRegister(ports, n(dtr))),
  SetLDT: ([selector], { ports }) => ports.processor.writeLdtr(n(selector) & 0xffff),
  SetTR: ([selector], { ports }) => ports.processor.writeTr(n(selector) & 0xffff),
  GetGDT: storeTable('readGdtr'),
  GetIDT: storeTable('readIdtr'),
  GetTR: (_, { ports }) => ports.processor.readTr(),
  WriteGDTEntry: entryWriter(TABLE_ENTRIES),
  WriteLDTEntry: entryWriter(TABLE_ENTRIES),
  WriteIDTEntry: entryWriter(IDT_ENTRIES),
  UpdateKernelStack: ([selector, esp0], { ports }) => updateKernelStack(ports, n(selector), n(esp0)),

  SetCR0: setCr('SetCR0'),
  SetCR2: setCr('SetCR2'),
  SetCR3: setCr('SetCR3'),
  SetCR4: setCr('SetCR4'),
  GetCR0: getCr(0),
  GetCR2: getCr(2),
  GetCR3: getCr(3),
  GetCR4: getCr(4),
  CLTS: (_, { ports }) => ports.processor.clts(),
  SetDR: ([number, value], { ports }) => ports.processor.writeDr(debugRegister(number), n(value)),
  GetDR: ([number], { ports }) => ports.processor.readDr(debugRegister(number)),
  RDTSC: (_, { ports }) => ports.processor.readTsc(),
  WBINVD: () => {},
  IODelay: () => {},

  EnableInterrupts: (_, { ports }) => ports.processor.setInterrupts(true),
  DisableInterrupts: (_, { ports }) => ports.processor.setInterrupts(false),
  GetInterruptMask: (_, { ports }) => (ports.processor.interruptsEnabled() ? VMI_INTERRUPT_MASK : 0),
  SetInterruptMask: ([mask], { ports }) => ports.processor.setInterrupts((n(mask) & VMI_INTERRUPT_MASK) !== 0),
  Halt: (_, { ports }) => {
    ports.processor.setInterrupts(true)
    ports.processor.halt()
  },
  Reboot: ([how], { ports }) => ports.power.reset(`VMI Reboot, ${how === VMI_REBOOT_SOFT ? 'soft' : 'hard'}`),
  Shutdown: (_, { ports }) => ports.power.powerOff(),

  SetPxE: ([value, entry, flags], state) =>
    state.update({ entry: n(entry), low: n(value), high: 0, flags: n(flags), long: false, told: false }),
  SetPxELong: ([value, entry, flags], state) =>
    state.update({
      entry: n(entry),
      low: Number(big(value) & 0xffff_ffffn),
      high: Number(big(value) >> 32n),
      flags: n(flags),
      long: true,
      told: false,
    }),
  UpdatePxE: ([entry, flags], state) =>
    state.update({ entry: n(entry), low: 0, high: 0, flags: n(flags), long: false, told: true }),
  UpdatePxELong: ([entry, flags], state) =>
    state.update({ entry: n(entry), low: 0, high: 0, flags: n(flags), long: true, told: true }),
  MachineToPhysical: ([frame]) => frame!,
  PhysicalToMachine: ([frame]) => frame!,
  AllocatePage: ([frame, flags, source, start, count], { tables }) =>
    tables.allocate(n(frame), n(flags), n(source), n(start), n(count)),
  ReleasePage: ([frame, flags], { tables }) => tables.release(n(frame), n(flags)),
  InvalPage: ([va], { ports }) => ports.processor.invlpg(n(va)),
  FlushTLB: ([how], { ports }) => {
    const flags = n(how)
    if ((flags & VMI_FLUSH_TLB) === 0 || (flags & ~(VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL)) !== 0) {
      ports.reporter.report('vmi FlushTLB', `the guest flushes by FlushTLB with flags 0x${(flags >>> 0).toString(16)}`)
    }
    if ((flags & VMI_FLUSH_GLOBAL) !== 0) ports.processor.flushTlbGlobal()
    else ports.processor.flushTlb()
  },
  SetLinearMapping: ([slot, va, count, frame], { tables }) =>
    tables.setLinearMapping(n(slot), n(va), n(count), n(frame)),
  SetLazyMode: ([mode], state) => setLazyMode(n(mode), state),

  SetInitialAPState: ([at, apicId], { ports, apStates }) => {
    const ap = readApState(ports, n(at))
    if ((ap['cr0']! & CR0_PE_PG) >>> 0 !== CR0_PE_PG) {
      ports.reporter.report('vmi SetInitialAPState CR0', 'the guest starts a processor without protection or paging')
    }
    ports.reporter.report('vmi SetInitialAPState', 'the guest prepares another processor, and this machine has one')
    // 8 bits are an xAPIC's identity; the machine keeps no more of them than can exist.
    if (n(apicId) < 256) apStates.set(n(apicId), ap)
  },

  GetCycleFrequency: (_, { time }) => time.frequency(),
  GetCycleCounter: ([counter], { time }) => time.counter(n(counter)),
  SetAlarm: ([flags, expiry, period], { time }) => time.setAlarm(n(flags), big(expiry), big(period)),
  CancelAlarm: ([flags], { time }) => (time.cancelAlarm(n(flags)) ? 1 : 0),
  GetWallclockTime: (_, { time }) => time.wallclock(),
  // Both come from the same clock, and nobody sets it.
  WallclockUpdated: () => 0,
}

function setLazyMode(mode: number, state: VmiState): void {
  const { reporter } = state.ports
  const known = mode === VMI_LAZY_NONE || mode === VMI_LAZY_MMU || mode === VMI_LAZY_CPU
  if (!known && mode !== VMI_DEFER_DT) {
    reporter.report('vmi SetLazyMode mode', `the guest enters a lazy mode ${mode}, which is none`)
    return
  }
  if (mode !== VMI_LAZY_NONE && state.lazyMode !== VMI_LAZY_NONE) {
    reporter.report('vmi SetLazyMode nesting', `the guest enters lazy mode ${mode} in lazy mode ${state.lazyMode}`)
  }
  state.lazyMode = mode
}

/** The fields of struct vmi_ap_state. */
function readApState({ virtual }: Pick<BackendPorts, 'virtual'>, va: number): Record<string, number> {
  const read = ({ at, size }: Field): number =>
    size === 2 ? virtual.readVirtual16((va + at) >>> 0) : virtual.readVirtual32((va + at) >>> 0)
  return Object.fromEntries(Object.entries(AP_STATE).map(([name, field]) => [name, read(field)]))
}
