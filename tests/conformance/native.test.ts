import native from '@paragraft/backend-native'
import { conformance } from '@paragraft/conformance'
import { createMachine } from 'paragraft'
import { test } from 'vitest'
import manifest from '../../packages/backend-native/package.json' with { type: 'json' }

conformance({ test, createMachine, backend: native, manifest })
