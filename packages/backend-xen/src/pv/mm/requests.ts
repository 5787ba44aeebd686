/** Lists of requests with a count of those done, as mmu_update and mmuext_op have them (xen/arch/x86/mm.c). */
import { MMU_UPDATE_PREEMPTED } from '../../abi/pv.ts'
import { readWord, writeWord } from '../../domain.ts'
import type { Continuation } from '../../hypercall/preemption.ts'
import type { ParavirtualDomain } from '../ports.ts'

/**
 * Serves requests of `size` bytes one by one until one fails. How many are done goes where the guest wants it, if anywhere, and a
 * bad pointer is nobody's concern; a call that goes on adds to what is there.
 */
export function serveRequests(
  domain: ParavirtualDomain,
  [requests, count, pdone, foreigndom]: readonly number[],
  size: number,
  serve: (at: number) => number,
): number | Continuation {
  const total = count! & ~MMU_UPDATE_PREEMPTED
  const goesOn = total !== count! && pdone !== 0
  const before = goesOn ? (readWord(domain, pdone!) ?? 0) : 0
  let result = 0
  let done = 0
  let enough = false
  while (done < total && !enough) {
    result = serve((requests! + done * size) >>> 0)
    if (result !== 0) break
    done++
    enough = domain.preemption.spend()
  }
  if (pdone !== 0) writeWord(domain, pdone!, before + done)
  if (!enough || done === total) return result
  return { args: [requests! + done * size, (total - done) | MMU_UPDATE_PREEMPTED, pdone!, foreigndom!] }
}
