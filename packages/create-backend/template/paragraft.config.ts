import { defineConfig } from 'paragraft'

/** What `npx paragraft run IMAGE` does here, unless its options say otherwise. */
export default defineConfig({
  // This folder, built: `npm run build`.
  backend: '.',
  ops: ['./dist/ops.js'],
  memory: '64M',
})
