/** Hypercalls of a PVH domain: what they do, and the error that Xen has for each mistake (sources named at each). */
import { beforeEach, describe, expect, test } from 'vitest'
import * as errno from '../abi/errno.ts'
import { hypercallNumber } from '../abi/hypercalls.ts'
import { DOMID_SELF } from '../abi/xen.ts'
import { TestDomain } from '../testing.ts'

const ARG = 0x8000
/** A guest pointer to nothing. */
const BAD = 0xfffff000
let domain: TestDomain

beforeEach(() => {
  domain = new TestDomain()
})

function words(...values: number[]): number {
  for (const [i, value] of values.entries()) domain.memory.write32(ARG + 4 * i, value >>> 0)
  return ARG
}
const call = (name: string, ...args: number[]): number => domain.call(hypercallNumber(name), ...args)
const result = (offset: number): number => domain.memory.read32(ARG + offset)

test('unknown calls are -ENOSYS and reported, each once by name', () => {
  expect(domain.call(99)).toBe(-errno.ENOSYS)
  // A PV guest's call: hvm_hypercall_table has none (xen/arch/x86/hvm/hypercall.c).
  expect(call('mmu_update', 0, 0, 0, 0)).toBe(-errno.ENOSYS)
  expect(call('sysctl')).toBe(-errno.ENOSYS)
  expect(domain.reports).toEqual(['hypercall 99', 'hypercall mmu_update', 'hypercall sysctl'])
  expect(domain.domain.counts().hypercalls).toEqual({ unknown: 1, mmu_update: 1, sysctl: 1 })
})

test('user programs have no calls (hvm_hypercall: -EPERM above privilege level 0)', () => {
  domain.cpl = 3
  expect(call('xen_version', 0)).toBe(-errno.EPERM)
})

test.each([
  ['event_channel_op', [6, BAD]],
  ['event_channel_op', [4, BAD]],
  ['event_channel_op_compat', [BAD]],
  ['sched_op', [2, BAD]],
  ['sched_op', [3, BAD]],
  ['vcpu_op', [10, 0, BAD]],
  ['vcpu_op', [8, 0, BAD]],
  ['vcpu_op', [5, 0, BAD]],
  ['memory_op', [7, BAD]],
  ['memory_op', [9, BAD]],
  ['memory_op', [3, BAD]],
  ['xen_version', [3, BAD]],
  ['xen_version', [6, BAD]],
  ['hvm_op', [1, BAD]],
  ['grant_table_op', [6, BAD, 1]],
  ['grant_table_op', [5, BAD, 1]],
  ['console_io', [0, 10, BAD]],
  ['multicall', [BAD, 1]],
] as const)('%s %j: a pointer to nothing is -EFAULT', (name, args) => {
  expect(call(name, ...args)).toBe(-errno.EFAULT)
})

test('multicall: each entry its result; nesting is refused (xen/common/multicall.c)', () => {
  const entry = (op: number, ...args: number[]): number[] => [op, 0, ...args, ...new Array(6 - args.length).fill(0)]
  words(...entry(hypercallNumber('xen_version'), 0), ...entry(hypercallNumber('multicall'), ARG, 1), ...entry(77))
  expect(call('multicall', ARG, 3)).toBe(0)
  expect([result(4), result(36) | 0, result(68) | 0]).toEqual([(4 << 16) | 17, -errno.EINVAL, -errno.ENOSYS])
  expect(domain.domain.counts().hypercalls).toEqual({ multicall: 1, xen_version: 1, unknown: 1 })
})

describe('event channels', () => {
  test('allocation writes the port into the structure', () => {
    // Console and xenstore have 1 and 2.
    words(DOMID_SELF)
    expect(call('event_channel_op', 6, ARG)).toBe(0)
    expect(result(4)).toBe(3)
    words(0, 0, 0)
    expect(call('event_channel_op', 1, ARG)).toBe(0)
    expect(result(8)).toBe(4)
    expect(call('event_channel_op', 1, ARG)).toBe(-errno.EEXIST)
  })

  test('the superseded form has its command before the structure', () => {
    words(6, DOMID_SELF)
    expect(call('event_channel_op_compat', ARG)).toBe(0)
    expect(result(8)).toBe(3)
    words(11)
    expect(call('event_channel_op_compat', ARG)).toBe(-errno.ENOSYS)
  })

  test('a port that nobody will learn of is given back', () => {
    // The structure's last word, where the port goes, is not mapped: it ends with memory.
    const at = domain.memory.size - 4
    domain.memory.write32(at, DOMID_SELF)
    expect(call('event_channel_op', 6, at)).toBe(-errno.EFAULT)
    words(DOMID_SELF)
    call('event_channel_op', 6, ARG)
    expect(result(4)).toBe(3)
  })

  test('what this hypervisor was built without', () => {
    words(0, 0, 0, 0)
    // init_control of the FIFO ABI: a guest goes on with two levels.
    expect(call('event_channel_op', 11, ARG)).toBe(-errno.ENOSYS)
    expect(domain.reports).toEqual(['event_channel_op 11'])
  })
})

