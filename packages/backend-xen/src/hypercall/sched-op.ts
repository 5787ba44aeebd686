/** sched_op (xen/common/sched: do_sched_op): giving up the processor, waiting, and the end. */
import { EFAULT, EINVAL, ENOSYS } from '../abi/errno.ts'
import * as abi from '../abi/sched.ts'
import { type Domain, readStruct, readWord } from '../domain.ts'

const REASONS: Readonly<Record<number, string>> = {
  [abi.SHUTDOWN_POWEROFF]: 'power off',
  [abi.SHUTDOWN_REBOOT]: 'reboot',
  [abi.SHUTDOWN_SUSPEND]: 'suspend',
  [abi.SHUTDOWN_CRASH]: 'crash',
  [abi.SHUTDOWN_WATCHDOG]: 'watchdog',
  [abi.SHUTDOWN_SOFT_RESET]: 'soft reset',
}

export function schedOp(domain: Domain, [command, address]: readonly number[]): number {
  switch (command) {
    case abi.SCHEDOP_YIELD:
      // Nobody else waits for the processor.
      return 0
    case abi.SCHEDOP_BLOCK:
      return block(domain)
    case abi.SCHEDOP_SHUTDOWN: {
      const values = readStruct(domain, address!, abi.SCHED_SHUTDOWN)
      return values === undefined ? -EFAULT : shutdown(domain, values.reason)
    }
    case abi.SCHEDOP_POLL:
      return poll(domain, address!)
    case abi.SCHEDOP_SHUTDOWN_CODE: {
      const values = readStruct(domain, address!, abi.SCHED_SHUTDOWN)
      if (values === undefined) return -EFAULT
      domain.reporter.report('shutdown code', `the guest gave ${REASONS[values.reason] ?? values.reason} as its reason`)
      return 0
    }
    default:
      domain.reporter.report(`sched_op ${command}`, `the guest asked for scheduler operation ${command}`)
      return -ENOSYS
  }
}

/** sched_op_compat: yield, block, or shutdown with the reason itself as argument. */
export function schedOpCompat(domain: Domain, [command, argument]: readonly number[]): number {
  switch (command) {
    case abi.SCHEDOP_YIELD:
      return 0
    case abi.SCHEDOP_BLOCK:
      return block(domain)
    case abi.SCHEDOP_SHUTDOWN:
      return shutdown(domain, argument!)
    default:
      return -ENOSYS
  }
}

/** Waits for an event; one that is there already is enough. */
function block(domain: Domain): number {
  domain.vcpu.upcallMask = 0
  if (!domain.vcpu.upcallPending) {
    domain.runstate.block()
    domain.processor.halt()
  }
  return 0
}

function shutdown(domain: Domain, word: number): number {
  const reason = word & 0xff
  switch (reason) {
    case abi.SHUTDOWN_POWEROFF:
      domain.power.powerOff()
      return 0
    case abi.SHUTDOWN_SUSPEND:
      // Nobody saves it: it resumes where it is, as after a cancelled suspend (sched.h: 1 is returned then).
      domain.reporter.report('suspend', 'the guest asked to be suspended; it was resumed at once')
      return 1
    default:
      // Any number will do, and of it a byte is taken (xen/common/domain.c, domain_shutdown).
      domain.power.reset(`the guest shut down with the reason ${REASONS[reason] ?? reason} (sched_op)`)
      return 0
  }
}

/** Waits until a port is pending or a time has come; also ends for no reason, which callers must expect. */
function poll(domain: Domain, address: number): number {
  const values = readStruct(domain, address, abi.SCHED_POLL)
  if (values === undefined) return -EFAULT
  if (values.nrPorts > abi.POLL_MOST_PORTS) return -EINVAL
  const ports: number[] = []
  for (let i = 0; i < values.nrPorts; i++) {
    const port = readWord(domain, values.ports + 4 * i)
    if (port === undefined) return -EFAULT
    if (!domain.events.isPort(port)) return -EINVAL
    if (domain.events.isPending(port)) return 0
    ports.push(port)
  }
  const until = values.timeout === 0 ? null : values.timeout
  if (until !== null && until <= domain.time.now()) return 0
  domain.poll(ports, until)
  return 0
}
