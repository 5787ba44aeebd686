/** The start of day of a paravirtual guest (tools/libs/guest/xg_dom_x86.c; xen/include/public/xen.h), read by its own page tables. */
import { isParagraftError } from '@paragraft/core/errors'
import { expect, test } from 'vitest'
import { decode } from '../abi/layout.ts'
import { START_INFO } from '../abi/pv.ts'
import { PAGE_SIZE } from '../abi/xen.ts'
import { pvHead } from '../heads/pv.ts'
import { TestMemory } from '../testing.ts'
import { machineLayout } from './mm/machine.ts'
import { pvImage, TestPv } from './mm/testing.ts'

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)))

test('registers, start_info, list of frames', () => {
  const pv = new TestPv()
  const { registers } = pv.start
  // FLAT_RING1_CS, FLAT_RING1_DS; events of the processor are on, upcalls are masked elsewhere.
  expect(registers).toMatchObject({ eip: 0, cs: 0xe019, ds: 0xe021, eflags: 0x202 })
  const page = pv.memory.read(pv.physical(registers.esi!)!, PAGE_SIZE)
  const info = decode(START_INFO, page)
  expect([latin1(page), latin1(page.subarray(80))]).toEqual(['xen-3.0-x86_32p', 'console=hvc0'])
  expect([info.nrPages, info.flags, info.storeEvtchn, info.consoleEvtchn]).toEqual([pv.mm.table.pages, 0, 1, 2])
  expect(info.sharedInfo).toBe(pv.mm.layout.sharedInfo * PAGE_SIZE)
  // The list agrees with the M2P table, and no frame has its own number.
  let same = 0
  for (let pfn = 0; pfn < info.nrPages; pfn++) {
    const mfn = pv.memory.read32(pv.physical(info.mfnList + 4 * pfn)!)
    expect(pv.memory.read32(pv.physical(0xf5800000 + 4 * mfn)!)).toBe(pfn)
    if (mfn === pfn) same++
  }
  expect(same).toBeLessThan(3)
  // Behind one another: kernel, list, start_info, xenstore, console, page tables, stack.
  const pfns = [info.mfnList, registers.esi!, info.ptBase, registers.esp! - PAGE_SIZE].map(
    address => address / PAGE_SIZE,
  )
  expect(pfns).toEqual([3, 3 + 4, 3 + 7, 3 + 7 + info.nrPtFrames])
  expect([info.storeMfn, info.consoleMfn]).toEqual([pv.mfn(8), pv.mfn(9)])
  // A table at the top, a directory for the mapping and one for the hypervisor's part, page tables for 4 MB.
  expect(info.nrPtFrames).toBe(1 + 2 + 2)
})

test('the mapping: page tables are read-only, everything else is writable, up to a 4 MB boundary', () => {
  const pv = new TestPv()
  const { ptBase, nrPtFrames } = decode(
    START_INFO,
    pv.memory.read(pv.physical(pv.start.registers.esi!)!, START_INFO.size),
  )
  for (let pfn = 0; pfn < 1024; pfn++) {
    const address = pfn * PAGE_SIZE
    const table = address >= ptBase && address < ptBase + nrPtFrames * PAGE_SIZE
    expect(pv.mm.translate(address)).toEqual({ mfn: pv.mfn(pfn), writable: !table })
  }
  expect(pv.mm.translate(1024 * PAGE_SIZE)).toBeUndefined()
  expect(pv.mm.translate(0xf5800000)).toEqual({ mfn: pv.mm.layout.m2p.first, writable: false })
})

test('a high virtual base, a hypercall page, a ramdisk', () => {
  const string =
    'GUEST_OS=x,XEN_VER=xen-3.0,LOADER=generic,PAE=yes,VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0xC0000000,HYPERCALL_PAGE=0x2'
  const segment = { ...pvImage().segments[0]!, paddr: 0xc0000000, vaddr: 0xc0000000, memorySize: 0x4000 }
  const image = pvImage({
    notes: [],
    segments: [segment],
    entries: [{ kind: 'xen-pv', address: 0xc0000000 }],
    sections: [
      {
        name: '__xen_guest',
        vaddr: 0,
        size: string.length,
        bytes: Uint8Array.from(`${string}\0`, c => c.charCodeAt(0)),
      },
    ],
  })
  const pv = new TestPv(2 ** 24, image)
  expect(pv.memory.read8(pv.physical(0xc0000000)!)).toBe(0xf4)
  // xen/arch/x86/pv/hypercall.c: MOV EAX, 32; INT 82h; RET; and the slot of iret.
  const code = (slot: number) => [...pv.memory.read(pv.physical(0xc0002000 + 32 * slot)!, 9)]
  expect(code(32)).toEqual([0xb8, 32, 0, 0, 0, 0xcd, 0x82, 0xc3, 0xcc])
  expect(code(23)).toEqual([0x50, 0xb8, 23, 0, 0, 0, 0xcd, 0x82, 0xcc])
  const memory = new TestMemory(2 ** 24)
  const start = pvHead.place(image, { commandLine: '', modules: [], initrd: Uint8Array.of(1, 2, 3) }, memory)
  expect(start.used.find(({ what }) => what === 'initrd')).toEqual({ base: 0x4000, length: 0x1000, what: 'initrd' })
})

