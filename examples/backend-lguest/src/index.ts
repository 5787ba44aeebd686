/**
 * Backend `lguest`: a small hypervisor for old paravirtual kernels, in the spirit of the one that Linux had from 2.6.23 to 4.13.
 * The kernel runs in ring 1 on shadow page tables, asks by hypercalls, and shares a page of memory with the host. README.md is
 * a walk through it.
 */
import { defineBackend } from '@paragraft/core/ops'
import { Guest } from './guest.ts'
import { lguestHead } from './head.ts'

export default defineBackend({
  name: 'lguest',
  version: '0.1.0',
  apiVersion: '^1.1.0',
  supports: ['ops', 'snapshot', 'lguest:hypercalls'],
  heads: [lguestHead],
  // What a guest finds is what is here: a serial line, a clock, a way to switch the power off.
  board: 'none',
  create: ports => new Guest(ports),
})
