/** What a snapshot keeps of every kind of domain. */
import type { MemoryRange } from '@paragraft/core'
import type { Snapshotable } from '@paragraft/core/ports'
import type { Domain } from './domain.ts'
import type { Waiting } from './poll.ts'
import type { Services } from './services.ts'

export interface DomainParts {
  domain: Domain & { readonly memoryMap: MemoryRange[] }
  waiting: Waiting
  services: Services['kept']
  /** Hypercalls so far, by name. */
  calls: Record<string, number>
}

/** In the order of their return: grants before those who use them, channels before their back ends. */
export function domainStates({ domain, waiting, services, calls }: DomainParts): Record<string, Snapshotable> {
  const { shared, grants, vcpu, runstate, time, timers, events, memoryMap } = domain
  return {
    shared,
    grants,
    vcpu,
    runstate,
    time,
    timers,
    waiting,
    events,
    ...services,
    calls: { save: () => ({ ...calls }), restore: saved => void Object.assign(calls, saved) },
    memoryMap: {
      save: () => memoryMap.map(range => ({ ...range })),
      restore: saved => void memoryMap.splice(0, memoryMap.length, ...(saved as MemoryRange[])),
    },
  }
}
