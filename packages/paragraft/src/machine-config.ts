/** What a machine is made of, as its embedder says it, and what of that can be refused by itself. */
import {
  type Backend,
  type BackendOptionValues,
  type BlockPort,
  type BootModule,
  type Clock,
  checkApiVersion,
  type DeprecationNotice,
  type Device,
  deprecation,
  type Head,
  isBackend,
  isDevice,
  type NetPort,
  type OpsModule,
  ParagraftError,
  requireAbilities,
} from '@paragraft/core'
import type { Engine } from '@paragraft/cpu'
import type { EngineName } from './engines.ts'

/** One port access, for a trace. */
export interface IoAccess {
  instructions: number
  write: boolean
  port: number
  /** Bytes: 1, 2 or 4. */
  size: number
  value: number
}

/** One call of an op that a host function answers, for a trace. */
export interface OpCall {
  instructions: number
  slot: number
  op: string
  returnAddress: number
}

/** What a machine is made of. */
export interface MachineConfig {
  /** The guest's image: ELF, bzImage, multiboot kernel. */
  image: Uint8Array
  /** Its name, for protocols that hand it on. */
  imageName?: string
  backend: Backend
  /** The backend's options, by name. */
  backendOptions?: BackendOptionValues
  /** Ops modules to graft, in order; a later one wins a slot that several answer. */
  ops?: readonly OpsModule[]
  /**
   * The backend's default ops, below `ops`, for a guest that does not know the backend and has a table that they target; in place
   * of the backend's own `ops`. null: no such module, whatever the guest.
   */
  defaultOps?: OpsModule | (() => Promise<OpsModule | undefined>) | null
  /** RAM in bytes, a multiple of 4096. Default: the snapshot's, else 256 MiB. */
  memory?: number
  /** The guest's command line. Without `console=` in it, the head's default console is added. */
  commandLine?: string
  initrd?: Uint8Array | undefined
  modules?: readonly BootModule[]
  /** The disks in their order; one may stand by itself. */
  disk?: BlockPort | readonly BlockPort[]
  /** The guest's network interface, made when the machine's clock exists. Only a backend with interfaces gives it to the guest. */
  net?: (clock: Clock) => NetPort
  /** Devices on the board's buses, beside its own. */
  devices?: readonly Device[]
  engine?: EngineName
  /**
   * What `PcMachine.snapshot` gave: the machine goes on from there. It must be made of the same parts; command line, initrd and
   * boot modules are in its memory already, and are not looked at. The engine may be another.
   */
  snapshot?: Uint8Array
  /** Virtual nanoseconds per instruction, an integer of at least 1. Default {@link NS_PER_INSTRUCTION}. */
  nsPerInstruction?: number
  /** What the real-time clock shows at power-on, in seconds since 1970. Default {@link RTC_EPOCH_SECONDS}. */
  rtcEpochSeconds?: number
  /** Guest console output, as it comes; the bytes are the receiver's to keep. */
  output: (bytes: Uint8Array) => void
  /** What is being done, and how far it is, while the machine is put together. */
  progress?: (text: string, done?: number, total?: number) => void
  /** Sees every use of what a later version will refuse; `tellOnce` makes of it what people want to hear. */
  deprecated?: (notice: DeprecationNotice) => void
  /** Sees every port access. */
  onIo?: (access: IoAccess) => void
  /** Sees every call that a host function answers. */
  onOpCall?: (call: OpCall) => void
  /** Gets the engine as soon as it exists, for debuggers and lock-step runs. */
  onEngine?: (engine: Engine) => void
  /** Sees every instruction's offset in CS before it executes. Slow; for proofs and for hunting. */
  onInstruction?: (eip: number) => void
}

/** A processor of 250 million instructions a second: delays that a guest counts stay short for the host. */
export const NS_PER_INSTRUCTION = 4
/** 2026-01-01 00:00:00 UTC: the same at every boot, so that the same boot is the same run. */
export const RTC_EPOCH_SECONDS = 1_767_225_600
/** RAM of a machine that nobody gave any size, in bytes. */
export const DEFAULT_MEMORY = 256 * 2 ** 20
const MEGABYTE = 2 ** 20

/** A backend of this API, that lets the guest have what the machine is given. */
export function checkBackend(config: MachineConfig): void {
  const { backend, net, devices = [], deprecated } = config
  if (!isBackend(backend)) {
    throw new ParagraftError('PG_BACKEND', 'the backend is none', {
      fields: { got: typeof backend },
      hint: 'A backend is what defineBackend returns; give that.',
    })
  }
  // Another copy of core made it, maybe, and checked it against its own version.
  checkApiVersion(backend.name, backend.apiVersion)
  if (backend.supports === undefined) deprecated?.(deprecation('backend-without-supports', backend.name))
  if (disksOf(config).length > 0) requireAbilities(backend, ['disk'], 'a disk')
  for (const device of devices) checkDevice(device, backend)
  if (net !== undefined) requireAbilities(backend, ['net'], 'a network interface')
}

/** The disks in their order. */
export function disksOf({ disk = [] }: MachineConfig): readonly BlockPort[] {
  return 'sectors' in disk ? [disk] : disk
}

function checkDevice(device: Device, backend: Backend): void {
  if (!isDevice(device)) {
    throw new ParagraftError('PG_DEVICE', 'a device is none', {
      fields: { got: typeof device },
      hint: 'A device is what defineDevice returns; give that.',
    })
  }
  checkApiVersion(device.name, device.apiVersion)
  requireAbilities(backend, ['devices'], device.name)
}

/** Time must be exact in whole nanoseconds. */
export function checkTime(ns: number): number {
  if (Number.isInteger(ns) && ns >= 1 && ns <= 1000) return ns
  throw new ParagraftError('PG_CONFIG', `an instruction cannot take ${ns} nanoseconds`, {
    fields: { nsPerInstruction: ns },
    hint: 'Give nsPerInstruction a whole number from 1 to 1000.',
  })
}

export function checkMemory(size: number): number {
  if (Number.isInteger(size) && size % 4096 === 0 && size >= MEGABYTE && size <= 3 * 2 ** 30) return size
  throw new ParagraftError('PG_MEMORY_SIZE', `a machine cannot have ${size} bytes of memory`, {
    fields: { size },
    hint: 'Give it whole pages, from 1 MiB to 3 GiB.',
  })
}

/** The command line with a console in it, as the head prefers. */
export function commandLineFor(config: MachineConfig, head: Head): string {
  const line = config.commandLine ?? ''
  if (head.defaultConsole === undefined || /(^|\s)console=/.test(line)) return line
  return `${line} ${head.defaultConsole}`.trim()
}
