/** Admission: a module and a guest's layout come to a plan per slot, or to a coded refusal. Pure. */
import satisfies from 'semver/functions/satisfies.js'
import { ParagraftError } from '../errors.ts'
import type { GuestLayout, LayoutSlot } from '../layout.ts'
import { checkApiVersion } from './api-version.ts'
import { type CallingConvention, conventionFor } from './calling.ts'
import { opEntry, opVersion } from './catalogue.ts'
import { type Answer, isOpsModule, type OpsModule } from './define.ts'
import type { Arch, Era } from './era.ts'
import { eraName, eraOf } from './eras.ts'
import type { HostFunction } from './host.ts'
import { planSlots } from './plan.ts'

/** What will be in one slot. */
export interface AdmittedSlot {
  readonly slot: LayoutSlot
  /** What is installed. A slot shared by partial adapters has the `host` answer that decides. */
  readonly answer: Answer
  /** The op whose answer it is: the slot's own, or the one that an adapter leads to. */
  readonly answeredOp: string
  /** Names of the adapters between the two, if any: `mmu.flush_tlb_multi over mmu.flush_tlb_others@1`. */
  readonly adapter?: string
  /** How the guest calls the slot; absent for data slots. */
  readonly convention?: CallingConvention
  /** The function to run for a host answer, adapters included; see `runHostAnswer`. */
  readonly host?: HostFunction
  /** A code answer keeps fewer registers than the slot demands: it needs a thunk that saves ECX, as PV_CALLEE_SAVE. */
  readonly thunk?: true
}

/** A module admitted to a guest: everything the graft and the ledger need. */
export interface AdmittedOps {
  readonly module: { readonly name: string; readonly version: string }
  /** The module's object, when it has one. */
  readonly object?: Uint8Array
  readonly era: Era
  readonly arch: Arch
  /** In slot order, one per slot of the guest's table. */
  readonly slots: readonly AdmittedSlot[]
  /** Ops that the module answers and this guest does not have. */
  readonly unused: readonly string[]
}

/** What admission needs to know of a guest. */
export type LayoutDescription = Pick<GuestLayout, 'era' | 'arch' | 'slots'>

/**
 * Admits a module to a guest.
 *
 * Throws `PG_OPS_MODULE` (not made by defineOps), `PG_API_VERSION`, `PG_OPS_ERA` (the layout's era is not known),
 * `PG_OPS_ABI` (the module does not target it), and what planning refuses (see plan.ts).
 */
export function admit(module: OpsModule, layout: LayoutDescription): AdmittedOps {
  if (!isOpsModule(module)) {
    throw new ParagraftError('PG_OPS_MODULE', 'not an ops module', {
      fields: { got: typeof module },
      hint: 'An ops module is what defineOps returns; export it as the default export.',
    })
  }
  checkApiVersion(module.name, module.apiVersion)
  const era = eraOf(layout.era, layout.arch)
  const archs = module.arch ?? ['i386']
  const variants = module.variants ?? ['full', 'lite']
  if (!satisfies(era.abi, module.opsAbi) || !archs.includes(era.arch) || !variants.includes(era.variant)) {
    throw new ParagraftError(
      'PG_OPS_ABI',
      `${module.name} ${module.version} targets ops ABI ${module.opsAbi} (${archs.join(', ')}; ${variants.join(', ')}); ` +
        `this guest has ${era.abi} (era ${eraName(era)}, ${era.variant})`,
      {
        fields: {
          module: module.name,
          wants: module.opsAbi,
          archs,
          variants,
          has: era.abi,
          era: era.id,
          arch: era.arch,
        },
        hint: 'Use a release of the module for this guest, or a guest of the eras that it targets.',
      },
    )
  }
  const answers = module.answersFor(era)
  const plan = planSlots(layout.slots, answers, op => module.versionsFor(era, op), {
    module: module.name,
    table: `this guest (era ${eraName(era)})`,
  })
  const slots = layout.slots.map((slot, n): AdmittedSlot => {
    const { answer, answeredOp, adapters, host } = plan.slots[n]!
    return {
      slot,
      answer,
      answeredOp,
      ...(adapters.length > 0 ? { adapter: adapters.join(', ') } : {}),
      ...(slot.kind === 'fn' ? { convention: conventionOf(slot, layout.arch) } : {}),
      ...(host ? { host } : {}),
      ...(answer.kind === 'code' && slot.calleeSave && answer.calleeSave !== true ? { thunk: true as const } : {}),
    }
  })
  return {
    module: { name: module.name, version: module.version },
    ...(module.code ? { object: module.code.object } : {}),
    era,
    arch: layout.arch,
    slots,
    unused: plan.unused,
  }
}

/** The layout of a guest that has an era's table as it is, with these targets; for tests and for `paragraft ops`. */
export function layoutOf(era: Era, target: (slot: number) => number = () => 0): LayoutDescription {
  return {
    era: era.id,
    arch: era.arch,
    slots: era.slots.map(({ slot, op, version, kind, calleeSave }) => ({
      slot,
      op,
      version,
      kind,
      calleeSave,
      target: target(slot),
    })),
  }
}

function conventionOf(slot: LayoutSlot, arch: Arch): CallingConvention {
  const entry = opEntry(slot.op)
  const version = opVersion(entry, slot.version)
  if (!version) {
    throw new ParagraftError('PG_OPS_VERSION', `the layout says ${slot.op} ${slot.version}, which does not exist`, {
      fields: { op: slot.op, has: slot.version, known: entry.versions.map(v => v.version) },
      hint: 'The layout is at fault: take slots from the era, or a version from the catalogue.',
    })
  }
  return conventionFor(version.signature, arch, slot.calleeSave, entry.entered)
}
