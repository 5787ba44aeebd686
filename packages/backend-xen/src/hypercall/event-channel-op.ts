/** event_channel_op (xen/common/event_channel.c, do_event_channel_op): a command and a pointer to its structure. */
import { EFAULT, ENOSYS } from '../abi/errno.ts'
import * as abi from '../abi/event-channel.ts'
import { type Domain, readStruct, writeStruct } from '../domain.ts'
import type { EventChannels } from '../event-channels.ts'

/** A command whose result, when it is one, is a port that goes back into its structure. */
function allocating<
  L extends typeof abi.EVTCHN_ALLOC_UNBOUND | typeof abi.EVTCHN_BIND_IPI | typeof abi.EVTCHN_BIND_VIRQ,
>(
  domain: Domain,
  address: number,
  layout: L,
  bind: (events: EventChannels, values: Record<string, number>) => number,
): number {
  const values = readStruct(domain, address, layout as never) as Record<string, number> | undefined
  if (values === undefined) return -EFAULT
  const port = bind(domain.events, values)
  if (port < 0) return port
  if (writeStruct(domain, address, layout as never, { ...values, port } as never)) return 0
  // Nobody would know the port.
  domain.events.close(port)
  return -EFAULT
}

export function eventChannelOp(domain: Domain, [command, address]: readonly number[]): number {
  const at = address!
  const { events } = domain
  switch (command) {
    case abi.EVTCHNOP_ALLOC_UNBOUND:
      return allocating(domain, at, abi.EVTCHN_ALLOC_UNBOUND, (e, { dom, remoteDom }) =>
        e.allocUnbound(dom!, remoteDom!),
      )
    case abi.EVTCHNOP_BIND_VIRQ:
      return allocating(domain, at, abi.EVTCHN_BIND_VIRQ, (e, { virq, vcpu }) => e.bindVirq(virq!, vcpu!))
    case abi.EVTCHNOP_BIND_IPI:
      return allocating(domain, at, abi.EVTCHN_BIND_IPI, (e, { vcpu }) => e.bindIpi(vcpu!))
    case abi.EVTCHNOP_BIND_INTERDOMAIN: {
      const values = readStruct(domain, at, abi.EVTCHN_BIND_INTERDOMAIN)
      if (values === undefined) return -EFAULT
      const localPort = events.bindInterdomain(values.remoteDom, values.remotePort)
      if (localPort < 0) return localPort
      if (writeStruct(domain, at, abi.EVTCHN_BIND_INTERDOMAIN, { ...values, localPort })) return 0
      events.close(localPort)
      return -EFAULT
    }
    case abi.EVTCHNOP_CLOSE:
      return withPort(domain, at, port => events.close(port))
    case abi.EVTCHNOP_SEND:
      return withPort(domain, at, port => events.send(port))
    case abi.EVTCHNOP_UNMASK:
      return withPort(domain, at, port => events.unmask(port))
    case abi.EVTCHNOP_STATUS: {
      const values = readStruct(domain, at, abi.EVTCHN_STATUS)
      if (values === undefined) return -EFAULT
      const status = events.status(values.dom, values.port)
      if (typeof status === 'number') return status
      const { virq, ...rest } = status
      const ok =
        writeStruct(domain, at, abi.EVTCHN_STATUS, { dom: values.dom, port: values.port, ...rest }) &&
        (virq === undefined || domain.guest.copyTo(at + abi.EVTCHN_STATUS_VIRQ.fields.virq[0], word(virq)))
      return ok ? 0 : -EFAULT
    }
    case abi.EVTCHNOP_BIND_VCPU: {
      const values = readStruct(domain, at, abi.EVTCHN_BIND_VCPU)
      return values === undefined ? -EFAULT : events.bindVcpu(values.port, values.vcpu)
    }
    case abi.EVTCHNOP_RESET: {
      const values = readStruct(domain, at, abi.EVTCHN_RESET)
      return values === undefined ? -EFAULT : events.reset(values.dom)
    }
    default:
      // The FIFO ABI (init_control and on) is one that this hypervisor was built without; PIRQs are for hardware.
      domain.reporter.report(`event_channel_op ${command}`, `the guest asked for event channel operation ${command}`)
      return -ENOSYS
  }
}

/** event_channel_op_compat: one structure with the command at its beginning. */
export function eventChannelOpCompat(domain: Domain, [address]: readonly number[]): number {
  const command = domain.guest.copyFrom(address!, 4)
  if (command === undefined) return -EFAULT
  const number = new DataView(command.buffer).getUint32(0, true)
  if (number > abi.EVTCHNOP_UNMASK) return -ENOSYS
  return eventChannelOp(domain, [number, address! + abi.EVTCHN_OP_ARGUMENT])
}

function withPort(domain: Domain, address: number, act: (port: number) => number): number {
  const values = readStruct(domain, address, abi.EVTCHN_PORT)
  return values === undefined ? -EFAULT : act(values.port)
}

function word(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24)
}
