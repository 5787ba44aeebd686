/**
 * Backend `xen`: what a guest of Xen finds, without Xen. Guests with a PVH entry boot by `xen-pvh`, paravirtual ones by
 * `xen-pv`.
 */
import type {} from '@paragraft/core/backends'
import { type BackendOptions, defineBackend, type OptionsOf } from '@paragraft/core/ops'
import { pvHead } from './heads/pv.ts'
import { pvhHead } from './heads/pvh.ts'
import { xenInstance } from './instance.ts'
import { describeXen } from './notes.ts'

const OPTIONS = {
  'writable-directories': {
    says: 'a paravirtual kernel may write to its page directories as to page tables, which Xen does not let it',
    kind: 'flag',
  },
} as const satisfies BackendOptions

/** The options as a config has them. */
export type XenOptions = OptionsOf<typeof OPTIONS>

declare module '@paragraft/core/backends' {
  interface BackendOptionTypes {
    xen: XenOptions
    '@paragraft/backend-xen': XenOptions
  }
}

export default defineBackend({
  name: 'xen',
  version: '0.1.0',
  apiVersion: '^1.1.0',
  supports: ['ops', 'disk', 'net', 'snapshot', 'guests:plain', 'xen:hypercalls'],
  heads: [pvhHead, pvHead],
  board: 'none',
  knownBy: image => describeXen(image) !== undefined,
  options: OPTIONS,
  create: xenInstance,
})
