import { conformance } from '@paragraft/conformance'
import { createMachine } from 'paragraft'
import { test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import lguest from './index.ts'
import lguestOps from './ops.ts'

conformance({ test, createMachine, backend: lguest, ops: [lguestOps], manifest })
