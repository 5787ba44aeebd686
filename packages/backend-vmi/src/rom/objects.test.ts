import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { needs } from '../../../../tests/support/needs.ts'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

needs('gcc')('the objects in the repository are what GNU as makes of guest/*.S', () => {
  const built = execFileSync(process.execPath, [path('../../scripts/build-rom.mjs'), '--print'], { encoding: 'utf8' })
  expect(built).toBe(readFileSync(path('./objects.generated.ts'), 'utf8'))
})
