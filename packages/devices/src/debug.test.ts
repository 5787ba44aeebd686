import { expect, test } from 'vitest'
import { DebugConsole } from './debugcon.ts'
import { DebugExit } from './debugexit.ts'
import { PortBus } from './io-bus.ts'
import { TestConsole, TestPower, TestReporter } from './testing.ts'

test('the debug console answers E9h and passes bytes on, also from wide writes at its port only', () => {
  const bus = new PortBus(new TestReporter())
  const console = new TestConsole()
  new DebugConsole({ bus, console })
  expect(bus.ioRead(0xe9, 1)).toBe(0xe9)
  for (const character of 'ok') bus.ioWrite(0xe9, 1, character.charCodeAt(0))
  expect(console.output).toBe('ok')
})

test('the debug exit passes the whole value at its default and at a chosen port (QEMU isa-debug-exit)', () => {
  const bus = new PortBus(new TestReporter())
  const power = new TestPower()
  new DebugExit({ bus, power })
  new DebugExit({ bus, power, port: 0xf4 })
  bus.ioWrite(0x501, 4, 0x10)
  bus.ioWrite(0xf4, 1, 3)
  expect(power.events).toEqual(['exit 16', 'exit 3'])
  expect(bus.ioRead(0x501, 1)).toBe(0)
})
