/**
 * Ops modules that wait in reserved memory until somebody says that they are to be installed: the guest, by the registration
 * call (registration.ts), or the embedder.
 */
import {
  type GuestMemory,
  isParagraftError,
  type Moment,
  type OpsModule,
  ParagraftError,
  type Snapshotable,
  type StartOfDay,
  type VirtualMemory,
} from '@paragraft/core'
import { type GraftPlan, installLateGraft, type PlannedStub, placeLateGraft } from '@paragraft/loader'
import type { Bookkeeper, Installed } from './bookkeeper.ts'

const PAGE = 4096

/** What installing needs of the machine. */
export interface LateOpsSources {
  /** By the guest's physical addresses. */
  memory: GuestMemory
  /** Through the guest's page tables, as they are. */
  virtual: VirtualMemory
  books: Bookkeeper
  now: () => Moment
  onInstalled: (installed: Installed) => void
}

/** A module, and the graft that is planned for it. */
export interface LateModule {
  readonly module: OpsModule
  readonly plan: GraftPlan
}

export class LateOps implements Snapshotable<string[]> {
  readonly #modules: readonly LateModule[]
  readonly #installed = new Set<LateModule>()
  #sources: LateOpsSources | null = null

  /** In the order in which they are offered the guest. */
  constructor(modules: readonly LateModule[]) {
    this.#modules = modules
  }

  get plans(): readonly GraftPlan[] {
    return this.#modules.map(({ plan }) => plan)
  }

  /** Puts the code where it will be run from. Throws `PG_GRAFT_NOT_RESERVED`. */
  place(ram: GuestMemory, start: StartOfDay): void {
    for (const { plan } of this.#modules) placeLateGraft(ram, start, plan)
  }

  attach(sources: LateOpsSources): void {
    this.#sources = sources
  }

  /** Modules that wait for a request of the guest. */
  get requestable(): readonly OpsModule[] {
    const waiting = this.#modules.filter(late => !this.#installed.has(late))
    return waiting.map(({ module }) => module).filter(({ install }) => install === 'request')
  }

  /** The answer behind a host stub of these modules. */
  stub(index: number): PlannedStub | undefined {
    return this.plans.flatMap(({ hostStubs }) => hostStubs).find(stub => stub.index === index)
  }

  /**
   * Installs a module; returns how many slots it took. Throws `PG_INSTALL_MODULE` (it does not wait, or not for this), and
   * `PG_INSTALL_PATCHED`, `PG_INSTALL_TABLE`, `PG_INSTALL_UNMAPPED`: it cannot be any more, or not yet; nothing is changed then.
   */
  install({ name, version }: Pick<OpsModule, 'name' | 'version'>, by: 'request' | 'embedder'): number {
    const late = this.#modules.find(({ module }) => module.name === name && module.version === version)
    if (late === undefined) throw notWaiting(name, 'the machine was made without it, or installs it at entry')
    if (this.#installed.has(late)) throw notWaiting(name, 'it has been installed')
    const { plan, module } = late
    if (module.install !== by) throw notWaiting(name, `its manifest has it installed by ${module.install}`)
    const { memory, virtual, books, now, onInstalled } = this.#attached()
    checkMapped(virtual, late)
    installLateGraft(memory, plan)
    this.#installed.add(late)
    for (const installed of books.changed(plan, now())) onInstalled(installed)
    return plan.installs.length
  }

  save(): string[] {
    return Array.from(this.#installed, ({ module }) => module.name)
  }

  restore(names: string[]): void {
    for (const name of names) {
      const late = this.#modules.find(({ module }) => module.name === name)
      if (late === undefined) throw new RangeError(`no module ${name} waits here`)
      this.#installed.add(late)
      this.#attached().books.resume(late.plan)
    }
  }

  #attached(): LateOpsSources {
    if (this.#sources === null) throw new Error('late ops without a machine')
    return this.#sources
  }
}

function notWaiting(module: string, why: string): ParagraftError {
  return new ParagraftError('PG_INSTALL_MODULE', `${module} does not wait to be installed so: ${why}`, {
    fields: { module, why },
    hint: "Give the machine the module among its ops, with `install: 'request'` or `install: 'embedder'` in its manifest.",
  })
}

/** The guest's page tables must show every page of the module where its calls will go. */
function checkMapped(virtual: VirtualMemory, { module, plan }: LateModule): void {
  const bytes = new DataView(plan.bytes.buffer)
  for (let at = 0; at < plan.room.length; at += PAGE) {
    const va = plan.room.va + at
    if (isMapped(virtual, va, bytes.getUint32(at, true))) continue
    throw new ParagraftError(
      'PG_INSTALL_UNMAPPED',
      `the guest's page tables do not show ${module.name} at 0x${va.toString(16)}`,
      {
        fields: { module: module.name, address: va },
        hint: 'Install it when the guest runs in its kernel mapping.',
      },
    )
  }
}

function isMapped(virtual: VirtualMemory, va: number, expected: number): boolean {
  try {
    return virtual.readVirtual32(va) === expected
  } catch (error) {
    if (isParagraftError(error)) return false
    throw error
  }
}
