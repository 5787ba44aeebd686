/**
 * Hypercalls by number: the modern ones, the superseded forms (`_compat`), and multicall, which makes several at once. What
 * a domain of this kind has no use for is absent, and -ENOSYS, as is every number that Xen does not know.
 */
import { EFAULT, EINVAL, ENOSYS } from '../abi/errno.ts'
import { HYPERCALL_NAMES, hypercallNumber } from '../abi/hypercalls.ts'
import { MULTICALL_ENTRY } from '../abi/xen.ts'
import { type Domain, readStruct, type TranslatedDomain, writeStruct } from '../domain.ts'
import { consoleIo } from './console-io.ts'
import { eventChannelOp, eventChannelOpCompat } from './event-channel-op.ts'
import { grantTableOp } from './grant-table-op.ts'
import { hvmOp } from './hvm-op.ts'
import { memoryOp } from './memory-op.ts'
import type { Continuation } from './preemption.ts'
import { schedOp, schedOpCompat } from './sched-op.ts'
import { setTimerOp, vcpuOp } from './vcpu-op.ts'
import { xenVersion } from './xen-version.ts'

/** Arguments are unsigned words; the result is a signed one, negative for an error, or what is left of a long call. */
export type Hypercall<D extends Domain = Domain> = (domain: D, args: readonly number[]) => number | Continuation

/** Hypercalls by their names in the header. */
export type HypercallSet<D extends Domain> = Readonly<Record<string, Hypercall<D>>>

const VMASST_CMD_DISABLE = 1
/** The one assist that a translated guest may switch (xen.h): a flag while its runstate is written. */
const VMASST_TYPE_RUNSTATE_UPDATE_FLAG = 5

/** What calls are counted under whose numbers mean nothing: a guest may make up billions of them. */
const UNKNOWN = 'unknown'

/** What every kind of domain may call. */
export const COMMON_HYPERCALLS: HypercallSet<Domain> = {
  set_timer_op: setTimerOp,
  sched_op_compat: schedOpCompat,
  event_channel_op_compat: eventChannelOpCompat,
  xen_version: xenVersion,
  console_io: consoleIo,
  grant_table_op: grantTableOp,
  vcpu_op: vcpuOp,
  sched_op: schedOp,
  event_channel_op: eventChannelOp,
}

/** What a PVH domain may call. */
export const TRANSLATED_HYPERCALLS: HypercallSet<TranslatedDomain> = {
  ...COMMON_HYPERCALLS,
  memory_op: memoryOp,
  vm_assist: (_domain, [command, type]) => {
    if (type !== VMASST_TYPE_RUNSTATE_UPDATE_FLAG) return -EINVAL
    return command! <= VMASST_CMD_DISABLE ? 0 : -ENOSYS
  },
  hvm_op: hvmOp,
}

/** Serves and counts hypercalls of one domain. */
export class HypercallTable<D extends Domain> {
  /** Calls by name; those within a multicall under their own names, too. Each part of a long call counts. */
  readonly counts: Record<string, number> = {}
  readonly #domain: D
  readonly #handlers: ReadonlyMap<number, Hypercall<D>>

  constructor(domain: D, set: HypercallSet<D>) {
    this.#domain = domain
    this.#handlers = new Map<number, Hypercall<D>>([
      ...Object.entries(set).map(([name, handler]): [number, Hypercall<D>] => [hypercallNumber(name), handler]),
      [hypercallNumber('multicall'), (_domain, args) => this.#multicall(args)],
    ])
  }

  /** Makes one call, or a part of it. */
  call(number: number, args: readonly number[]): number | Continuation {
    this.#domain.preemption.begin()
    return this.#serve(number, args)
  }

  #serve(number: number, args: readonly number[]): number | Continuation {
    const name = HYPERCALL_NAMES.get(number) ?? UNKNOWN
    this.counts[name] = (this.counts[name] ?? 0) + 1
    const handler = this.#handlers.get(number)
    if (handler === undefined) {
      const called = name === UNKNOWN ? `${number}` : name
      this.#domain.reporter.report(`hypercall ${called}`, `the guest called ${called}, which it does not have: -ENOSYS`)
      return -ENOSYS
    }
    return handler(this.#domain, args)
  }

  /**
   * xen/common/multicall.c: each entry gets its result; nesting is refused. One that is not done yet is left in the list as what is
   * left of it, and the list goes on with it.
   */
  #multicall([address, count]: readonly number[]): number | Continuation {
    for (let i = 0; i < count!; i++) {
      const at = (address! + i * MULTICALL_ENTRY.size) >>> 0
      const entry = readStruct(this.#domain, at, MULTICALL_ENTRY)
      if (entry === undefined) return -EFAULT
      const nested = entry.op === hypercallNumber('multicall')
      const args = [entry.arg0, entry.arg1, entry.arg2, entry.arg3, entry.arg4, entry.arg5]
      const result = nested ? -EINVAL : this.#serve(entry.op, args)
      if (typeof result !== 'number') {
        const [arg0, arg1, arg2, arg3, arg4, arg5] = [...result.args, ...args.slice(result.args.length)]
        const rest = { op: entry.op, result: entry.op, arg0, arg1, arg2, arg3, arg4, arg5 } as typeof entry
        return writeStruct(this.#domain, at, MULTICALL_ENTRY, rest) ? { args: [at, count! - i] } : -EFAULT
      }
      if (!writeStruct(this.#domain, at, MULTICALL_ENTRY, { ...entry, result })) return -EFAULT
      if (this.#domain.preemption.spend() && i + 1 < count!) {
        return { args: [at + MULTICALL_ENTRY.size, count! - i - 1] }
      }
    }
    return 0
  }
}
