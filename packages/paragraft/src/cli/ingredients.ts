/** What the settings of a run name, loaded: all of a machine but its devices' far ends. */
import { basename } from 'node:path'
import type { OpsModule } from '@paragraft/core'
import type { MachineConfig } from '../assemble.ts'
import { loadBackendOptions } from './backend-options.ts'
import { readUserFile } from './files.ts'
import { type FoundPlugin, findBackend, loadBackend, loadDefaultOps, loadOps } from './plugins.ts'
import type { RunSettings } from './settings.ts'

/** In place of an ops module: leave out the backend's default. */
const NO_DEFAULT_OPS = 'none'

/** The machine's config as far as it can be had from files and packages. */
export type Ingredients = Omit<MachineConfig, 'engine' | 'output'>

/** Loads images, the backend and ops modules. Throws what their loading throws: `PG_FILE`, `PG_PLUGIN_…`. */
export async function gather(settings: RunSettings, cwd: string): Promise<Ingredients> {
  const named = settings.backend
  const found = typeof named === 'string' ? findBackend(named, cwd) : undefined
  const backend = typeof named === 'string' ? await loadBackend(named, cwd, found) : named
  const image = readUserFile(cwd, settings.image, 'the image')
  const initrd = settings.initrd === undefined ? undefined : readUserFile(cwd, settings.initrd, 'the initrd')
  const modules = settings.modules.map(({ file, commandLine }) => ({
    bytes: readUserFile(cwd, file, 'the boot module'),
    commandLine,
  }))
  const ops: OpsModule[] = []
  for (const entry of settings.ops) {
    if (entry !== NO_DEFAULT_OPS) ops.push(typeof entry === 'string' ? await loadOps(entry, cwd) : entry)
  }
  return {
    image,
    imageName: basename(settings.image),
    initrd,
    modules,
    ops,
    ...defaultOpsOf(settings, found),
    backend,
    backendOptions: await loadBackendOptions(backend, settings.backendOptions, cwd),
    memory: settings.memory,
    ...(settings.append === undefined ? {} : { commandLine: settings.append }),
    ...(settings.nsPerInstruction === undefined ? {} : { nsPerInstruction: settings.nsPerInstruction }),
  }
}

/** The backend's default ops, loaded if the guest turns out to need them. */
function defaultOpsOf({ ops }: RunSettings, found: FoundPlugin | undefined): Pick<MachineConfig, 'defaultOps'> {
  if (ops.includes(NO_DEFAULT_OPS)) return { defaultOps: null }
  return found?.metadata?.ops === undefined ? {} : { defaultOps: () => loadDefaultOps(found) }
}
