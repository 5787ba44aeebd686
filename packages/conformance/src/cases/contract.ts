/** The contract of a backend: what can be said of it before and beside a guest. */
import type { Head } from '@paragraft/core/head'
import type { GuestImage } from '@paragraft/core/image'
import {
  ABILITIES,
  type BackendInstance,
  checkApiVersion,
  checkMetadata,
  isBackend,
  readMetadata,
  supported,
} from '@paragraft/core/ops'
import { check, refusal, same } from '../expect.ts'
import { boot } from '../guest/run.ts'
import { interposed } from '../interpose.ts'
import type { Subject } from '../subject.ts'
import { booted, NO_CASES } from './boot.ts'
import type { Case, CaseMaker } from './case.ts'

export const contract: CaseMaker = subject => [
  {
    name: 'contract: the package says what the definition says',
    run: () => {
      const metadata = readMetadata(subject.manifest)
      check(metadata !== undefined, 'package.json has no "paragraft"')
      const plugin =
        metadata.kind === 'backend' ? subject.backend : subject.ops?.find(({ name }) => name === metadata.name)
      check(plugin !== undefined, `${metadata.name} is not among the modules that are tested`)
      checkMetadata(metadata, plugin)
    },
  },
  {
    name: 'contract: what defineBackend returned, written for this API',
    run: () => {
      const { backend } = subject
      check(isBackend(backend), 'it was not made by defineBackend')
      check(Object.isFrozen(backend), 'it can be changed')
      checkApiVersion(backend.name, backend.apiVersion)
    },
  },
  {
    name: 'contract: heads have names of their own',
    run: () => {
      const names = subject.backend.heads.map(head => (typeof head === 'string' ? head : head.name))
      same([...new Set(names)], names, 'names of heads')
    },
  },
  {
    name: 'contract: a head says of an image that is not its own why not, and leaves it as it was',
    run: () => {
      for (const head of subject.backend.heads) if (typeof head !== 'string') asksForReason(head)
    },
  },
  {
    name: 'contract: an option that it does not have is refused, with its code',
    run: async () => {
      const error = await refusal(() =>
        boot({ ...subject, backendOptions: { ...subject.backendOptions, 'no-such-option': 'x' } }),
      )
      check(error?.code === 'PG_BACKEND_OPTION', `the code is ${error?.code}`)
    },
  },
  {
    name: 'contract: counts are numbers by name, and asking for them changes nothing',
    run: async () => {
      const { subject: watched, instance } = observed(subject)
      await booted(watched)
      const counts = instance().counts?.() ?? {}
      for (const kind of ['hypercalls', 'events'] as const) {
        for (const [name, count] of Object.entries(counts[kind] ?? {})) {
          check(Number.isInteger(count) && count >= 0, `${kind}.${name} is ${count}`)
        }
      }
      same(instance().counts?.() ?? {}, counts, 'counts, asked for again')
    },
  },
  {
    name: 'contract: it creates an instance for each machine, and none knows of another',
    run: async () => {
      const { subject: watched, instances } = observed(subject)
      const first = await booted(watched)
      const before = first.machine.instructions()
      await booted(watched)
      check(instances.length === 2 && instances[0] !== instances[1], 'two machines share an instance')
      check(first.machine.instructions() === before, 'one machine ran as another did')
    },
  },
  ...missing(subject),
]

/** Abilities that are not listed are refused by name, before the guest starts. */
function missing(subject: Subject): Case[] {
  const has = supported(subject.backend)
  const asks: Readonly<Record<'disk' | 'net', (subject: Subject) => Subject>> = {
    disk: asked => ({ ...asked, createMachine: request => subject.createMachine({ ...request, disk: NO_DISK }) }),
    net: asked => ({ ...asked, createMachine: request => subject.createMachine({ ...request, net: () => NO_NET }) }),
  }
  return (['disk', 'net'] as const).flatMap(ability =>
    has.includes(ability)
      ? []
      : [
          {
            name: `contract: without ability ${ability} (${ABILITIES[ability]}), asking for it is refused`,
            run: async () => {
              const error = await refusal(() => boot(asks[ability](subject), ...NO_CASES))
              check(error?.code === 'PG_ABILITY', `the code is ${error?.code}`)
            },
          },
        ],
  )
}

/** The subject, with its instances noted as they are made. */
export function observed(subject: Subject): {
  subject: Subject
  instances: BackendInstance[]
  /** The last one. */
  instance(): BackendInstance
} {
  const instances: BackendInstance[] = []
  const backend = interposed(subject.backend, {
    instance: made => {
      instances.push(made)
      return made
    },
  })
  return { subject: { ...subject, backend }, instances, instance: () => instances.at(-1)! }
}

/** An image of nobody's: no format's, empty. Frozen, so that a head that writes into it throws. */
const NOBODYS_IMAGE: GuestImage = deepFreeze({
  format: ['nothing'],
  machine: 'i386',
  segments: [],
  sections: [],
  symbols: [],
  notes: [],
  entries: [],
})

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) deepFreeze(member)
  return Object.freeze(value)
}

function asksForReason(head: Head): void {
  for (const round of [1, 2]) {
    const answer = head.probe(NOBODYS_IMAGE)
    check(!answer.match, `head ${head.name} would boot an empty image`)
    check(typeof answer.reason === 'string' && answer.reason !== '', `head ${head.name} gives no reason (${round})`)
  }
}

const NO_DISK = {
  sectors: 8,
  readOnly: true,
  read: (_sector: number, into: Uint8Array) => void into.fill(0),
  write: () => {},
  flush: () => {},
}
const NO_NET = { mac: Uint8Array.of(2, 0, 0, 0, 0, 1), send: () => {}, onReceive: null }
