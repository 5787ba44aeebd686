import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.ts'

/** What src/prebuild.ts makes, as an expression: see src/prebuilt.ts. */
async function prebuilt(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'paragraft-'))
  const outfile = join(directory, 'prebuild.mjs')
  try {
    await build({
      entryPoints: [join(import.meta.dirname, 'src/prebuild.ts')],
      bundle: true,
      format: 'esm',
      conditions: ['paragraft-source'],
      outfile,
    })
    const { prebuild } = (await import(pathToFileURL(outfile).href)) as typeof import('./src/prebuild.ts')
    return JSON.stringify(prebuild())
  } finally {
    rmSync(directory, { recursive: true })
  }
}

export default defineConfig(async () => ({
  ...(library(['src/index.ts']) as object),
  define: { PARAGRAFT_PREBUILT: await prebuilt() },
}))
