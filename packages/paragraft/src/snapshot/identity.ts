/** What a machine is made of, as far as a snapshot of it depends on that. */
import type { Backend, BackendOptionValues, BlockPort, Device, OpsModule } from '@paragraft/core'
import { snapshotMismatch } from '@paragraft/core'
import { sha256 } from '@paragraft/loader'
import type { SnapshotHeader } from './format.ts'

/** The parts that decide. */
export interface MachineIdentity {
  image: Uint8Array
  memory: number
  backend: Backend
  backendOptions: BackendOptionValues
  head: string
  ops: readonly OpsModule[]
  disks: readonly BlockPort[]
  net: boolean
  devices: readonly Device[]
  nsPerInstruction: number
  rtcEpochSeconds: number
}

/** Part by part in words, to be compared and to be shown. */
export function describeMachine(identity: MachineIdentity): Record<string, string> {
  const { image, memory, backend, backendOptions, head, ops, disks, net, devices, nsPerInstruction, rtcEpochSeconds } =
    identity
  const options = Object.entries(backendOptions).map(([name, value]) => `${name}=${describeOption(value)}`)
  return {
    backend: `${backend.name} ${backend.version}`,
    'backend options': options.sort().join(', ') || 'none',
    memory: `${memory} bytes`,
    'guest image': digest(image),
    head,
    'ops modules': ops.map(({ name, version }) => `${name} ${version}`).join(', ') || 'none',
    disks:
      disks.map(disk => `${disk.sectors} sectors, ${disk.readOnly ? 'read-only' : 'writable'}`).join('; ') || 'none',
    'network interface': net ? 'one' : 'none',
    'added devices': devices.map(({ name, version }) => `${name} ${version}`).join(', ') || 'none',
    'time per instruction': `${nsPerInstruction} ns`,
    'clock at power-on': `${rtcEpochSeconds} s`,
  }
}

/** Throws `PG_SNAPSHOT_MISMATCH` for the first part that differs. */
export function checkMachine(header: SnapshotHeader, machine: Readonly<Record<string, string>>): void {
  for (const what of new Set([...Object.keys(machine), ...Object.keys(header.machine)])) {
    const [theirs = 'none', ours = 'none'] = [header.machine[what], machine[what]]
    if (theirs !== ours) throw snapshotMismatch(what, theirs, ours)
  }
}

function describeOption(value: unknown): string {
  if (value instanceof Uint8Array) return digest(value)
  const bytes = typeof value === 'object' && value !== null ? (value as { bytes?: unknown }).bytes : undefined
  if (bytes instanceof Uint8Array) return digest(bytes)
  return typeof value === 'object' ? 'an object' : JSON.stringify(value)
}

function digest(bytes: Uint8Array): string {
  return `sha256 ${Array.from(sha256(bytes), byte => byte.toString(16).padStart(2, '0')).join('')}`
}
