/** The calls one by one, on made-up ports. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HypercallFrame } from '@paragraft/core/ops'
import { CPUID_SIGNATURE_LEAF, ENOSYS, HYPERCALLS, SIGNATURE } from './abi.js'
import { ExampleHypervisor, type Ports } from './hypervisor.js'

function hypervisor(now: number) {
  const done: string[] = []
  const processor = {
    setInterrupts: (on: boolean) => done.push(on ? 'sti' : 'cli'),
    halt: () => done.push('hlt'),
    invlpg: (address: number) => done.push(`invlpg ${address}`),
  }
  const ports = { clock: { now: () => now }, processor } as unknown as Ports
  return { hypervisor: new ExampleHypervisor(ports), done }
}

function frame(eax: number, change: Partial<HypercallFrame> = {}) {
  const registers: Record<string, number> = { EAX: eax, EDX: 0x55 }
  const call: HypercallFrame = {
    instruction: 'vmcall',
    cpl: 0,
    getRegister: name => registers[name] ?? 0,
    setRegister: (name, value) => {
      registers[name] = value
    },
    readStack: () => 0,
    ...change,
  }
  return { call, registers }
}

test('uptime is 64 bits wide, in EDX:EAX', () => {
  const { call, registers } = frame(HYPERCALLS.uptime)
  assert.equal(hypervisor(5 * 2 ** 32 + 7).hypervisor.hypercall(call), true)
  assert.deepEqual(registers, { EAX: 7, EDX: 5 })
})

test('flushPage is told which page', () => {
  const { call, registers } = frame(HYPERCALLS.flushPage)
  const { hypervisor: machine, done } = hypervisor(0)
  machine.hypercall(call)
  assert.deepEqual([done, registers], [['invlpg 85'], { EAX: HYPERCALLS.flushPage, EDX: 0x55 }])
})

test('idle lets interrupts in before it sleeps', () => {
  const { hypervisor: machine, done } = hypervisor(0)
  machine.hypercall(frame(HYPERCALLS.idle).call)
  assert.deepEqual(done, ['sti', 'hlt'])
  assert.deepEqual(machine.counts(), { hypercalls: { idle: 1 } })
})

test('a number that is no call is answered, and is not counted', () => {
  const { hypervisor: machine } = hypervisor(0)
  for (const number of [0, 4, 0xffff_ffff]) {
    const { call, registers } = frame(number)
    assert.equal(machine.hypercall(call), true)
    assert.equal(registers['EAX'], -ENOSYS >>> 0)
  }
  assert.deepEqual(machine.counts(), { hypercalls: {} })
})

test('user programs and other instructions are not meant', () => {
  const { hypervisor: machine } = hypervisor(0)
  assert.equal(machine.hypercall(frame(HYPERCALLS.uptime, { cpl: 3 }).call), false)
  assert.equal(machine.hypercall(frame(HYPERCALLS.uptime, { instruction: 'vmmcall' }).call), false)
})

test('a snapshot keeps what was counted', () => {
  const [saved, restored] = [hypervisor(0).hypervisor, hypervisor(0).hypervisor]
  saved.hypercall(frame(HYPERCALLS.idle).call)
  restored.restore(saved.save())
  assert.deepEqual(restored.counts(), saved.counts())
})

test('CPUID says who is there', () => {
  const [, ...words] = hypervisor(0).hypervisor.cpuid(CPUID_SIGNATURE_LEAF) ?? []
  assert.equal(Buffer.from(Uint32Array.from(words).buffer).toString('latin1'), SIGNATURE)
  assert.equal(hypervisor(0).hypervisor.cpuid(1), undefined)
})
