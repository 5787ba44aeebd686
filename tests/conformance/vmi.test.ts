import vmi from '@paragraft/backend-vmi'
import vmiOps from '@paragraft/backend-vmi/ops'
import { conformance } from '@paragraft/conformance'
import { createMachine } from 'paragraft'
import { test } from 'vitest'
import manifest from '../../packages/backend-vmi/package.json' with { type: 'json' }

const subject = { test, createMachine, backend: vmi, ops: [vmiOps], manifest }

conformance({ ...subject, label: 'plain ROM' })
conformance({ ...subject, label: 'deferred ROM', backendOptions: { rom: 'deferred' } })