describe('time', () => {
  const bindTimer = (): number => {
    words(0, 0, 0)
    call('event_channel_op', 1, ARG)
    return result(8)
  }
  const pendingWord = (): number => domain.memory.read32(0x10000 + 2048)

  beforeEach(() => {
    words(DOMID_SELF, 0, 0, 0x10)
    expect(call('memory_op', 7, ARG)).toBe(0)
  })

  test('a single shot rings VIRQ_TIMER at its time; one in the past at once, or -ETIME if it must be in the future', () => {
    const port = bindTimer()
    words(1_000_000, 0, 0)
    expect(call('vcpu_op', 8, 0, ARG)).toBe(0)
    domain.clock.advance(999_999)
    expect(pendingWord()).toBe(0)
    domain.clock.advance(1)
    expect(pendingWord()).toBe(1 << port)
    words(5, 0, 1)
    expect(call('vcpu_op', 8, 0, ARG)).toBe(-errno.ETIME)
  })

  test('set_timer_op takes a time in two halves; 0 stops', () => {
    const port = bindTimer()
    expect(call('set_timer_op', 0, 1)).toBe(0)
    domain.clock.advance(2 ** 32 - 1)
    expect(pendingWord()).toBe(0)
    domain.clock.advance(1)
    expect(pendingWord()).toBe(1 << port)
    domain.memory.write32(0x10000 + 2048, 0)
    call('set_timer_op', 0, 2)
    call('set_timer_op', 0, 0)
    domain.clock.advance(2 ** 33)
    expect(pendingWord()).toBe(0)
  })

  test('a periodic timer has a period of a millisecond at least', () => {
    words(999_999, 0)
    expect(call('vcpu_op', 6, 0, ARG)).toBe(-errno.EINVAL)
    bindTimer()
    words(1_000_000, 0)
    expect(call('vcpu_op', 6, 0, ARG)).toBe(0)
    domain.clock.advance(5_500_000)
    expect(call('vcpu_op', 7, 0, 0)).toBe(0)
    domain.clock.advance(5_500_000)
    expect(domain.domain.counts().events).toEqual({ '3 virq 0': 5 })
  })

  test("the counter's scale and the wallclock, by the header's formula", () => {
    domain.clock.advance(12_345)
    words(0x20, 0, 0)
    expect(call('vcpu_op', 10, 0, words(0x20, 0, 64))).toBe(0)
    const at = 0x20 * 4096 + 64 + 32
    const { memory } = domain
    expect(memory.read32(at) & 1).toBe(0)
    const [stamp, system] = [memory.read32(at + 8), memory.read32(at + 16)]
    const [scale, shift] = [BigInt(memory.read32(at + 24)), BigInt(memory.read8(at + 28))]
    expect([stamp, system]).toEqual([12_345, 12_345])
    const later = (((1_000_000n - BigInt(stamp)) << shift) * scale) >> 32n
    expect(BigInt(system) + later).toBe(1_000_000n)
    expect([memory.read32(0x10000 + 2308), memory.read32(0x10000 + 2312)]).toEqual([1_767_225_600, 0])
  })
})

