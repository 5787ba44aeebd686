import native from '@paragraft/backend-native'
import { conformance } from '@paragraft/conformance'
import { createMachine } from 'paragraft'
import { test } from 'vitest'
import manifest from '../../examples/native-ops/package.json' with { type: 'json' }
import nativeOps from '../../examples/native-ops/src/index.ts'

conformance({ test, createMachine, backend: native, ops: [nativeOps], manifest })
