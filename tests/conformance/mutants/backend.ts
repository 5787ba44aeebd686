/** Mutants of the reference backend: what it does for its machine, and what it gets from it. */
import { overlay } from '@paragraft/conformance'
import type { BackendInstance, BackendPorts, HypercallFrame } from '@paragraft/core/ops'
import type { IoHandler } from '@paragraft/core/ports'
import { manifest } from '../reference/backend.ts'
import { HYPERCALLS } from '../reference/object.ts'
import { altered, type Mutant, referenceSubject } from './mutant.ts'

const op = (name: string): string => `PAE tables: ${name}`
const TICKS = op('time.time_init: one tick comes after another')
const HOSTILE = 'hostile: every way from the guest into the instance, with any values'
const MSR_APIC_BASE = 0x1b
const APIC_BASE_ENABLE = 0x800n
const LATE_NS = 20_000_000
const PIC_COMMAND = 0x20

const instance = (
  where: string,
  fault: string,
  change: (right: BackendInstance, ports: BackendPorts) => Partial<BackendInstance>,
  found: string,
): Mutant => altered(where, fault, { instance: (right, ports) => overlay(right, change(right, ports)) }, found)

const ports = (
  where: string,
  fault: string,
  change: (right: BackendPorts) => Partial<BackendPorts>,
  found: string,
): Mutant => altered(where, fault, { ports: right => overlay(right, change(right)) }, found)

/** A hypercall done otherwise. */
const hypercall = (
  call: keyof typeof HYPERCALLS,
  fault: string,
  serve: (frame: HypercallFrame, right: BackendInstance, ports: BackendPorts) => boolean | 'again',
  found: string,
): Mutant =>
  instance(
    `hypercall ${call}`,
    fault,
    (right, given) => ({
      hypercall: frame =>
        frame.getRegister('EBX') === HYPERCALLS[call] ? serve(frame, right, given) : right.hypercall!(frame),
    }),
    found,
  )

export const lostEvents: readonly Mutant[] = [
  instance(
    'acknowledgeInterrupt',
    'says that the request was withdrawn',
    right => ({
      acknowledgeInterrupt: () => {
        right.acknowledgeInterrupt!()
        return -1
      },
    }),
    TICKS,
  ),
  instance(
    'acknowledgeInterrupt',
    'gives the next vector',
    right => ({
      acknowledgeInterrupt: () => right.acknowledgeInterrupt!() + 1,
    }),
    TICKS,
  ),
  ports(
    'intr',
    'is late when interrupts were off',
    ({ intr, clock, processor }) => ({
      intr: {
        set: level => {
          if (level && !processor.interruptsEnabled()) clock.schedule(clock.now() + LATE_NS, () => intr.set(true))
          else intr.set(level)
        },
      },
    }),
    op('irq.irq_enable: an interrupt that waited arrives'),
  ),
  ports(
    'io',
    'the end of an interrupt is not heard',
    ({ io }) => ({
      io: {
        claim: (first, count, handler, name) =>
          io.claim(first, count, first === PIC_COMMAND ? deafTo0x60(handler) : handler, name),
      },
    }),
    TICKS,
  ),
  instance(
    'wakes',
    'does not mean to wake the guest',
    () => ({ wakes: () => false }),
    op('irq.safe_halt: it sleeps until an interrupt comes'),
  ),
  ports(
    'processor',
    'a sleeping guest is never let have its interrupt',
    ({ processor }) => ({
      processor: overlay(processor, { setInterrupts: () => {} }),
    }),
    op('irq.safe_halt: it sleeps until an interrupt comes'),
  ),
]

/** The 8259 without the specific end of interrupt (OCW2 60h to 67h). */
function deafTo0x60(handler: IoHandler): IoHandler {
  return overlay(handler, {
    ioWrite: (port, size, value) => {
      if ((value & 0xe0) !== 0x60) handler.ioWrite(port, size, value)
    },
  })
}

export const wrongCalls: readonly Mutant[] = [
  hypercall(
    'flush_tlb_one_user',
    'takes the address from EDX',
    (frame, right) =>
      right.hypercall!(overlay(frame, { getRegister: name => frame.getRegister(name === 'EAX' ? 'EDX' : name) })),
    op('mmu.flush_tlb_one_user: a stale translation is gone'),
  ),
  hypercall(
    'sched_clock',
    'gives the halves in each other’s registers',
    (frame, right) =>
      right.hypercall!(
        overlay(frame, { setRegister: (name, value) => frame.setRegister(name === 'EAX' ? 'EDX' : 'EAX', value) }),
      ),
    op('time.sched_clock: it counts nanoseconds: ten ticks are about 100 ms'),
  ),
  hypercall('safe_halt', 'returns at once', () => true, op('irq.safe_halt: it sleeps until an interrupt comes')),
  hypercall(
    'set_wallclock',
    'is claimed and not done',
    frame => {
      frame.setRegister('EAX', 0)
      return true
    },
    op('time.set_wallclock: another minute of the hour can be set, and is read'),
  ),
  hypercall(
    'get_wallclock',
    'is not claimed',
    () => false,
    op('time.get_wallclock: it is a second or two later after 150 ticks'),
  ),
  hypercall(
    'get_wallclock',
    'throws what is not a coded error',
    () => {
      throw new TypeError('cannot read properties of undefined')
    },
    HOSTILE,
  ),
]