describe('vcpu_op', () => {
  test('there is processor 0', () => {
    expect(call('vcpu_op', 3, 0, 0)).toBe(1)
    expect(call('vcpu_op', 3, 1, 0)).toBe(-errno.ENOENT)
    expect(call('vcpu_op', 0, 0, 0)).toBe(-errno.EEXIST)
    expect(call('vcpu_op', 99, 0, 0)).toBe(-errno.ENOSYS)
  })

  test('its words go where the guest wants them, once, within a page (map_vcpu_info)', () => {
    expect(call('vcpu_op', 10, 0, words(0x20, 0, 4033))).toBe(-errno.EINVAL)
    expect(call('vcpu_op', 10, 0, words(0x400, 0, 0))).toBe(-errno.EINVAL)
    expect(call('vcpu_op', 10, 0, words(0x20, 0, 4032))).toBe(0)
    expect(call('vcpu_op', 10, 0, words(0x21, 0, 0))).toBe(-errno.EINVAL)
    // All words are selected, so that nothing is missed.
    expect(domain.memory.read32(0x20fc0 + 4)).toBe(0xffffffff)
    expect(domain.memory.read8(0x20fc0)).toBe(1)
  })

  test('what it has been doing', () => {
    domain.clock.advance(500)
    expect(call('vcpu_op', 4, 0, ARG)).toBe(0)
    expect([result(0), result(12), result(28)]).toEqual([0, 500, 0])
    expect(call('vcpu_op', 5, 0, words(0x9000))).toBe(0)
    call('sched_op', 1, 0)
    expect([domain.halted, domain.memory.read32(0x9000)]).toEqual([true, 2])
  })
})

describe('sched_op', () => {
  test.each([
    [0, ['off']],
    [1, ['the guest shut down with the reason reboot (sched_op)']],
    [3, ['the guest shut down with the reason crash (sched_op)']],
    // domain_shutdown (xen/common/domain.c) takes a byte, and any.
    [0x106, ['the guest shut down with the reason 6 (sched_op)']],
  ])('shutdown, reason %i', (reason, power) => {
    expect(call('sched_op', 2, words(reason))).toBe(0)
    expect(domain.power).toEqual(power)
  })

  test('a suspend is cancelled', () => {
    expect(call('sched_op', 2, words(2))).toBe(1)
    expect(call('sched_op_compat', 2, 0)).toBe(0)
    expect(domain.power).toEqual(['off'])
  })

  test('poll ends with an event, or in time, or at once', () => {
    words(0, 0, 0)
    call('event_channel_op', 1, ARG)
    domain.memory.write32(0x9000, result(8))
    expect(call('sched_op', 3, words(0x9000, 1, 5_000, 0))).toBe(0)
    expect([domain.halted, domain.domain.wakes()]).toEqual([true, true])
    domain.clock.advance(5_000)
    expect(domain.domain.wakes()).toBe(false)
    expect(domain.halted).toBe(false)
    call('set_timer_op', 8_000, 0)
    call('sched_op', 3, words(0x9000, 1, 0, 0))
    expect(domain.halted).toBe(true)
    domain.clock.advance(3_000)
    expect(domain.halted).toBe(false)
    expect(call('sched_op', 3, words(0x9000, 1, 0, 0))).toBe(0)
    expect(domain.halted).toBe(false)
  })

  test('an interrupt ends a poll, whose time then wakes nobody', () => {
    domain.memory.write32(0x9000, 1)
    call('sched_op', 3, words(0x9000, 1, 5_000, 0))
    call('hvm_op', 0, words(DOMID_SELF, 0, 0xf3, 2 << 24))
    call('sched_op', 3, words(0x9000, 1, 5_000, 0))
    words(0, 0, 0)
    call('event_channel_op', 1, ARG)
    // The guest has been interrupted, and halts by itself.
    domain.halted = true
    domain.clock.advance(10_000)
    expect(domain.halted).toBe(true)
  })

  test('poll of too many ports, of none that exist, of an unreadable list', () => {
    expect(call('sched_op', 3, words(0x9000, 129, 0, 0))).toBe(-errno.EINVAL)
    domain.memory.write32(0x9000, 1024)
    expect(call('sched_op', 3, words(0x9000, 1, 0, 0))).toBe(-errno.EINVAL)
    expect(call('sched_op', 3, words(BAD, 1, 0, 0))).toBe(-errno.EFAULT)
  })
})

