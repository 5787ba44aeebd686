/** The guest's debug registers (xen/arch/x86/pv/misc-hypercalls.c, set_debugreg; asm-x86/debugreg.h). */
import { ENODEV, EPERM } from '../../abi/errno.ts'
import { DR6_DEFAULT, DR7_DEFAULT } from './state.ts'
import type { Vcpu } from './vcpu.ts'

const CR4_DE = 8
/** Bits of DR6 that can be written; those of DR7 that cannot: 11, 12, 14, 15. */
const DR6_WRITABLE = 0xe00f
const DR7_RESERVED = 0xd800
const DR7_GD = 0x2000
const DR7_ACTIVE = 0xff
const DR_IO = 2

/** 0, or -ENODEV (no such register), -EPERM (bits that a guest may not use). */
export function setDebugRegister(vcpu: Vcpu, register: number, value: number): number {
  const { state, processor } = vcpu
  switch (register) {
    case 0:
    case 1:
    case 2:
    case 3:
      state.breakpoints[register] = value
      processor.writeDr(register, value)
      return 0
    case 4:
    case 6:
      if (register === 4 && (state.cr4 & CR4_DE) !== 0) return -ENODEV
      state.dr6 = ((value & DR6_WRITABLE) | DR6_DEFAULT) >>> 0
      return 0
    case 5:
    case 7:
      if (register === 5 && (state.cr4 & CR4_DE) !== 0) return -ENODEV
      return setControl(vcpu, ((value & ~DR7_RESERVED) | DR7_DEFAULT) >>> 0)
    default:
      return -ENODEV
  }
}

function setControl({ state, processor }: Vcpu, control: number): number {
  if ((control & DR7_GD) !== 0) return -EPERM
  let io = 0
  if ((control & DR7_ACTIVE) !== 0) {
    for (let n = 0; n < 4; n++) {
      if (((control >>> (16 + n * 4)) & 3) !== DR_IO) continue
      if ((state.cr4 & CR4_DE) === 0) return -EPERM
      io |= control & (3 << (n * 2))
    }
  }
  state.dr7Io = io
  // I/O breakpoints are looked for where the access is emulated.
  state.dr7 = (control & ~io) >>> 0
  processor.writeDr(7, state.dr7)
  return 0
}

/** The register; -ENODEV, which no register's value is, where there is none. */
export function getDebugRegister({ state }: Vcpu, register: number): number {
  if (register >= 0 && register <= 3) return state.breakpoints[register]!
  const aliased = (state.cr4 & CR4_DE) === 0
  if (register === 6 || (register === 4 && aliased)) return state.dr6
  if (register === 7 || (register === 5 && aliased)) return (state.dr7 | state.dr7Io) >>> 0
  return -ENODEV
}

/** Breakpoints, as bits of DR6, that an I/O access meets (check_guest_io_breakpoint). */
export function ioBreakpoints({ state }: Vcpu, port: number, size: number): number {
  if (state.dr7Io === 0 || (state.cr4 & CR4_DE) === 0) return 0
  let hit = 0
  for (let n = 0; n < 4; n++) {
    if (((state.dr7Io >> (n * 2)) & 3) === 0) continue
    const length = (state.dr7 >>> (18 + n * 4)) & 3
    const width = length === 2 ? 8 : length + 1
    const start = state.breakpoints[n]!
    if (start < port + size && start + width > port) hit |= 1 << n
  }
  return hit
}

/** A #DB of the processor's: its causes go into the guest's DR6, and leave the processor's. */
export function noteDebugException({ state, processor }: Vcpu): void {
  state.dr6 = (state.dr6 | (processor.readDr(6) & DR6_WRITABLE)) >>> 0
  processor.writeDr(6, DR6_DEFAULT)
}
