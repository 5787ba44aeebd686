import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { conventionFor } from './calling.ts'
import { CATALOGUE, findOp, opVersion } from './catalogue.ts'
import { ERAS } from './eras.generated.ts'
import { eraName, eraOf, erasIn, findEra } from './eras.ts'

const data = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../data/pvops-eras.json', import.meta.url)), 'utf8'),
) as {
  eras: { id: string; arch: string; slots: string[] }[]
}

// Slot and callee-save counts measured on the headers and binaries that data/pvops-eras.json names.
test.each([
  ['1.0', 'i386', 51, 3, 0],
  ['1.1', 'i386', 79, 3, 0],
  ['1.2', 'i386', 91, 4, 0],
  ['1.3', 'i386', 92, 4, 0],
  ['2.0', 'i386', 91, 0, 0],
  ['2.1', 'i386', 91, 0, 0],
  ['2.2', 'i386', 106, 0, 0],
  ['3.0', 'i386', 96, 0, 10],
  ['3.1', 'i386', 87, 0, 11],
  ['3.1', 'x86_64', 91, 0, 13],
  ['3.2', 'i386', 86, 0, 12],
  ['4.0', 'i386', 86, 0, 13],
  ['4.0-lite', 'i386', 15, 0, 2],
  ['5.0', 'i386', 13, 0, 2],
  ['5.0', 'x86_64', 84, 0, 16],
  ['6.0', 'i386', 15, 0, 2],
  ['6.0', 'x86_64', 83, 0, 16],
  ['7.0', 'x86_64', 76, 0, 14],
] as const)('era %s/%s has %i slots', (id, arch, count, words, calleeSave) => {
  const era = eraOf(id, arch)
  expect(era.slots).toHaveLength(count)
  expect(era.slots.filter(s => s.kind === 'data')).toHaveLength(words)
  expect(era.slots.filter(s => s.calleeSave)).toHaveLength(calleeSave)
  expect(era.slots.map(s => s.slot)).toEqual(Array.from({ length: count }, (_, n) => n))
  expect(new Set(era.slots.map(s => s.op)).size, 'one slot per op').toBe(count)
  expect(era.slots.map(s => s.member)).toEqual(
    data.eras.find(e => e.id === id && e.arch === arch)!.slots.map(s => s.split(' ')[1]),
  )
})

test('all eras are listed once, and every slot has a catalogue entry with that version', () => {
  expect(ERAS).toHaveLength(18)
  expect(new Set(ERAS.map(eraName)).size).toBe(18)
  for (const era of ERAS) {
    for (const slot of era.slots) {
      const entry = findOp(slot.op)!
      expect(entry, slot.op).toBeDefined()
      expect(entry.kind).toBe(slot.kind)
      if (entry.kind === 'fn') expect(opVersion(entry, slot.version), `${slot.op}@${slot.version}`).toBeDefined()
    }
  }
})

test('every op outside the meant ones lives in some era; the meant ones in none', () => {
  const used = new Set(ERAS.flatMap(era => era.slots.map(s => s.op)))
  for (const entry of CATALOGUE) expect(used.has(entry.op), entry.op).toBe(!entry.meant)
  expect(CATALOGUE.filter(e => e.meant).map(e => e.op)).toEqual([
    'cpu.load_exceptions',
    'cpu.set_tss_desc',
    'mmu.flush_tlb',
  ])
})

test('the 13 slots of the 6.1 i386 table, by identity', () => {
  expect(eraOf('5.0').slots.map(s => s.op + (s.calleeSave ? ' cs' : ''))).toEqual([
    'cpu.io_delay',
    'mmu.flush_tlb_user',
    'mmu.flush_tlb_kernel',
    'mmu.flush_tlb_one_user',
    'mmu.flush_tlb_multi',
    'mmu.tlb_remove_table',
    'mmu.exit_mmap',
    'mmu.notify_page_enc_status_changed',
    'lock.queued_spin_lock_slowpath',
    'lock.queued_spin_unlock cs',
    'lock.wait',
    'lock.kick',
    'lock.vcpu_is_preempted cs',
  ])
})

test('renamed members keep their identity', () => {
  const at = (id: string, member: string) => eraOf(id).slots.find(s => s.member === member)!
  expect(at('1.3', 'flush_tlb_single').op).toBe('mmu.flush_tlb_one_user')
  expect(at('3.2', 'pv_mmu_ops.flush_tlb_one_user').op).toBe('mmu.flush_tlb_one_user')
  expect(at('1.3', 'load_esp0')).toMatchObject({ op: 'cpu.load_sp0', version: '1.0.0' })
  expect(at('4.0', 'cpu.load_sp0')).toMatchObject({ op: 'cpu.load_sp0', version: '2.0.0' })
  expect(at('2.0', 'pv_mmu_ops.alloc_pt').op).toBe('mmu.alloc_pte')
  expect(at('2.1', 'pv_cpu_ops.irq_enable_syscall_ret').op).toBe('cpu.irq_enable_sysexit')
  expect(at('1.3', 'write_msr').version).toBe('1.0.0')
  expect(at('2.1', 'pv_cpu_ops.write_msr').version).toBe('2.0.0')
  expect(at('4.0', 'cpu.write_msr').version).toBe('3.0.0')
  expect(findEra('7.0', 'x86_64')!.slots.find(s => s.op === 'cpu.write_msr')!.version).toBe('4.0.0')
})

test('ranges of the ops ABI', () => {
  expect(erasIn('>=1.3.0 <2', ['i386']).map(e => e.id)).toEqual(['1.3'])
  expect(erasIn('4.x').map(e => e.id)).toEqual(['4.0', '4.0-lite'])
  expect(erasIn('4.x', ['i386'], ['lite']).map(e => e.id)).toEqual(['4.0-lite'])
  expect(erasIn('5.x || 6.x', ['x86_64']).map(e => e.id)).toEqual(['5.0', '6.0'])
  expect(erasIn('>=9')).toEqual([])
  expect(() => eraOf('5.1')).toThrow(expect.objectContaining({ code: 'PG_OPS_ERA' }))
})

test('callee-save ops keep clear of ECX: none needs a third register or the stack on i386', () => {
  for (const era of ERAS.filter(e => e.arch === 'i386')) {
    for (const slot of era.slots.filter(s => s.calleeSave)) {
      const { signature } = opVersion(findOp(slot.op)!, slot.version)!
      const places = conventionFor(signature, 'i386', true).params.flat()
      expect(
        places.every(p => 'register' in p && p.register !== 'ECX'),
        slot.op,
      ).toBe(true)
    }
  }
})
