/** Rules and errors as xen/common/event_channel.c has them; bits as event_2l.c. */
import { beforeEach, expect, test } from 'vitest'
import { EEXIST, EINVAL, ENOENT, ENOSPC, ESRCH } from './abi/errno.ts'
import { EVTCHNSTAT_INTERDOMAIN, EVTCHNSTAT_UNBOUND, EVTCHNSTAT_VIRQ } from './abi/event-channel.ts'
import {
  DOMID_SELF,
  SHARED_EVTCHN_MASK,
  SHARED_EVTCHN_PENDING,
  VCPU_PENDING_SEL,
  VIRQ_DEBUG,
  VIRQ_TIMER,
} from './abi/xen.ts'
import { EventChannels } from './event-channels.ts'
import { SharedPage } from './shared-page.ts'
import { TestMemory } from './testing.ts'
import { VcpuInfo } from './vcpu-info.ts'

const BACKEND = 0
let shared: SharedPage
let vcpu: VcpuInfo
let events: EventChannels
let upcalls: number
let woken: number[]

beforeEach(() => {
  const memory = new TestMemory(0x10000)
  shared = new SharedPage(memory)
  vcpu = new VcpuInfo(memory, shared)
  upcalls = 0
  woken = []
  events = new EventChannels({ shared, vcpu, onUpcall: () => upcalls++, onPending: port => woken.push(port) })
})

const pending = (port: number): boolean =>
  ((shared.read32(SHARED_EVTCHN_PENDING + (port >> 5) * 4) >>> (port & 31)) & 1) === 1
const mask = (port: number): void => {
  const at = SHARED_EVTCHN_MASK + (port >> 5) * 4
  shared.write32(at, (shared.read32(at) | (1 << (port & 31))) >>> 0)
}

test('ports are given out from 1 on, and there are 1023', () => {
  for (let port = 1; port < 1024; port++) expect(events.allocUnbound(DOMID_SELF, BACKEND)).toBe(port)
  expect(events.allocUnbound(DOMID_SELF, BACKEND)).toBe(-ENOSPC)
  expect(events.bindVirq(VIRQ_TIMER, 0)).toBe(-ENOSPC)
  expect(events.close(7)).toBe(0)
  expect(events.bindVirq(VIRQ_TIMER, 0)).toBe(7)
})

test('an event sets its bit, its word in the selector and the upcall, once', () => {
  const port = events.bindVirq(VIRQ_TIMER, 0)
  events.raiseVirq(VIRQ_TIMER)
  events.raiseVirq(VIRQ_TIMER)
  expect(pending(port)).toBe(true)
  expect(vcpu.read32(VCPU_PENDING_SEL)).toBe(1)
  expect([vcpu.upcallPending, upcalls]).toEqual([true, 1])
  expect(woken).toEqual([port, port])
  expect(events.counts).toEqual({ [`${port} virq 0`]: 2 })
})

test('a masked event is only pending, until it is unmasked', () => {
  const port = events.bindVirq(VIRQ_TIMER, 0)
  mask(port)
  events.raiseVirq(VIRQ_TIMER)
  expect([pending(port), vcpu.read32(VCPU_PENDING_SEL), upcalls]).toEqual([true, 0, 0])
  expect(events.unmask(port)).toBe(0)
  expect([vcpu.read32(VCPU_PENDING_SEL), vcpu.upcallPending, upcalls]).toEqual([1, true, 1])
})

test('virtual interrupts: one binding each, per-processor ones on processor 0 alone', () => {
  expect(events.bindVirq(24, 0)).toBe(-EINVAL)
  expect(events.bindVirq(VIRQ_TIMER, 1)).toBe(-ENOENT)
  // VIRQ_CONSOLE (2) is global: it must be asked for on processor 0.
  expect(events.bindVirq(2, 1)).toBe(-EINVAL)
  const port = events.bindVirq(VIRQ_DEBUG, 0)
  expect(events.bindVirq(VIRQ_DEBUG, 0)).toBe(-EEXIST)
  expect(events.status(DOMID_SELF, port)).toEqual({ status: EVTCHNSTAT_VIRQ, virq: VIRQ_DEBUG })
  expect(events.bindVcpu(port, 0)).toBe(-EINVAL)
  events.close(port)
  expect(events.bindVirq(VIRQ_DEBUG, 0)).toBe(port)
})

test('a channel of the guest with itself', () => {
  const far = events.allocUnbound(DOMID_SELF, DOMID_SELF)
  const near = events.bindInterdomain(DOMID_SELF, far)
  // The new end is pending at once, since something may have been lost.
  expect(pending(near)).toBe(true)
  expect(events.send(near)).toBe(0)
  expect(pending(far)).toBe(true)
  expect(events.status(1, near)).toEqual({ status: EVTCHNSTAT_INTERDOMAIN, remoteDom: 1, remotePort: far })
  expect(events.bindInterdomain(DOMID_SELF, far)).toBe(-EINVAL)
  events.close(near)
  expect(events.status(DOMID_SELF, far)).toEqual({ status: EVTCHNSTAT_UNBOUND, remoteDom: 1 })
})

test('a backend connects to what was left for it, and nothing else', () => {
  const heard: number[] = []
  const mine = events.allocUnbound(DOMID_SELF, DOMID_SELF)
  expect(events.connect(mine, () => {})).toBeUndefined()
  const port = events.allocUnbound(DOMID_SELF, BACKEND)
  const channel = events.connect(port, () => heard.push(port))!
  expect(events.connect(port, () => {})).toBeUndefined()
  events.send(port)
  expect(heard).toEqual([port])
  channel.notify()
  expect(pending(port)).toBe(true)
  channel.close()
  expect(events.status(DOMID_SELF, port)).toEqual({ status: EVTCHNSTAT_UNBOUND, remoteDom: BACKEND })
  events.send(port)
  expect(heard).toEqual([port])
})

test('a backend cannot reach a port that the guest has closed and uses for something else', () => {
  const port = events.allocUnbound(DOMID_SELF, BACKEND)
  const channel = events.connect(port, () => {})!
  events.close(port)
  expect(events.bindVirq(VIRQ_TIMER, 0)).toBe(port)
  channel.notify()
  channel.close()
  expect([pending(port), events.status(DOMID_SELF, port)]).toEqual([false, { status: EVTCHNSTAT_VIRQ, virq: 0 }])
})

test('what is not a port, not a domain or not the guest itself is refused', () => {
  for (const port of [0, 1, 5, 1024, 0xffffffff]) {
    expect(events.send(port)).toBe(-EINVAL)
    expect(events.close(port)).toBe(-EINVAL)
  }
  expect(events.unmask(1024)).toBe(-EINVAL)
  expect(events.status(DOMID_SELF, 1024)).toBe(-EINVAL)
  expect(events.status(5, 1)).toBe(-ESRCH)
  expect(events.allocUnbound(5, 0)).toBe(-ESRCH)
  expect(events.bindInterdomain(5, 1)).toBe(-ESRCH)
  expect(events.bindIpi(1)).toBe(-ENOENT)
  expect(events.reset(5)).toBe(-ESRCH)
})
