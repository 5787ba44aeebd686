/** The suite that every backend passes: contract, every op against its meaning, boots, snapshots, hostile guests. */
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { conformance } from '@paragraft/conformance'
import { createMachine } from 'paragraft'
import hypervisor from './index.js'
import hypervisorOps from './ops.js'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

conformance({ test, createMachine, backend: hypervisor, ops: [hypervisorOps], manifest })
