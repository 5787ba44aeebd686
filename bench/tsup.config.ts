import { defineConfig } from 'tsup'

/** The command, and one program for each peer that runs in a Node process of its own. */
export default defineConfig({
  entry: ['src/bench.ts', 'src/boot-paragraft.ts', 'src/boot-v86.ts'],
  format: 'esm',
  target: 'es2023',
  platform: 'node',
  clean: true,
  dts: false,
})
