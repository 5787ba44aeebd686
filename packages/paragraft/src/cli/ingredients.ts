/** What the settings of a run name, loaded: all of a machine but its devices' far ends. */
import { basename } from 'node:path'
import type { OpsModule } from '@paragraft/core'
import type { MachineConfig } from '../assemble.ts'
import { loadBackendOptions } from './backend-options.ts'
import { readUserFile } from './files.ts'
import { loadBackend, loadOps } from './plugins.ts'
import type { RunSettings } from './settings.ts'

/** The machine's config as far as it can be had from files and packages. */
export type Ingredients = Omit<MachineConfig, 'engine' | 'output'>

/** Loads images, the backend and ops modules. Throws what their loading throws: `PG_FILE`, `PG_PLUGIN_…`. */
export async function gather(settings: RunSettings, cwd: string): Promise<Ingredients> {
  const named = settings.backend
  const backend = typeof named === 'string' ? await loadBackend(named, cwd) : named
  const image = readUserFile(cwd, settings.image, 'the image')
  const initrd = settings.initrd === undefined ? undefined : readUserFile(cwd, settings.initrd, 'the initrd')
  const modules = settings.modules.map(({ file, commandLine }) => ({
    bytes: readUserFile(cwd, file, 'the boot module'),
    commandLine,
  }))
  const ops: OpsModule[] = []
  for (const entry of settings.ops) ops.push(typeof entry === 'string' ? await loadOps(entry, cwd) : entry)
  return {
    image,
    imageName: basename(settings.image),
    initrd,
    modules,
    ops,
    backend,
    backendOptions: await loadBackendOptions(backend, settings.backendOptions, cwd),
    memory: settings.memory,
    ...(settings.append === undefined ? {} : { commandLine: settings.append }),
    ...(settings.nsPerInstruction === undefined ? {} : { nsPerInstruction: settings.nsPerInstruction }),
  }
}
