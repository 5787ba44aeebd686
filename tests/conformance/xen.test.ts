import xen from '@paragraft/backend-xen'
import xenOps from '@paragraft/backend-xen/ops'
import { conformance } from '@paragraft/conformance'
import { createMachine } from 'paragraft'
import { test } from 'vitest'
import manifest from '../../packages/backend-xen/package.json' with { type: 'json' }

conformance({ test, createMachine, backend: xen, ops: [xenOps], manifest })
