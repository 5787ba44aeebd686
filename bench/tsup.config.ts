import { defineConfig } from 'tsup'

const common = { format: 'esm', target: 'es2023', dts: false } as const

/** What v86 asks for in Node only, when it finds itself there. */
const nodeOnly = ['crypto', 'fs', 'perf_hooks', 'url', 'node:fs/promises']

/** The command, the program of the Node processes that it starts, and the page's, which brings everything along. */
export default defineConfig([
  {
    ...common,
    entry: ['src/bench.ts', 'src/run.ts', 'src/soak.ts', 'src/xen-run.ts'],
    platform: 'node',
    clean: ['dist/*', '!dist/page.js'],
  },
  {
    ...common,
    entry: ['src/page.ts'],
    platform: 'browser',
    noExternal: ['paragraft', 'v86', /^@paragraft/],
    external: nodeOnly,
    clean: false,
  },
])