describe('memory_op', () => {
  const frames = (...gfns: number[]): number => {
    for (const [i, gfn] of gfns.entries()) domain.memory.write32(0x9000 + 4 * i, gfn)
    return 0x9000
  }

  /** Frames of RAM: all but the hole of 126. */
  const LIMIT = 1024 - 126

  test('frames are given back and had again, one by one; the answer is how many', () => {
    expect(call('memory_op', 3, words(DOMID_SELF))).toBe(LIMIT)
    expect(call('memory_op', 1, words(frames(0x30, 0x31, 0x30), 3, 0, 0, DOMID_SELF))).toBe(2)
    expect(call('memory_op', 3, words(DOMID_SELF))).toBe(LIMIT - 2)
    expect(call('memory_op', 4, words(DOMID_SELF))).toBe(LIMIT)
    domain.memory.write32(0x30000, 5)
    expect(call('memory_op', 6, words(frames(0x30, 0x32), 2, 0, 0, DOMID_SELF))).toBe(1)
    expect(domain.memory.read32(0x30000)).toBe(0)
    expect(call('memory_op', 6, words(frames(0x500), 1, 0, 0, DOMID_SELF))).toBe(0)
    expect(call('memory_op', 1, words(frames(0x30), 1, 0, 0, 5))).toBe(-errno.ESRCH)
  })

  test('there is no more RAM than the domain was built with, and a hole takes pages of the hypervisor', () => {
    const hole = 1022 - 126
    expect(call('memory_op', 6, words(frames(hole), 1, 0, 0, DOMID_SELF))).toBe(0)
    expect(call('memory_op', 7, words(DOMID_SELF, 1, 0, hole))).toBe(0)
    expect(call('memory_op', 7, words(DOMID_SELF, 0, 0, hole + 1))).toBe(0)
    expect(domain.memory.read32((hole + 1) * 4096 + 2308)).toBe(1_767_225_600)
    expect(call('memory_op', 3, words(DOMID_SELF))).toBe(LIMIT)
    // What was given back may be had again elsewhere.
    call('memory_op', 1, words(frames(0x30), 1, 0, 0, DOMID_SELF))
    expect(call('memory_op', 6, words(frames(hole + 2), 1, 0, 0, DOMID_SELF))).toBe(1)
  })

  test('shared_info appears where it is wanted, and moves with what it holds', () => {
    expect(call('memory_op', 7, words(DOMID_SELF, 0, 0, 0x10))).toBe(0)
    expect(domain.memory.read32(0x10000 + 2308)).toBe(1_767_225_600)
    domain.memory.write32(0x10000 + 2176, 0xabc)
    expect(call('memory_op', 7, words(DOMID_SELF, 0, 0, 0x11))).toBe(0)
    expect(domain.memory.read32(0x11000 + 2176)).toBe(0xabc)
    // The frame where it was is empty now.
    expect(call('memory_op', 1, words(frames(0x10), 1, 0, 0, DOMID_SELF))).toBe(0)
  })

  test('errors of add_to_physmap (xen/common/memory.c, xenmem_add_to_physmap_one)', () => {
    expect(call('memory_op', 7, words(DOMID_SELF, 0, 1, 0x10))).toBe(-errno.EINVAL)
    expect(call('memory_op', 7, words(DOMID_SELF, 1, 64, 0x10))).toBe(-errno.EINVAL)
    expect(call('memory_op', 7, words(DOMID_SELF, 1, 0x80000000, 0x10))).toBe(-errno.EINVAL)
    expect(call('memory_op', 7, words(DOMID_SELF, 5, 0, 0x10))).toBe(-errno.ENOSYS)
    expect(call('memory_op', 7, words(DOMID_SELF, 0, 0, 0xffffffff))).toBe(-errno.EINVAL)
    expect(call('memory_op', 7, words(5, 0, 0, 0x10))).toBe(-errno.ESRCH)
    expect(call('memory_op', 7, words(0, 0, 0, 0x10))).toBe(-errno.EPERM)
  })

  test('in a batch each has its own error', () => {
    domain.memory.write32(0x9000, 0)
    domain.memory.write32(0x9004, 64)
    domain.memory.write32(0x9010, 0x10)
    domain.memory.write32(0x9014, 0x11)
    words(DOMID_SELF | (1 << 16), 2, 0x9000, 0x9010, 0x9020)
    expect(call('memory_op', 23, ARG)).toBe(0)
    expect([domain.memory.read32(0x9020), domain.memory.read32(0x9024) | 0]).toEqual([0, -errno.EINVAL])
  })

  test("the map, as much as fits, in the BIOS's form", () => {
    expect(call('memory_op', 9, words(0, 0x9000))).toBe(-errno.EINVAL)
    expect(call('memory_op', 9, words(8, 0x9000))).toBe(0)
    expect(result(0)).toBe(1)
    expect([0, 8, 16].map(at => domain.memory.read32(0x9000 + at))).toEqual([0, 2 ** 22, 1])
  })

  test('a boot loader sets the map for the kernel behind it', () => {
    for (const [i, word] of [0x1000, 0, 0x2000, 0, 2].entries()) domain.memory.write32(0x9000 + 4 * i, word)
    expect(call('memory_op', 13, words(DOMID_SELF, 1025, 0x9000))).toBe(-errno.EINVAL)
    expect(call('memory_op', 13, words(DOMID_SELF, 1, BAD))).toBe(-errno.EFAULT)
    expect(call('memory_op', 13, words(5, 1, 0x9000))).toBe(-errno.ESRCH)
    expect(call('memory_op', 13, words(DOMID_SELF, 1, 0x9000))).toBe(0)
    expect(call('memory_op', 9, words(8, 0xa000))).toBe(0)
    expect(result(0)).toBe(1)
    expect([0, 8, 16].map(at => domain.memory.read32(0xa000 + at))).toEqual([0x1000, 0x2000, 2])
  })

  test("what is the control domain's, and what does not exist", () => {
    expect(call('memory_op', 10, ARG)).toBe(-errno.EPERM)
    expect(call('memory_op', 60, ARG)).toBe(-errno.ENOSYS)
  })
})

