/**
 * What a backend's own guest code can do: leave to it from pages that it has declared, be given the guest's exceptions first, and
 * have what the ports refuse become the guest's exception. A toy backend and a guest of a few bytes, on every engine.
 */
import { readFileSync } from 'node:fs'
import { ParagraftError } from '@paragraft/core/errors'
import {
  type BackendInstance,
  type BackendPorts,
  defineBackend,
  FIRST_HOST_CALL,
  type GuestException,
} from '@paragraft/core/ops'
import { createMachine, ENGINES } from 'paragraft'
import { expect, test } from 'vitest'
import { flatGuest } from './support/paragraft.ts'

/** The toy's code: a page of its own at 7000h. */
const PAGE = 0x7000
const hostCall = (index: number): number[] => [
  0x0f,
  0x3f,
  (FIRST_HOST_CALL + index) & 0xff,
  (FIRST_HOST_CALL + index) >> 8,
]
/** MOV ESP, imm32: multiboot leaves no stack. */
const STACK = [0xbc, ...[0x00, 0x60, 0, 0]]
/** MOV EAX, imm32; CALL EAX. */
const callTo = (address: number): number[] => [0xb8, ...le32(address), 0xff, 0xd0]
const le32 = (value: number): number[] => [0, 8, 16, 24].map(shift => (value >>> shift) & 0xff)
/** OUT 501h, AL: isa-debug-exit. */
const EXIT = [0x66, 0xba, 0x01, 0x05, 0xee]

interface Toy {
  create(ports: BackendPorts): BackendInstance
  /** Bytes at 7000h, declared or not. */
  code: number[]
  declared?: boolean
}

async function runToy(engine: (typeof ENGINES)[number], guest: number[], toy: Toy) {
  const backend = defineBackend({
    name: 'toy',
    version: '1.0.0',
    apiVersion: '^1.0.0',
    heads: ['multiboot'],
    options: { answer: { says: 'what the call answers', kind: 'number' } },
    create(ports) {
      ports.memory.write(PAGE, Uint8Array.from(toy.code))
      if (toy.declared ?? true) ports.hostCalls.allow(PAGE, 4096)
      return toy.create(ports)
    },
  })
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(flatGuest([...STACK, ...guest]))),
    backend,
    backendOptions: { answer: 42 },
    engine,
    memory: 2 ** 21,
    output: () => {},
  })
  return { outcome: machine.run({ instructions: 10_000 }), machine }
}

test.each(ENGINES)('%s: a host call sees the registers and the stack, and changes what it sets', async engine => {
  const seen: number[] = []
  const { outcome, machine } = await runToy(engine, [0x68, ...le32(0x1234), ...callTo(PAGE), ...EXIT], {
    code: [...hostCall(3), 0xc3],
    create: ({ options }) => ({
      hostCall(index, frame) {
        seen.push(index - FIRST_HOST_CALL, frame.getRegister('EAX'), frame.readStack(4))
        frame.setRegister('EAX', Number(options['answer']))
        return true
      },
    }),
  })
  expect(seen).toEqual([3, PAGE, 0x1234])
  expect(outcome).toEqual({ kind: 'debugExit', value: 42 })
  expect(machine.exits().hypercall).toBe(1)
})

test.each(ENGINES)('%s: an exception can be mended, and the instruction runs again', async engine => {
  const seen: GuestException[] = []
  const { outcome, machine } = await runToy(engine, [...callTo(PAGE), ...EXIT], {
    // UD2; RET with 7 in AL.
    code: [0xb0, 0x07, 0x0f, 0x0b, 0xc3],
    create: ({ memory }) => ({
      exception(exception) {
        seen.push(exception)
        memory.write(PAGE + 2, Uint8Array.of(0x90, 0x90))
        return seen.length === 1
      },
    }),
  })
  expect(seen).toEqual([{ vector: 6, errorCode: -1, address: 0 }])
  expect(outcome).toEqual({ kind: 'debugExit', value: 7 })
  // MOV, MOV, CALL, MOV, NOP, NOP, RET, MOV, OUT: UD2 never retired.
  expect(machine.instructions()).toBe(9)
})

test.each(ENGINES)('%s: what the ports refuse is the exception that the guest asked for', async engine => {
  const seen: GuestException[] = []
  const { outcome } = await runToy(engine, [...callTo(PAGE), ...EXIT], {
    code: [...hostCall(0), 0xc3],
    create: ({ processor }) => ({
      hostCall: () => {
        // Paging without protection (SDM vol. 3A 2.5, CR0.PG).
        processor.writeCr(0, 0x8000_0000)
        return true
      },
      exception(exception) {
        seen.push(exception)
        return false
      },
    }),
  })
  expect(seen[0]).toEqual({ vector: 13, errorCode: 0, address: 0 })
  expect(outcome).toMatchObject({ kind: 'guestFault', fault: 'triple-fault' })
})

test.each<[string, Partial<Toy> & { hostCall?: BackendInstance['hostCall'] }]>([
  ['outside the declared pages', { declared: false }],
  ['that the backend does not know', { hostCall: () => false }],
  ['of a backend that serves none', {}],
])('a host call %s is an invalid opcode', async (_, { hostCall: serve, ...toy }) => {
  const seen: number[] = []
  await runToy('auto', [...callTo(PAGE), ...EXIT], {
    code: [...hostCall(0), 0xc3],
    ...toy,
    create: () => ({
      ...(serve === undefined ? {} : { hostCall: serve }),
      exception: ({ vector }) => {
        seen.push(vector)
        return false
      },
    }),
  })
  expect(seen[0]).toBe(6)
})

test('any other coded error stops the guest, with its code', async () => {
  const { outcome } = await runToy('auto', [...callTo(PAGE), ...EXIT], {
    code: [...hostCall(0), 0xc3],
    create: () => ({
      hostCall: () => {
        throw new ParagraftError('PG_TOY', 'the toy is broken')
      },
    }),
  })
  expect(outcome).toMatchObject({ kind: 'guestFault', fault: 'host-op', code: 'PG_TOY' })
})
