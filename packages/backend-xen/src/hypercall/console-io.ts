/** console_io (xen/drivers/char/console.c): the hypervisor's own console, for guests that cannot use theirs yet. */
import { CONSOLEIO_READ, CONSOLEIO_WRITE } from '../abi/console.ts'
import { EFAULT, EINVAL, ENOSYS } from '../abi/errno.ts'
import type { Domain } from '../domain.ts'

const CHUNK = 1024

export function consoleIo(domain: Domain, [command, count, address]: readonly number[]): number {
  if (count! > 0x7fff_ffff) return -EINVAL
  switch (command) {
    case CONSOLEIO_WRITE:
      for (let at = 0; at < count!; at += CHUNK) {
        const bytes = domain.guest.copyFrom((address! + at) >>> 0, Math.min(CHUNK, count! - at))
        if (bytes === undefined) return -EFAULT
        domain.emergency.write(bytes)
      }
      return 0
    case CONSOLEIO_READ:
      // Input is the control domain's.
      return 0
    default:
      return -ENOSYS
  }
}
