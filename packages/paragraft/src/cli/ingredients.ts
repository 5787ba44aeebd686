/** What the settings of a run name, loaded: all of a machine but its devices' far ends. */
import { basename } from 'node:path'
import type { Device, OpsModule } from '@paragraft/core'
import type { MachineConfig } from '../machine-config.ts'
import { loadBackendOptions } from './backend-options.ts'
import { readUserFile } from './files.ts'
import { type FoundPlugin, findBackend, loadBackend, loadDefaultOps, loadDevice, loadOps } from './plugins.ts'
import type { RunSettings } from './settings.ts'

/** The machine's config as far as it can be had from files and packages. */
export type Ingredients = Omit<MachineConfig, 'engine' | 'output'>

/** Loads images, the backend and ops modules. Throws what their loading throws: `PG_FILE`, `PG_PLUGIN_…`. */
export async function gather(settings: RunSettings): Promise<Ingredients> {
  const { restore } = settings.snapshots
  const found = 'from' in settings.backend ? findBackend(settings.backend) : undefined
  const backend = 'from' in settings.backend ? await loadBackend(settings.backend, found) : settings.backend
  const ops: OpsModule[] = []
  for (const entry of settings.ops) ops.push('from' in entry ? await loadOps(entry) : entry)
  const devices: Device[] = []
  for (const entry of settings.devices) devices.push('from' in entry ? await loadDevice(entry) : entry)
  return {
    image: readUserFile(settings.image, 'the image'),
    imageName: basename(settings.image),
    initrd: settings.initrd === undefined ? undefined : readUserFile(settings.initrd, 'the initrd'),
    modules: settings.modules.map(module => ({
      bytes: readUserFile(module.file, 'the boot module'),
      commandLine: module.commandLine,
    })),
    ops,
    devices,
    ...defaultOpsOf(settings, found),
    backend,
    backendOptions: await loadBackendOptions(backend, settings),
    ...(settings.memory === undefined ? {} : { memory: settings.memory }),
    ...(restore === undefined ? {} : { snapshot: readUserFile(restore, 'the snapshot') }),
    ...(settings.append === undefined ? {} : { commandLine: settings.append }),
    ...(settings.nsPerInstruction === undefined ? {} : { nsPerInstruction: settings.nsPerInstruction }),
  }
}

/** The backend's default ops, loaded if the guest turns out to need them. */
function defaultOpsOf(
  { noDefaultOps }: RunSettings,
  found: FoundPlugin | undefined,
): Pick<MachineConfig, 'defaultOps'> {
  if (noDefaultOps) return { defaultOps: null }
  return found?.metadata?.ops === undefined ? {} : { defaultOps: () => loadDefaultOps(found) }
}