export const wrongProcessor: readonly Mutant[] = [
  instance(
    'readMsr',
    'the local APIC looks off',
    right => ({
      readMsr: index => {
        const value = right.readMsr!(index)
        return index === MSR_APIC_BASE && value !== undefined ? value & ~APIC_BASE_ENABLE : value
      },
    }),
    op('cpu.read_msr: APIC_BASE says where the local APIC is'),
  ),
  instance(
    'readMsr',
    'negative numbers',
    right => ({
      readMsr: index => right.readMsr!(index) ?? (index > 0xc000_0000 ? -1n : undefined),
    }),
    HOSTILE,
  ),
  instance(
    'writeMsr',
    'claims what it does not store',
    right => ({
      writeMsr: (index, value) => right.writeMsr!(index, index === MSR_APIC_BASE ? value & ~APIC_BASE_ENABLE : value),
    }),
    op('cpu.write_msr: APIC_BASE takes what it has'),
  ),
  instance(
    'cpuid',
    'features change while the guest runs',
    () => {
      let calls = 0
      return { cpuid: (leaf, _subleaf, [a, b, c, d]) => (leaf === 1 && ++calls > 2 ? [a, b, c, d & ~1] : undefined) }
    },
    op('cpu.cpuid: leaf 1 has the features seen at boot'),
  ),
  instance(
    'cpuid',
    'no vendor',
    () => ({
      cpuid: (leaf, _subleaf, [a]) => (leaf === 0 ? [a, 0, 0, 0] : undefined),
    }),
    op('cpu.cpuid: leaf 0 has a vendor'),
  ),
  instance(
    'cpuid',
    'every leaf is leaf 0',
    () => {
      let zero: [number, number, number, number] | undefined
      return {
        cpuid: (leaf, _subleaf, own) => {
          if (leaf === 0) zero = [...own]
          return zero
        },
      }
    },
    op('cpu.cpuid: it takes its leaf from *eax'),
  ),
]

export const wrongClock: readonly Mutant[] = [
  ports(
    'clock',
    'goes three times too slowly',
    ({ clock }) => ({
      clock: overlay(clock, {
        now: () => Math.floor(clock.now() / 3),
        schedule: (at, callback) => clock.schedule(3 * at, callback),
      }),
    }),
    op('time.get_tsc_khz: the counter runs at about that frequency'),
  ),
  ports(
    'clock',
    'nobody is called',
    ({ clock }) => ({
      clock: overlay(clock, { schedule: () => clock.schedule(Number.MAX_SAFE_INTEGER, () => {}) }),
    }),
    TICKS,
  ),
  ports(
    'clock',
    'another time in every run',
    ({ clock }) => {
      const jitter = jitters++
      return { clock: overlay(clock, { schedule: (at, callback) => clock.schedule(at + 1000 * jitter, callback) }) }
    },
    'boot: the same boot is the same run, to the instruction',
  ),
]
let jitters = 0

export const wrongContract: readonly Mutant[] = [
  {
    fault: 'manifest: lists what the definition does not',
    found: 'contract: the package says what the definition says',
    subject: {
      ...referenceSubject,
      manifest: { paragraft: { ...manifest.paragraft, supports: [...manifest.paragraft.supports, 'net'] } },
    },
  },
  altered(
    'create',
    'one instance for all machines',
    {
      instance: right => (shared ??= right),
    },
    'contract: it creates an instance for each machine, and none knows of another',
  ),
  instance(
    'counts',
    'less than nothing',
    () => ({
      counts: () => ({ hypercalls: { safe_halt: -1 } }),
    }),
    'contract: counts are numbers by name, and asking for them changes nothing',
  ),
]
let shared: BackendInstance | undefined

const GOES_ON = 'snapshot: a run handed from machine to machine is the same run, to the instruction'

export const lostStates: readonly Mutant[] = [
  instance(
    'save',
    'forgets that an interrupt waits',
    right => ({ save: () => ({ ...(right.save!() as object), pending: false }) }),
    GOES_ON,
  ),
  instance(
    'save',
    'forgets that the guest sleeps in a hypercall',
    right => ({ save: () => ({ ...(right.save!() as object), blocked: false }) }),
    GOES_ON,
  ),
  instance('restore', 'does nothing', () => ({ restore: () => {} }), GOES_ON),
]
