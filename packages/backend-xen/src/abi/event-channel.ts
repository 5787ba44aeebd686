/** xen/include/public/event_channel.h. */
import { layout } from './layout.ts'

export const EVTCHNOP_BIND_INTERDOMAIN = 0
export const EVTCHNOP_BIND_VIRQ = 1
export const EVTCHNOP_BIND_PIRQ = 2
export const EVTCHNOP_CLOSE = 3
export const EVTCHNOP_SEND = 4
export const EVTCHNOP_STATUS = 5
export const EVTCHNOP_ALLOC_UNBOUND = 6
export const EVTCHNOP_BIND_IPI = 7
export const EVTCHNOP_BIND_VCPU = 8
export const EVTCHNOP_UNMASK = 9
export const EVTCHNOP_RESET = 10

export const EVTCHN_ALLOC_UNBOUND = layout(8, { dom: [0, 'u16'], remoteDom: [2, 'u16'], port: [4, 'u32'] })
export const EVTCHN_BIND_INTERDOMAIN = layout(12, {
  remoteDom: [0, 'u16'],
  remotePort: [4, 'u32'],
  localPort: [8, 'u32'],
})
export const EVTCHN_BIND_VIRQ = layout(12, { virq: [0, 'u32'], vcpu: [4, 'u32'], port: [8, 'u32'] })
export const EVTCHN_BIND_IPI = layout(8, { vcpu: [0, 'u32'], port: [4, 'u32'] })
export const EVTCHN_BIND_VCPU = layout(8, { port: [0, 'u32'], vcpu: [4, 'u32'] })
/** EVTCHNOP_close, _send and _unmask: a port alone. */
export const EVTCHN_PORT = layout(4, { port: [0, 'u32'] })
export const EVTCHN_RESET = layout(2, { dom: [0, 'u16'] })
/** `u`: the remote domain of an unbound or connected channel (and its port), or a VIRQ. */
export const EVTCHN_STATUS = layout(24, {
  dom: [0, 'u16'],
  port: [4, 'u32'],
  status: [8, 'u32'],
  vcpu: [12, 'u32'],
  remoteDom: [16, 'u16'],
  remotePort: [20, 'u32'],
})
/** In the same union: `virq` where `remoteDom` begins. */
export const EVTCHN_STATUS_VIRQ = layout(24, { virq: [16, 'u32'] })
/** The superseded form: the operation, then its structure. */
export const EVTCHN_OP_ARGUMENT = 4

export const EVTCHNSTAT_CLOSED = 0
export const EVTCHNSTAT_UNBOUND = 1
export const EVTCHNSTAT_INTERDOMAIN = 2
export const EVTCHNSTAT_VIRQ = 4
export const EVTCHNSTAT_IPI = 5