test("a module's entrypoint, for an image that knows nothing of Xen; its pages are mapped, and nobody else's", () => {
  const segment = { ...pvImage().segments[0]!, paddr: 0x100000, vaddr: 0xc0100000, memorySize: 0x4000 }
  const bare = pvImage({ notes: [], segments: [segment], entries: [] })
  expect(pvHead.probe(bare)).toEqual({ match: false, reason: expect.stringContaining('--ops') })
  const says = { VIRT_BASE: 0xc0000000 }
  const image = { ...bare, entries: [{ kind: 'xen-pv', address: 0xc01ff000, module: 'some-ops', says }] }
  expect(pvHead.probe(image)).toMatchObject({ match: true, entry: 0xc01ff000 })
  const memory = new TestMemory(2 ** 24)
  const reserve = [{ base: 0x1f0000, length: 0x10000, type: 2, what: 'ops' }]
  const { used, memoryMap, ramPage, registers } = pvHead.place(image, { commandLine: '', modules: [], reserve }, memory)
  expect(memoryMap.filter(({ type }) => type === 2)).toEqual([{ base: 0x1f0000, length: 0x10000, type: 2 }])
  // The kernel is below it, all that the builder makes above.
  expect(used.filter(({ base }) => base < 0x200000)).toEqual([
    { base: 0x100000, length: 0x4000, what: 'image segment 0' },
  ])
  expect(Math.min(...used.slice(1).map(({ base }) => base))).toBe(0x200000)
  expect(registers.eip).toBe(0xc01ff000)
  const { p2m } = machineLayout(memory.size)
  expect([0x1f0000, 0x100000, p2m.length * PAGE_SIZE].map(pa => ramPage?.(pa))).toEqual([
    p2m[0x1f0]! * PAGE_SIZE,
    p2m[0x100]! * PAGE_SIZE,
    undefined,
  ])
  expect(memory.read8(p2m[0x100]! * PAGE_SIZE)).toBe(0xf4)
})

const refusal = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    if (isParagraftError(error)) return error.code
    throw error
  }
  return 'none'
}

test('what cannot be built is refused before anything is written', () => {
  const memory = new TestMemory(2 ** 24)
  const place = (size: number, changes: Parameters<typeof pvImage>[0] = {}, initrd = 0) =>
    refusal(() =>
      pvHead.place(
        pvImage(changes),
        { commandLine: '', modules: [], initrd: new Uint8Array(initrd) },
        size === memory.size ? memory : new TestMemory(size),
      ),
    )
  expect(place(2 ** 20)).toBe('PG_HEAD_NO_ROOM')
  expect(place(memory.size, {}, 2 ** 24)).toBe('PG_HEAD_NO_ROOM')
  expect(refusal(() => pvHead.place(pvImage(), { commandLine: 'x'.repeat(1024), modules: [] }, memory))).toBe(
    'PG_HEAD_COMMAND_LINE',
  )
  expect(
    refusal(() =>
      pvHead.place(pvImage(), { commandLine: '', modules: [{ bytes: new Uint8Array(1), commandLine: 'm' }] }, memory),
    ),
  ).toBe('PG_HEAD_MODULES')
  expect(memory.bytes.every(byte => byte === 0)).toBe(true)
  const reason = (changes: Parameters<typeof pvImage>[0]) => {
    const match = pvHead.probe(pvImage(changes))
    return match.match ? 'taken' : match.reason
  }
  const { notes } = pvImage()
  expect(reason({ machine: 'x86_64' })).toContain('its kernel is x86_64')
  expect(reason({ notes: notes.slice(0, 3) })).toContain('page tables of two levels')
  expect(reason({ notes: notes.slice(1) })).toContain('not xen-3.0')
  expect(reason({ entries: [{ kind: 'xen-pv', address: 0x4000 }] })).toContain('outside its segments')
})
