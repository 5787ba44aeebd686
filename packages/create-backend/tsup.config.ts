import { defineConfig } from 'tsup'

const shared = { format: 'esm', target: 'es2023', platform: 'node', clean: false, sourcemap: true } as const

export default defineConfig([
  { ...shared, entry: ['src/index.ts'], dts: { compilerOptions: { ignoreDeprecations: '6.0', customConditions: [] } } },
  { ...shared, entry: ['src/cli.ts'], dts: false },
])
