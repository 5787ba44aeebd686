/** The backend's instance: a domain of the kind that the head which placed the guest stands for. */
import type { BackendInstance, BackendPorts, StartOfDay } from '@paragraft/core'
import { XEN_PV } from './notes.ts'
import { PvDomain } from './pv/domain.ts'
import { PvhDomain } from './pvh.ts'

/** A domain as the machine uses it. */
type DomainInstance = Omit<BackendInstance, 'start'>

export function xenInstance(ports: BackendPorts): BackendInstance {
  let domain: DomainInstance = {}
  return {
    start(start: StartOfDay) {
      domain = start.head === XEN_PV ? new PvDomain(ports, start) : new PvhDomain(ports, start)
    },
    acknowledgeInterrupt: () => domain.acknowledgeInterrupt?.() ?? -1,
    wakes: () => domain.wakes?.() ?? false,
    hypercall: frame => domain.hypercall?.(frame) ?? false,
    readMsr: index => domain.readMsr?.(index),
    writeMsr: (index, value) => domain.writeMsr?.(index, value) ?? false,
    cpuid: (leaf, subleaf, own) => domain.cpuid?.(leaf, subleaf, own),
    counts: () => domain.counts?.() ?? {},
    save: () => domain.save?.() ?? null,
    restore: state => domain.restore?.(state),
  }
}
