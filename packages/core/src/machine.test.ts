import { expect, test } from 'vitest'
import { exitStatus, type RegisterView, type StopReason } from './machine.ts'

const registers = {} as RegisterView

// The statuses of the command line; isa-debug-exit as hw/misc/debugexit.c of QEMU: (value << 1) | 1.
test.each([
  [{ kind: 'powerOff' }, 0],
  [{ kind: 'until', text: 'login:' }, 0],
  [{ kind: 'guestFault', fault: 'triple-fault', message: '', registers }, 3],
  [{ kind: 'reset', why: '' }, 3],
  [{ kind: 'haltedForever', registers }, 3],
  [{ kind: 'timeout', seconds: 1 }, 4],
  [{ kind: 'debugExit', value: 0 }, 1],
  [{ kind: 'debugExit', value: 0x10 }, 33],
  [{ kind: 'debugExit', value: 0xff }, 255],
] as [StopReason, number][])('%o exits with %i', (stop, status) => {
  expect(exitStatus(stop)).toBe(status)
})
