/**
 * Boots one kernel in Paragraft and in its peers, one after the other and several times over, and prints the CPU time
 * that each needed. See bench/README.md.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Job } from './job.ts'
import { SUBJECTS } from './subjects.ts'
import { type Result, table } from './table.ts'

const USAGE = `pnpm bench [--runs N] [--until TEXT] [--append STRING] [--only NAME,…] [--timeout SECONDS] [--write]
  names: ${SUBJECTS.map(({ name }) => name).join(', ')}
  --write puts the figures into bench/README.md`

/** What the kernel says first; before it lies what the peers do differently: firmware, and who decompresses. */
const KERNEL_STARTS = 'Linux version'
/** The initramfs's last word before its shell. */
const SHELL = 'shell on'
/**
 * The crypto self-tests are left out, being three quarters of the boot; the rest makes the peers' boots the same: no
 * address randomisation, no mitigations by processor model, no probes that mostly wait.
 */
const APPEND = 'console=ttyS0 earlyprintk=ttyS0 nokaslr mitigations=off cryptomgr.notests noisapnp edd=off'

const README = fileURLToPath(new URL('../README.md', import.meta.url))
const BEGIN = '<!-- figures -->'
const END = '<!-- /figures -->'

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    until: { type: 'string', default: SHELL },
    append: { type: 'string', default: APPEND },
    only: { type: 'string', default: SUBJECTS.map(({ name }) => name).join(',') },
    timeout: { type: 'string', default: '900' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const guest = (name: string): string => fileURLToPath(new URL(`../../.guests/${name}`, import.meta.url))

async function measure(job: Job): Promise<Result[]> {
  const names = options.only.split(',')
  const results: Result[] = SUBJECTS.filter(({ name }) => names.includes(name)).map(({ name, title }) => ({
    name,
    title,
    runs: [],
  }))
  for (let run = 1; run <= Number(options.runs); run++) {
    for (const result of results) {
      const subject = SUBJECTS.find(({ name }) => name === result.name)
      const marks = await subject?.boot(job, Number(options.timeout))
      if (marks === undefined) continue
      result.runs.push(marks)
      const said = marks.map(({ text, cpuSeconds }) => `${JSON.stringify(text)} ${cpuSeconds.toFixed(2)} s`)
      process.stderr.write(`bench: run ${run}, ${result.title}: ${said.join(', ')}\n`)
    }
  }
  return results
}

function figures(results: readonly Result[]): string {
  const { packages } = JSON.parse(readFileSync(guest('manifest.json'), 'utf8')) as { packages: Record<string, string> }
  const [kernel] = Object.entries(packages).filter(([name]) => name.startsWith('linux-image'))
  const host = `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`
  const runs = `median of ${options.runs} interleaved run${options.runs === '1' ? '' : 's'}`
  return `${table(results)}\n\n${kernel?.join(' ')}, until \`${options.until}\`; ${runs}; ${host}.\nCommand line: \`${options.append}\``
}

async function main(): Promise<number> {
  if (options.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  const job: Job = {
    kernel: guest('vmlinuz-686-pae'),
    initrd: guest('initramfs.cpio.gz'),
    bios: guest('seabios.bin'),
    vgaBios: guest('vgabios.bin'),
    memoryMiB: 256,
    commandLine: options.append,
    texts: [KERNEL_STARTS, options.until],
  }
  const missing = [job.kernel, job.initrd, job.bios, job.vgaBios].filter(file => !existsSync(file))
  if (missing.length > 0) {
    process.stderr.write(`bench: ${missing.join(', ')} missing: run \`pnpm guests\` first\n`)
    return 2
  }
  const text = figures(await measure(job))
  process.stdout.write(`${text}\n`)
  if (options.write) {
    const readme = readFileSync(README, 'utf8')
    const [before, after] = [readme.split(BEGIN)[0], readme.split(END)[1]]
    writeFileSync(README, `${before}${BEGIN}\n${text}\n${END}${after}`)
  }
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`)
  process.exitCode = 1
}