describe('hvm_op', () => {
  test('parameters that a guest may see and set (hvm_allow_get_param, hvm_allow_set_param)', () => {
    expect(call('hvm_op', 1, words(DOMID_SELF, 17, 0, 0))).toBe(0)
    expect(result(8)).toBe(1022)
    expect(call('hvm_op', 1, words(DOMID_SELF, 2, 0, 0))).toBe(0)
    expect(result(8)).toBe(1)
    expect(call('hvm_op', 0, words(DOMID_SELF, 17, 5, 0))).toBe(-errno.EPERM)
    expect(call('hvm_op', 1, words(DOMID_SELF, 5, 0, 0))).toBe(-errno.EPERM)
    expect(call('hvm_op', 1, words(DOMID_SELF, 39, 0, 0))).toBe(-errno.EINVAL)
    expect(call('hvm_op', 1, words(5, 17, 0, 0))).toBe(-errno.ESRCH)
  })

  test('the upcall comes by the vector that the guest sets, while it is pending', () => {
    expect(call('hvm_op', 0, words(DOMID_SELF, 0, 0xf3, 2 << 24))).toBe(0)
    expect(domain.intr).toBe(false)
    call('memory_op', 7, words(DOMID_SELF, 0, 0, 0x10))
    words(0, 0, 0)
    call('event_channel_op', 1, ARG)
    call('set_timer_op', 1, 0)
    domain.clock.advance(1)
    expect(domain.intr).toBe(true)
    expect(domain.domain.acknowledgeInterrupt()).toBe(0xf3)
    expect(domain.intr).toBe(true)
    // The guest lowers it in memory; nobody hears of that before the next acknowledgement.
    domain.memory.write8(0x10000, 0)
    expect(domain.domain.acknowledgeInterrupt()).toBe(-1)
    expect(domain.intr).toBe(false)
  })
})

test('upcalls by the local APIC: a vector of its own, which is acknowledged there', () => {
  expect(call('hvm_op', 23, words(0, 15))).toBe(-errno.EINVAL)
  expect(call('hvm_op', 23, words(1, 0xf3))).toBe(-errno.ENOENT)
  expect(call('hvm_op', 23, words(0, 0xf3))).toBe(0)
  call('event_channel_op', 1, words(0, 0, 0))
  // Spurious-interrupt vector register: the APIC is switched on (SDM vol. 3A 10.9).
  domain.apic().mmioWrite(0xf0, 4, 0x1ff)
  call('set_timer_op', 1, 0)
  domain.clock.advance(1)
  expect([domain.intr, domain.domain.acknowledgeInterrupt()]).toEqual([true, 0xf3])
  // In service, and not asked for again.
  expect([domain.intr, domain.apic().mmioRead(0x170, 4)]).toEqual([false, 1 << (0xf3 & 31)])
})

