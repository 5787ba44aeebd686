/** The host answers: functions of the host that carry an op out on the guest's behalf. */
import type { HostFunction } from '@paragraft/core/ops'

/** Forget the translations of this address space, the global ones excepted. */
export const flushTlbUser: HostFunction = call => call.processor.flushTlb()

/** Forget one page's translation. Page-table isolation needs no more while PCID is off: CR3 is reloaded on every exit. */
export const flushTlbOneUser: HostFunction = call => call.processor.invlpg(Number(call.arg('addr')))

/** A hook: an address space is about to be taken down. Bare hardware has nothing to do, and the ledger counts it. */
export const exitMmap: HostFunction = () => {}

/** Let the floating-point unit be used. */
export const clts: HostFunction = call => call.processor.clts()

/** Where the last page fault was. */
export const readCr2: HostFunction = call => call.processor.readCr(2)

/** Nanoseconds; a u64, which goes back in EDX:EAX. */
export const schedClock: HostFunction = call => BigInt(call.clock.now())
