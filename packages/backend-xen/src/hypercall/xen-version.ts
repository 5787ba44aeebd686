/** xen_version (xen/common/kernel.c): who the hypervisor is and what it offers. */
import { EFAULT, ENODATA, ENOSYS } from '../abi/errno.ts'
import * as abi from '../abi/version.ts'
import { PAGE_SIZE } from '../abi/xen.ts'
import { type Domain, readStruct, writeStruct, writeWord } from '../domain.ts'

const EXTRAVERSION = '.0-paragraft'
const CAPABILITIES = 'xen-3.0-x86_32p hvm-3.0-x86_32 hvm-3.0-x86_32p'
/** XEN_COMPAT_VIRT_START: where the hypervisor's hole in a 32-bit guest begins. */
const VIRT_START = 0xf580_0000
/** Lengths of the structures' strings. */
const EXTRAVERSION_SIZE = 16
const CAPABILITIES_SIZE = 1024
const CHANGESET_SIZE = 64
const COMMANDLINE_SIZE = 1024
const COMPILE_INFO_FIELDS = [64, 16, 32, 32]
const GUEST_HANDLE_SIZE = 16

export function xenVersion(domain: Domain, [command, address]: readonly number[]): number {
  const at = address!
  const answer = (bytes: Uint8Array): number => (domain.guest.copyTo(at, bytes) ? 0 : -EFAULT)
  switch (command) {
    case abi.XENVER_VERSION:
      return (abi.XEN_MAJOR << 16) | abi.XEN_MINOR
    case abi.XENVER_EXTRAVERSION:
      return answer(fixed(EXTRAVERSION, EXTRAVERSION_SIZE))
    case abi.XENVER_COMPILE_INFO:
      return answer(
        fixed(
          '',
          COMPILE_INFO_FIELDS.reduce((sum, size) => sum + size),
        ),
      )
    case abi.XENVER_CAPABILITIES:
      return answer(fixed(CAPABILITIES, CAPABILITIES_SIZE))
    case abi.XENVER_CHANGESET:
      return answer(fixed('', CHANGESET_SIZE))
    case abi.XENVER_PLATFORM_PARAMETERS:
      return writeWord(domain, at, VIRT_START) ? 0 : -EFAULT
    case abi.XENVER_GET_FEATURES: {
      const values = readStruct(domain, at, abi.XEN_FEATURE_INFO)
      if (values === undefined) return -EFAULT
      const submap = values.submapIdx === 0 ? domain.features : 0
      return writeStruct(domain, at, abi.XEN_FEATURE_INFO, { ...values, submap }) ? 0 : -EFAULT
    }
    case abi.XENVER_PAGESIZE:
      return PAGE_SIZE
    case abi.XENVER_GUEST_HANDLE:
      return answer(new Uint8Array(GUEST_HANDLE_SIZE))
    case abi.XENVER_COMMANDLINE:
      return answer(fixed('', COMMANDLINE_SIZE))
    case abi.XENVER_BUILD_ID:
      return -ENODATA
    default:
      return -ENOSYS
  }
}

/** Latin-1 text in a field of so many bytes, filled up with NULs. */
function fixed(text: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