describe('grant_table_op', () => {
  test('sizes and versions', () => {
    expect(call('grant_table_op', 6, words(DOMID_SELF, 0, 0, 0), 1)).toBe(0)
    expect([result(4), result(8), result(12)]).toEqual([1, 64, 0])
    expect(call('grant_table_op', 10, words(DOMID_SELF, 0), 1)).toBe(0)
    expect(result(4)).toBe(1)
    expect(call('grant_table_op', 8, words(1), 1)).toBe(0)
    expect(call('grant_table_op', 8, words(2), 1)).toBe(-errno.ENOSYS)
    expect(call('grant_table_op', 8, words(3), 1)).toBe(-errno.EINVAL)
    expect(call('grant_table_op', 2, words(DOMID_SELF, 65, 0, 0x9000), 1)).toBe(-errno.EINVAL)
    expect(call('grant_table_op', 99, ARG, 1)).toBe(-errno.ENOSYS)
  })

  test('the table lists its frames once the guest has placed them', () => {
    expect(call('grant_table_op', 2, words(DOMID_SELF, 2, 0, 0x9000), 1)).toBe(0)
    expect([domain.memory.read32(0x9000), domain.memory.read32(0x9004)]).toEqual([0xffffffff, 0xffffffff])
    call('memory_op', 7, words(DOMID_SELF, 1, 1, 0x12))
    call('grant_table_op', 2, words(DOMID_SELF, 2, 0, 0x9000), 1)
    expect(domain.memory.read32(0x9004)).toBe(0x12)
  })

  test('copies within the guest, by frame and by its own grant', () => {
    call('memory_op', 7, words(DOMID_SELF, 1, 0, 0x12))
    // Entry 9: the guest (1) may read frame 0x15.
    domain.memory.write32(0x12000 + 9 * 8, 5 | (1 << 16))
    domain.memory.write32(0x12000 + 9 * 8 + 4, 0x15)
    domain.memory.fill(0x15010, 0x5a, 8)
    const copy = (source: number, sourceDom: number, dest: number, flags: number, len = 8): number => {
      words(source, sourceDom | (0x10 << 16), dest, DOMID_SELF | (0x20 << 16), len | (flags << 16), 0)
      expect(call('grant_table_op', 5, ARG, 1)).toBe(0)
      return (result(20) << 16) >> 16
    }
    expect(copy(9, DOMID_SELF, 0x16, 1)).toBe(0)
    expect(domain.memory.read8(0x16027)).toBe(0x5a)
    // Statuses of gnttab_copy_one: the entry is for reading, grants nothing, is not there, is of a domain that is not; the
    // range leaves the page.
    expect(copy(0x15, DOMID_SELF, 9, 2)).toBe(-1)
    expect(copy(10, DOMID_SELF, 0x16, 1)).toBe(-1)
    expect(copy(0x8000, DOMID_SELF, 0x16, 1)).toBe(-3)
    expect(copy(9, 5, 0x16, 1)).toBe(-2)
    expect(copy(0x500, DOMID_SELF, 0x16, 0)).toBe(-9)
    expect(copy(0x15, 1, 0x16, 0)).toBe(-8)
    expect(copy(0x15, DOMID_SELF, 0x16, 0, 4090)).toBe(-10)
  })

  test('maps nothing, since nobody grants it anything', () => {
    words(0, 0, 0, 9, 0, 0, 0, 0)
    expect(call('grant_table_op', 0, ARG, 1)).toBe(0)
    expect(result(16) >> 16).toBe(-3)
    // Its own page at a second frame is what this version cannot do.
    call('memory_op', 7, words(DOMID_SELF, 1, 0, 0x12))
    domain.memory.write32(0x12000 + 9 * 8, 1 | (1 << 16))
    domain.memory.write32(0x12000 + 9 * 8 + 4, 0x15)
    words(0, 0, 0, 9, DOMID_SELF, 0, 0, 0)
    call('grant_table_op', 0, ARG, 1)
    expect(result(16) >> 16).toBe(-1)
    words(0, 0, 0, 9, 5, 0, 0, 0)
    call('grant_table_op', 0, ARG, 1)
    expect(result(16) >> 16).toBe(-2)
    expect(call('grant_table_op', 1, words(0, 0, 0, 0, 1, 0), 1)).toBe(0)
    expect((result(20) << 16) >> 16).toBe(-4)
  })
})

test('console_io says it on the console', () => {
  domain.memory.write(0x9000, Uint8Array.from([...'hello\n'].map(c => c.charCodeAt(0))))
  expect(call('console_io', 0, 6, 0x9000)).toBe(0)
  expect(domain.console.output).toBe('hello\n')
})

test('xen_version', () => {
  expect(call('xen_version', 0, 0)).toBe(0x40011)
  expect(call('xen_version', 7, 0)).toBe(4096)
  expect(call('xen_version', 6, words(0, 0))).toBe(0)
  // Writable page tables, auto-translated physmap, callback vector, safe pvclock (features.h: 0, 2, 8, 9).
  expect(result(4) & 0x305).toBe(0x305)
  expect(call('xen_version', 99, ARG)).toBe(-errno.ENOSYS)
})
