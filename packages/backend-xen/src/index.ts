/**
 * Backend `xen`: what a guest of Xen finds, without Xen. Guests with a PVH entry boot by `xen-pvh`, paravirtual ones by
 * `xen-pv`.
 */
import { defineBackend } from '@paragraft/core/ops'
import { pvHead } from './heads/pv.ts'
import { pvhHead } from './heads/pvh.ts'
import { xenInstance } from './instance.ts'
import { describeXen } from './notes.ts'

export default defineBackend({
  name: 'xen',
  version: '0.1.0',
  apiVersion: '^1.1.0',
  supports: ['ops', 'disk', 'net', 'xen:hypercalls'],
  heads: [pvhHead, pvHead],
  board: 'none',
  knownBy: image => describeXen(image) !== undefined,
  create: xenInstance,
})
