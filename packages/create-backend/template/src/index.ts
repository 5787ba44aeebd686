/**
 * Backend `example`: a bare PC with a hypervisor of three calls underneath. The guest boots by the hardware's own ways in and has
 * the hardware's own devices; what it can ask for instead is in abi.ts, and which ops of its table do so in ops.ts.
 */
import { defineBackend } from '@paragraft/core/ops'
import { ExampleHypervisor } from './hypervisor.js'

export default defineBackend({
  name: 'example',
  version: '0.1.0',
  apiVersion: '^1.1.0',
  supports: ['ops', 'disk', 'snapshot', 'example:hypercalls'],
  heads: ['multiboot', 'linux'],
  board: 'pc',
  create: ports => new ExampleHypervisor(ports),
})
