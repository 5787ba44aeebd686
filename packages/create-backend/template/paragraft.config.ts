import { defineConfig } from 'paragraft'

/** What `npx paragraft run` does here, unless its options say otherwise. */
export default defineConfig({
  guest: 'node_modules/@paragraft/guests/oldguest/oldguest.elf',
  // This folder, built. Its ops come along: package.json names them.
  backend: '.',
  memory: '64M',
})
