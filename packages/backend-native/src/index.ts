/**
 * Backend `native`: a bare PC. The guest boots by the hardware's own heads, finds the hardware's own devices, and keeps
 * its own ops. There is nothing between the two, so there is nothing to create.
 */
import { defineBackend } from '@paragraft/core/ops'

export { nativeAnswers, nativeOps } from './ops.ts'

export default defineBackend({
  name: 'native',
  version: '0.1.0',
  apiVersion: '^1.1.0',
  supports: ['ops', 'late-ops', 'disk', 'devices', 'snapshot', 'guests:plain'],
  heads: ['multiboot', 'linux'],
  board: 'pc',
  create: () => ({ save: () => null, restore: () => {} }),
})
