/** Which ops modules a guest is given: the user's, and below them the backend's default where the guest needs one. */
import { type Ability, type GuestImage, type OpsModule, requireAbilities } from '@paragraft/core'
import { findLayout } from '@paragraft/loader'
import type { MachineConfig } from './machine-config.ts'

type Wishes = Pick<MachineConfig, 'backend' | 'ops' | 'defaultOps'>

/**
 * The modules to graft, in order. A guest needs the backend's default when it does not know the backend by itself and has a
 * table that the module targets. Throws `PG_ABILITY`, and what loading the default throws.
 */
export async function chooseOps(wishes: Wishes, image: GuestImage): Promise<OpsModule[]> {
  const { backend, ops = [] } = wishes
  const needed = await neededDefault(wishes, image)
  const modules = needed === undefined || ops.some(({ name }) => name === needed.name) ? [...ops] : [needed, ...ops]
  for (const module of modules) requireAbilities(backend, [needs(module), ...(module.requires ?? [])], module.name)
  return modules
}

function needs({ install = 'entry' }: OpsModule): Ability {
  return install === 'entry' ? 'ops' : 'late-ops'
}

async function neededDefault(
  { backend, defaultOps = backend.ops ?? null }: Wishes,
  image: GuestImage,
): Promise<OpsModule | undefined> {
  if (defaultOps === null || backend.knownBy?.(image)) return undefined
  const found = findLayout(image)
  if (!found.found) return undefined
  const module = typeof defaultOps === 'function' ? await defaultOps() : defaultOps
  const { era, arch } = found.layout
  return module?.eras.some(target => target.id === era && target.arch === arch) ? module : undefined
}
