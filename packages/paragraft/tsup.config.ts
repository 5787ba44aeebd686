import { defineConfig } from 'tsup'

/** `index` is for embedders and runs in a browser too, `node` in Node alone; `cli` is the command line and has no declarations. */
const shared = { format: 'esm', target: 'es2023', clean: false, sourcemap: true } as const

export default defineConfig([
  {
    ...shared,
    entry: ['src/index.ts'],
    platform: 'neutral',
    dts: { compilerOptions: { ignoreDeprecations: '6.0', customConditions: [] } },
  },
  {
    ...shared,
    entry: ['src/node.ts'],
    platform: 'node',
    dts: { compilerOptions: { ignoreDeprecations: '6.0', customConditions: [] } },
  },
  { ...shared, entry: ['src/cli.ts'], platform: 'node', dts: false },
])
