/** `paragraft lockstep`: the same boot under two engines at once, and the first instruction after which they differ. */
import { EXIT_GUEST, EXIT_OK } from '@paragraft/core'
import { describeDivergence, type Engine, runLockstep } from '@paragraft/cpu'
import { gather } from '../cli/ingredients.ts'
import { Progress } from '../cli/progress.ts'
import { loadSettings, parseRunArguments, splitOptions } from '../cli/settings.ts'
import { type Command, tellDeprecations, usageError } from '../cli/usage.ts'
import { ENGINES, type EngineName } from '../engines.ts'
import { lockstepMachine } from '../lockstep.ts'

const HELP = `paragraft lockstep: two engines, one boot, compared as they go

usage: paragraft lockstep IMAGE [options]

Boots IMAGE twice, under two engines, and compares all registers and all memory every so many instructions. When they
differ, both boot again and are looked at more closely, until the one instruction is found. Nothing is typed to the guest,
and its console is not shown.

  --engines A,B             which two of auto, translator, interpreter, reference. Default: translator,interpreter
  --instructions N          stop after so many. Default: where the guest ends
  --every N                 instructions between two comparisons, to begin with. Default: 10000000
  --hot N                   translate code that has been entered so often, so that more of it is. Default: as in a run
  --backend, --backend-option, --ops, --append, --initrd, --module, --device, --memory, --config, --profile
                            as for paragraft run

exit status
  0 no difference                    2 bad usage, config, image or module
  3 they differ

example
  paragraft lockstep vmlinux --initrd initramfs.cpio.gz --append console=ttyS0 --instructions 500000000
`

const TEXT = { type: 'string' } as const
const OWN_OPTIONS = { engines: TEXT, instructions: TEXT, every: TEXT, hot: TEXT } as const

function count(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  const n = Number(text)
  if (Number.isSafeInteger(n) && n > 0) return n
  throw usageError(`${option} ${text} is no count`, 'Give a whole number above 0.')
}

function pair(text: string): [EngineName, EngineName] {
  const [a, b, ...more] = text.split(',') as EngineName[]
  if (a !== undefined && b !== undefined && more.length === 0 && ENGINES.includes(a) && ENGINES.includes(b))
    return [a, b]
  throw usageError(`--engines ${text} are not two engines`, `Name two of ${ENGINES.join(', ')}, with a comma.`)
}

export const lockstepCommand: Command = {
  name: 'lockstep',
  summary: 'the same boot under two engines at once, compared',
  help: HELP,
  async run(argv, world) {
    const { own, rest } = splitOptions(argv, OWN_OPTIONS)
    const engines = pair(own.engines ?? 'translator,interpreter')
    const instructions = count(own.instructions, '--instructions')
    const every = count(own.every, '--every') ?? 10_000_000
    const hot = count(own.hot, '--hot')
    const args = parseRunArguments(rest)
    const settings = await loadSettings(args, world.cwd, tellDeprecations(world, args.deprecations))
    if (settings.disks.length > 0 || settings.net !== undefined) {
      throw usageError(
        'lockstep has no disk and no network',
        'Two machines cannot share them: leave --disk and --net out.',
      )
    }
    const parts = await gather(settings)
    const progress = new Progress(world)
    const make = (engine: EngineName) => () =>
      lockstepMachine({
        ...parts,
        engine,
        output: () => {},
        onEngine(made: Engine) {
          if (hot !== undefined && made.translator !== null) made.translator.threshold = hot
        },
      })
    const result = await runLockstep(make(engines[0]), make(engines[1]), {
      chunk: every,
      ...(instructions === undefined ? {} : { instructions }),
      progress: n => progress.part(`${engines.join(' and ')} agree over ${n} instructions`, n, instructions),
    })
    progress.done()
    if (result.divergence === null) {
      world.stdout(`${engines.join(' and ')} agree over ${result.instructions} instructions\n`)
      return EXIT_OK
    }
    world.stdout(`${engines.join(' / ')} differ ${describeDivergence(result.divergence)}\n`)
    return EXIT_GUEST
  },
}
