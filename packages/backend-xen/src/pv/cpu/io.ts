/**
 * IN, OUT, INS and OUTS of a guest (emul-priv-op.c, guest_io_okay, guest_io_read, guest_io_write). An ordinary domain has no ports: what
 * its own IOPL or bitmap lets it try reads as all ones and writes nothing. The selectors of the clock chip and of PCI
 * configuration are kept for it.
 */
import type { Outcome } from './control.ts'
import { ioBreakpoints } from './debug.ts'
import type { PortInstruction } from './decode.ts'
import { inject, VEC_DB } from './traps.ts'
import { ioplAllows, segmentBase, type Vcpu } from './vcpu.ts'

const FLAG_DF = 0x400
const RTC_INDEX = 0x70
const PCI_ADDRESS = 0xcf8
const PIT_PORTS = new Set([0x42, 0x43, 0x61])
const EC_WRITE = 2
/** Repetitions of one string instruction before the guest is looked at again; it goes on at the same EIP. */
const MOST_REPETITIONS = 1024

export function portInstruction(vcpu: Vcpu, instruction: PortInstruction): Outcome {
  const { port: registers } = vcpu
  const { size } = instruction
  const port = instruction.port ?? registers.get('EDX') & 0xffff
  if (!mayUse(vcpu, port, size)) return 'refused'
  const outcome = instruction.string ? stringAccess(vcpu, instruction, port) : access(vcpu, instruction, port)
  const hit = outcome === 'done' ? ioBreakpoints(vcpu, port, size) : 0
  if (hit === 0) return outcome
  vcpu.state.dr6 = (vcpu.state.dr6 | hit) >>> 0
  registers.set('EIP', (registers.get('EIP') + instruction.length) >>> 0)
  inject(vcpu, VEC_DB)
  return 'again'
}

function access(vcpu: Vcpu, { write, size }: PortInstruction, port: number): Outcome {
  const { port: registers } = vcpu
  const eax = registers.get('EAX')
  const mask = size === 4 ? 0xffff_ffff : (1 << (size * 8)) - 1
  if (write) portWrite(vcpu, port, size, (eax & mask) >>> 0)
  else registers.set('EAX', ((eax & ~mask) | (portRead(vcpu, port, size) & mask)) >>> 0)
  return 'done'
}

/** INS to ES:EDI, OUTS from DS:ESI or another segment. */
function stringAccess(vcpu: Vcpu, instruction: PortInstruction, port: number): Outcome {
  const { port: registers, guest } = vcpu
  const { write, size, repeat, address32 } = instruction
  const wide = (value: number): number => (address32 ? value >>> 0 : value & 0xffff)
  const pointer = write ? 'ESI' : 'EDI'
  const base = segmentBase(vcpu, registers.segment(write ? instruction.segment : 'ES').selector)
  if (base === undefined) return 'refused'
  const step = (registers.get('EFLAGS') & FLAG_DF) !== 0 ? -size : size
  const keep = (old: number, value: number): number =>
    address32 ? value >>> 0 : ((old & ~0xffff) | (value & 0xffff)) >>> 0
  for (let left = MOST_REPETITIONS; ; left--) {
    const count = wide(registers.get('ECX'))
    if (repeat && count === 0) return 'done'
    if (left === 0) return 'again'
    const offset = registers.get(pointer)
    const at = (base + wide(offset)) >>> 0
    if (write) {
      const bytes = guest.copyFrom(at, size)
      if (bytes === undefined) return { address: at, errorCode: 0 }
      portWrite(
        vcpu,
        port,
        size,
        bytes.reduceRight((value, byte) => value * 256 + byte, 0),
      )
    } else {
      const value = portRead(vcpu, port, size)
      const bytes = Uint8Array.from({ length: size }, (_, n) => value >>> (8 * n))
      if (!guest.copyTo(at, bytes)) return { address: at, errorCode: EC_WRITE }
    }
    registers.set(pointer, keep(offset, offset + step))
    if (!repeat) return 'done'
    registers.set('ECX', keep(registers.get('ECX'), count - 1))
  }
}

/** By IOPL, or by the bitmap that the guest has registered; a bit is clear for a port that may be used. */
function mayUse(vcpu: Vcpu, port: number, size: number): boolean {
  if (ioplAllows(vcpu)) return true
  const { state, guest } = vcpu
  if (state.ioPorts <= port + size) return false
  const bytes = guest.copyFrom((state.ioBitmap + (port >>> 3)) >>> 0, 2)
  const mask = bytes === undefined ? 0xffff : bytes[0]! | (bytes[1]! << 8)
  return (mask & (((1 << size) - 1) << (port & 7))) === 0
}

function portRead({ state, reporter }: Vcpu, port: number, size: number): number {
  if (port === PCI_ADDRESS && size === 4) return state.cf8
  if (port === RTC_INDEX) return (0xffff_ff00 | state.cmosIndex) >>> 0
  if (PIT_PORTS.has(port)) reporter.report('pit', 'the guest read the interval timer, which is not emulated for it')
  return 0xffff_ffff
}

function portWrite({ state }: Vcpu, port: number, size: number, value: number): void {
  if (port === PCI_ADDRESS && size === 4) state.cf8 = value
  else if (port === RTC_INDEX) state.cmosIndex = value & 0xff
}
