import { defineConfig } from 'tsup'

/** The build every library of the workspace shares: ESM with rolled-up types. */
export function library(entry: string[]): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry,
    format: 'esm',
    target: 'es2023',
    platform: 'neutral',
    clean: true,
    sourcemap: true,
    // Constants become numbers where they are used. As variables of the module, V8 loads and checks each of them every time.
    esbuildOptions(options) {
      options.minifySyntax = true
    },
    dts: { compilerOptions: { ignoreDeprecations: '6.0', customConditions: [] } },
  })
}
