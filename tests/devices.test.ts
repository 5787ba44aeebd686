/** Devices of the user's on the board's buses: found by name, on narrow ports, refused like other plug-ins, kept by snapshots. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import native from '@paragraft/backend-native'
import { type DeviceInstance, type DevicePorts, defineBackend, defineDevice } from '@paragraft/core/ops'
import { createMachine } from 'paragraft'
import { expect, test } from 'vitest'
import { install, userFolder } from './support/packages.ts'
import { flatGuest, paragraft, say } from './support/paragraft.ts'

/** mov dx, 2E0h; in al, dx; out E9h, al */
const READ = [0x66, 0xba, 0xe0, 0x02, 0xec, 0xe6, 0xe9]
const FOREVER = [0xeb, 0xfe]

/** A port at 2E0h that counts how often it is read, from `A`. */
const COUNTER = `
  import { defineDevice } from '@paragraft/core/ops'
  export default defineDevice({
    name: 'counter', version: '1.0.0', apiVersion: '^1.1.0',
    create({ io }) {
      let count = 0
      io.claim(0x2e0, 1, { ioRead: () => 65 + count++, ioWrite() {} }, 'counter')
      return { save: () => count, restore: state => { count = state } }
    },
  })`

test('a device is found by name from a config, and the guest finds it at its ports', async () => {
  const cwd = userFolder(['core', 'backend-native'], { 'paragraft.config.json': { device: ['counter'] } })
  install(cwd, 'paragraft-device-counter', { paragraft: { kind: 'device', name: 'counter', api: '^1.1.0' } }, COUNTER)
  const guest = flatGuest([...READ, ...READ, ...say('!'), ...FOREVER])
  const { stdout, stderr, status } = await paragraft(['run', guest, '--until', '!'], { cwd })
  expect([stderr, status, stdout]).toEqual([stderr, 0, 'AB!'])
  const absent = await paragraft(['run', guest, '--device', 'abacus'], { cwd })
  expect([absent.status, absent.stderr]).toEqual([2, expect.stringContaining('npm install @paragraft/device-abacus')])
  const wrong = await paragraft(['run', guest, '--device', 'native'], { cwd })
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('[PG_PLUGIN_NOT_FOUND]')])
})

/** A device of what a function does with its ports, and returns if it has a state. */
const device = (does: (ports: DevicePorts) => unknown) =>
  defineDevice({
    name: 'd',
    version: '1.0.0',
    apiVersion: '^1.1.0',
    create: ports => (does(ports) as DeviceInstance | undefined) ?? {},
  })

/** A machine of a guest of a few bytes. */
const machine = (code: number[], devices: ReturnType<typeof device>[], more: object = {}) =>
  createMachine({
    image: new Uint8Array(readFileSync(flatGuest(code))),
    backend: native,
    devices,
    memory: 2 ** 21,
    output: () => {},
    ...more,
  })

test('an interrupt line reaches the 8259, and may be shared; the board’s own are not to be had', async () => {
  // OCW3: read IRR of the master 8259 (8259A data sheet); mov al, 0Ah; out 20h, al; in al, 20h; then hlt.
  const guest = [0xb0, 0x0a, 0xe6, 0x20, 0xe4, 0x20, 0xf4]
  const two = await machine(guest, [device(({ irq }) => irq(5).set(true)), device(({ irq }) => void irq(5))])
  two.run({ instructions: 4 })
  expect(two.registers().eax & 0x20).toBe(0x20)
  const none = await machine(guest, [])
  none.run({ instructions: 4 })
  expect(none.registers().eax & 0x20).toBe(0)
  for (const taken of [0, 2, 4, 13, 16, -1]) {
    await expect(machine(guest, [device(({ irq }) => void irq(taken))])).rejects.toMatchObject({
      code: 'PG_DEVICE_IRQ',
      fields: { device: 'd', irq: taken },
    })
  }
})

test('what is no device, is for another API, or meets a backend without a board is refused', async () => {
  expect(() => defineDevice({ name: 'd', version: '1.0.0', apiVersion: '^1.1.0' } as never)).toThrow(
    expect.objectContaining({ code: 'PG_DEVICE' }),
  )
  expect(() => defineDevice({ name: 'd', version: '1.0.0', apiVersion: '^2.0.0', create: () => ({}) })).toThrow(
    expect.objectContaining({ code: 'PG_API_VERSION' }),
  )
  await expect(machine([0xf4], [{ name: 'd' } as never])).rejects.toMatchObject({ code: 'PG_DEVICE' })
  const boardless = defineBackend({
    name: 'boardless',
    version: '1.0.0',
    apiVersion: '^1.1.0',
    supports: ['ops'],
    heads: ['multiboot'],
    board: 'none',
    create: () => ({}),
  })
  await expect(machine([0xf4], [device(() => ({}))], { backend: boardless })).rejects.toMatchObject({
    code: 'PG_ABILITY',
    fields: { missing: ['devices'], backend: 'boardless' },
  })
  const twice = device(({ io }) => void io.claim(0x60, 1, { ioRead: () => 0, ioWrite() {} }, 'd'))
  await expect(machine([0xf4], [twice])).rejects.toMatchObject({ code: 'PG_IO_OVERLAP' })
})

test('its state is in a snapshot, and a device without one cannot be saved', async () => {
  const counter = () => {
    let count = 0
    return device(({ io }) => {
      io.claim(0x2e0, 1, { ioRead: () => count++, ioWrite() {} }, 'counter')
      return { save: () => count, restore: (state: unknown) => void (count = Number(state)) }
    })
  }
  const guest = [...READ, ...READ, ...READ, 0xf4]
  const first = await machine(guest, [counter()])
  first.run({ instructions: 6 })
  const snapshot = first.snapshot()
  const second = await machine(guest, [counter()], { snapshot })
  second.run({ instructions: 3 })
  expect(second.registers().eax & 0xff).toBe(2)
  await expect(machine(guest, [], { snapshot })).rejects.toMatchObject({
    code: 'PG_SNAPSHOT_MISMATCH',
    fields: { what: 'added devices' },
  })
  const stateless = await machine(guest, [device(() => ({}))])
  stateless.run({ instructions: 3 })
  expect(() => stateless.snapshot()).toThrow(expect.objectContaining({ code: 'PG_SNAPSHOT_UNSUPPORTED' }))
})

test('several disks come in their order, from a config too', async () => {
  const cwd = userFolder(['backend-native'], { 'paragraft.config.json': { disk: ['a.img', 'b.img'] } })
  for (const [name, sectors] of [
    ['a.img', 2],
    ['b.img', 3],
  ] as const) {
    writeFileSync(join(cwd, name), new Uint8Array(sectors * 512))
  }
  // The capacity in the legacy device's registers (Virtio 1.0, 4.1.4.8): mov dx, port; in al, dx; add al, '0'; out E9h, al.
  const capacity = (port: number): number[] => [0x66, 0xba, port & 0xff, port >> 8, 0xec, 0x04, 0x30, 0xe6, 0xe9]
  const guest = flatGuest([...capacity(0xc014), ...capacity(0xc114), ...say('!'), ...FOREVER])
  const { stdout, stderr, status } = await paragraft(['run', guest, '--until', '!'], { cwd })
  expect([stderr, status, stdout]).toEqual([stderr, 0, '23!'])
})
