/** console_io (xen/drivers/char/console.c): the hypervisor's own console, for guests that cannot use theirs yet. */
import { CONSOLEIO_READ, CONSOLEIO_WRITE } from '../abi/console.ts'
import { EFAULT, EINVAL, ENOSYS } from '../abi/errno.ts'
import type { Domain } from '../domain.ts'
import type { Continuation } from './preemption.ts'

/** What is copied at a time (guest_console_write). */
const CHUNK = 128

export function consoleIo(domain: Domain, [command, count, address]: readonly number[]): number | Continuation {
  if (count! > 0x7fff_ffff) return -EINVAL
  switch (command) {
    case CONSOLEIO_WRITE:
      for (let at = 0; at < count!; at += CHUNK) {
        const bytes = domain.guest.copyFrom((address! + at) >>> 0, Math.min(CHUNK, count! - at))
        if (bytes === undefined) return -EFAULT
        domain.emergency.write(bytes)
        const next = at + CHUNK
        if (domain.preemption.spend() && next < count!) return { args: [command!, count! - next, address! + next] }
      }
      return 0
    case CONSOLEIO_READ:
      // Input is the control domain's.
      return 0
    default:
      return -ENOSYS
  }
}
