/**
 * What must hold whatever a guest asks for: no page is a table and writable at once, no table names a page that is not the guest's,
 * every count is what a recount from memory gives, and the hypervisor's pages are as they were. PARAGRAFT_FUZZ=1000000 makes
 * so many calls.
 */
import { expect, test } from 'vitest'
import { PAGE_SIZE } from '../../abi/xen.ts'
import { recount } from './audit.ts'
import { OWNER_XEN } from './frame-table.ts'
import { RandomGuest } from './random.ts'
import { TestPv } from './testing.ts'

const CALLS = Number(process.env['PARAGRAFT_FUZZ'] ?? 8_000)
const CHECKS = 100
const SIZE = 2 ** 23

/** What no call ever changes: page tables of the M2P table, descriptors. */
function own({ memory, mm: { layout } }: TestPv): Uint8Array[] {
  return [layout.m2pTables.first, layout.descriptors].map(mfn => memory.read(mfn * PAGE_SIZE, PAGE_SIZE))
}

test(`${CALLS} calls at random`, () => {
  const results = new Map<string, number>()
  let domains = 0
  for (let done = 0; done < CALLS; domains++) {
    const pv = new TestPv(SIZE)
    const before = own(pv)
    const guest = new RandomGuest(pv, 20_260_101 + domains, results)
    const check = (): void => {
      expect([domains, done, ...recount(pv.mm, pv.held())]).toEqual([domains, done])
      expect(own(pv)).toEqual(before)
      const { layout, table } = pv.mm
      const pages = table.owner.subarray(layout.m2p.first, layout.sharedInfo)
      expect(pages.every(owner => owner === OWNER_XEN)).toBe(true)
    }
    // A domain is worn out after a while: frames are lost for good.
    for (let i = 1; i <= CALLS / 8 && done < CALLS; i++) {
      done++
      const alive = guest.step()
      if (!alive || done % Math.ceil(CALLS / CHECKS) === 0) check()
      if (!alive) break
    }
  }
  // It came somewhere: of every call some succeed and some do not.
  for (const call of ['mmu_update', 'mmuext_op', 'update_va_mapping', 'memory_op', 'grant_table_op']) {
    const failed = [...results].some(([what, count]) => what.startsWith(`${call} -`) && count > CALLS / 200)
    expect([call, results.get(`${call} 0`), failed]).toEqual([
      call,
      expect.toSatisfy(count => count > CALLS / 200),
      true,
    ])
  }
  expect(results.get('page fault fixed')).toBeGreaterThan(CALLS / 1000)
  if (process.env['PARAGRAFT_FUZZ'] !== undefined) console.log(domains, Object.fromEntries([...results].sort()))
})
