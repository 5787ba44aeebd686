/**
 * Boots guest after guest and lets them modify their own code, for as long as asked, in one process: memory must stay
 * bounded, and what the translator keeps below its caps. A line per round; the last line says whether it held.
 *
 *   node --expose-gc bench/dist/soak.js [--minutes N] [--engine NAME]
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import native from '@paragraft/backend-native'
import type { Engine } from '@paragraft/cpu'
import { createMachine, ENGINES, type EngineName, run } from 'paragraft'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    engine: { type: 'string', default: 'auto' },
  },
})

const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const MEBIBYTE = 2 ** 20
/** Rounds after which everything that is made once has been made, and memory may no longer grow. */
const WARM_ROUNDS = 3
/** Resident memory may move by this much between rounds: V8 returns pages when it likes. */
const SLACK_MIB = 256

interface Guest {
  name: string
  image: string
  initrd?: string
  memory: number
  commandLine: string
  until: string
}

/** Boots, and loads that write code: immediates, neighbours of code, whole functions. */
const GUESTS: readonly Guest[] = [
  {
    name: 'self-modifying load',
    image: file('guests/bench/bench.elf'),
    memory: 64 * MEBIBYTE,
    commandLine:
      'run=smc_immediate:200000,smc_beside:200000,smc_generate:20000,smc_label:200000,context_switch:50000,cr3_many:20000',
    until: 'bench: done',
  },
  {
    name: 'computing load',
    image: file('guests/bench/bench.elf'),
    memory: 64 * MEBIBYTE,
    commandLine: 'run=sieve:100,fault_map:50000,int_ring3:100000,io_out:200000',
    until: 'bench: done',
  },
  {
    name: 'oldguest',
    image: file('guests/oldguest/oldguest.elf'),
    memory: 64 * MEBIBYTE,
    commandLine: '',
    until: 'Power down.',
  },
  {
    name: 'Debian to its shell',
    image: file('.guests/vmlinux-686-pae'),
    initrd: file('.guests/initramfs.cpio.gz'),
    memory: 256 * MEBIBYTE,
    commandLine: 'console=ttyS0 nokaslr mitigations=off cryptomgr.notests noisapnp edd=off',
    until: 'shell on',
  },
].filter(guest => existsSync(guest.image))

/** What was highest, so far, of what must stay bounded; and all modules ever made. */
const most = { residentMiB: 0, liveModules: 0, modules: 0 }

async function boot(guest: Guest): Promise<string> {
  let engine: Engine | undefined
  let tail = ''
  const machine = await createMachine({
    image: await readFile(guest.image),
    initrd: guest.initrd === undefined ? undefined : await readFile(guest.initrd),
    backend: native,
    memory: guest.memory,
    commandLine: guest.commandLine,
    engine: options.engine as EngineName,
    onEngine: made => {
      engine = made
    },
    output: bytes => {
      tail = (tail + String.fromCharCode(...bytes)).slice(-2048)
      if (tail.includes(guest.until)) machine.stop({ kind: 'until', text: guest.until })
    },
  })
  const { kind } = (await run(machine)).stop
  if (!tail.includes(guest.until)) throw new Error(`${guest.name} ended with ${kind} before ${guest.until}`)
  const statistics = engine?.translator?.statistics
  if (statistics === undefined) return `${machine.instructions()} instructions`
  most.liveModules = Math.max(most.liveModules, statistics.liveModules)
  most.modules += statistics.modules
  return `${machine.instructions()} instructions, ${statistics.made} regions in ${statistics.modules} modules`
}

async function main(): Promise<number> {
  if (!ENGINES.includes(options.engine as EngineName)) throw new Error(`no engine ${options.engine}`)
  const end = Date.now() + Number(options.minutes) * 60_000
  let limitMiB = Number.POSITIVE_INFINITY
  let round = 0
  while (Date.now() < end) {
    round++
    const said: string[] = []
    for (const guest of GUESTS) said.push(`${guest.name}: ${await boot(guest)}`)
    // Twice: the first frees machines, the second what hung on them (linear memories, code).
    for (let i = 0; i < 2; i++) {
      globalThis.gc?.()
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    const residentMiB = Math.round(process.memoryUsage().rss / MEBIBYTE)
    most.residentMiB = Math.max(most.residentMiB, residentMiB)
    if (round === WARM_ROUNDS) limitMiB = most.residentMiB + SLACK_MIB
    process.stdout.write(`soak: round ${round}: ${residentMiB} MiB resident; ${said.join('; ')}\n`)
    if (residentMiB > limitMiB) {
      process.stdout.write(`soak: memory grows: ${residentMiB} MiB after ${limitMiB - SLACK_MIB} in the first rounds\n`)
      return 1
    }
  }
  process.stdout.write(`soak: held for ${options.minutes} minutes, ${round} rounds; at most ${JSON.stringify(most)}\n`)
  return 0
}

process.exitCode = await main()
