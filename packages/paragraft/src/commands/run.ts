/** `paragraft run`: the main job. Boots an image on a backend, with ops modules grafted, and stays until it stops. */
import { writeFileSync } from 'node:fs'
import { exitStatus, formatLedger, type RunReport } from '@paragraft/core'
import { boot } from '../cli/boot.ts'
import { Progress } from '../cli/progress.ts'
import { callsText, effortText, registersText, stopText } from '../cli/said.ts'
import { loadSettings, parseRunArguments, type RunSettings } from '../cli/settings.ts'
import { saveSnapshot } from '../cli/snapshots.ts'
import { stdinSource } from '../cli/stdin.ts'
import { type Command, tellDeprecations, type World } from '../cli/usage.ts'
import type { PcMachine } from '../machine.ts'

const HELP = `paragraft run: boot a guest, with ops of your choice

usage: paragraft run [IMAGE] [options]

IMAGE is an ELF, a bzImage, or a multiboot kernel; without it the config's guest is booted. The guest's console is standard output, and nothing else is; all that
paragraft itself has to say goes to standard error. At a terminal, Ctrl-A x leaves. Piped input is kept until the guest
can receive it, and given line by line while the guest idles.

what to boot
  --backend NAME|PATH       who plays the hypervisor. Default: native, a bare PC. xen means @paragraft/backend-xen,
                            then paragraft-backend-xen; a package name or a path works too
  --backend-option NAME=VALUE
                            set an option of the backend. May be given several times
  --ops NAME|PATH           graft this ops module onto the guest: a package, or a folder with a package.json.
                            May be given several times. A backend that brings ops for guests that do not know it has
                            them grafted below these; none leaves those out
  --append STRING           the guest's command line. Without console= in it, the head's own default is added
  --initrd FILE             initial RAM disk
  --module FILE[=CMDLINE]   boot module, for multiboot guests. May be given several times
  --config FILE             settings from a file; default: paragraft.config.{ts,js,mjs,json} here, if there is one. Its
                            keys have these options' names; what is given here is over it
  --profile NAME            settings that the config has under profiles, laid over its others

the machine
  --memory SIZE             RAM, default 256M, or what a restored machine had
  --device NAME|PATH        a device on the board's buses beside its own: a package, or a file. May be given several times
  --disk FILE               a raw disk image: a virtio block device, or what the backend makes of it. May be given
                            several times
  --net KIND[=FILE]         none, loopback or peer (10.0.0.1, answers ARP and ping), where the backend has interfaces;
                            FILE gets the frames of both directions (pcap)
  --engine NAME             auto, translator (the guest's hot code as WebAssembly of its own), interpreter (WebAssembly)
                            or reference (JavaScript, slow, for comparison). They make the same run, at different speeds

saving and going on
  --snapshot FILE           save the whole machine: when the run ends by --until, --timeout or Ctrl-A x, or, with
  --snapshot-at WHEN        in passing: after so many instructions (5000000), at a virtual time (1.5s, 20ms), or when a
                            text has been on the console (login:)
  --restore FILE            go on from there, in the state and at the instruction where it was saved. The machine is made
                            of the same: give the image, --backend, --ops, --memory and --disk that it had. --append,
                            --initrd and --module are in it already. The disk's contents are not: keep a copy of the file

when to stop
  --until TEXT              when TEXT has been on the console: status 0
  --timeout SECONDS         after so long: status 4

what to learn
  --screen                  print the VGA text screen when the run stops
  --report FILE.json        the run as data: why it stopped, the ledger of ops, exits, arrivals of input
  --deprecations            name everything in use that a later version will refuse
  --trace KIND[=FILE]       events (ops installed, reports), io, calls (every call that a host function answers),
                            exec (EIP of every instruction), cpu (registers too, as QEMU's -d cpu) or translate (regions
                            of hot code as they are made and dropped, and why their code ends where it does); to a
                            file or here. May be given several times

exit status
  0 powered off, or --until seen     2 bad usage, config, image or module
  1 a bug in paragraft               3 the guest faulted, crashed, reset, or halted for ever
  4 --timeout                        by isa-debug-exit: (value << 1) | 1

example
  paragraft run vmlinuz --initrd initramfs.cpio.gz --append quiet --ops ./my-ops
  paragraft run vmlinuz --initrd initramfs.cpio.gz --until '/ # ' --snapshot booted
  paragraft run vmlinuz --restore booted
`

/** So many missing things are named after a run. */
const REPORTS_NAMED = 5

/** Everything on standard error after the run. */
function tell(report: RunReport, machine: PcMachine, since: number, settings: RunSettings, world: World): void {
  const { stop } = report
  if (settings.screen) world.stderr(`\n${machine.screen().join('\n')}\n`)
  world.stderr(`\nparagraft: ${stopText(stop)}: ${effortText(report, since)}\n`)
  if ('registers' in stop) world.stderr(registersText(stop.registers))
  const ledger = machine.ops()
  if (report.modules.length > 0 || ledger.some(row => row.via !== undefined)) {
    world.stderr(`\n${formatLedger(ledger)}\n\n`)
  }
  if (Object.keys(report.hypercalls ?? {}).length > 0) world.stderr(`\n${callsText(report)}\n\n`)
  const reports = report.reports ?? []
  if (reports.length > 0) {
    const named = reports.slice(0, REPORTS_NAMED).map(({ key }) => key)
    const more = reports.length > REPORTS_NAMED ? ` and ${reports.length - REPORTS_NAMED} more; --report has all` : ''
    world.stderr(`paragraft: the guest reached for what this machine does not have: ${named.join(', ')}${more}\n`)
  }
}

export const runCommand: Command = {
  name: 'run',
  summary: 'boot a guest, with ops of your choice',
  help: HELP,
  async run(argv, world) {
    const args = parseRunArguments(argv)
    const deprecated = tellDeprecations(world, args.deprecations)
    const settings = await loadSettings(args, world.cwd, deprecated)
    const progress = new Progress(world)
    const input = stdinSource(world.stdin)
    try {
      const output = (bytes: Uint8Array): void => {
        progress.done()
        world.stdout(bytes)
      }
      const { save } = settings.snapshots
      let saved = false
      const take = (booted: PcMachine): void => {
        if (save === undefined || saved) return
        saved = true
        progress.done()
        saveSnapshot(booted, save.file, world.stderr)
      }
      const at = save?.at === undefined ? {} : { at: { moment: save.at, act: take } }
      const { machine, report, since } = await boot(settings, { world, progress, deprecated, output, input, ...at })
      tell(report, machine, since, settings, world)
      if (settings.report !== undefined) writeReport(settings.report, report)
      take(machine)
      return exitStatus(report.stop)
    } finally {
      input.stop()
    }
  },
}

function writeReport(file: string, report: RunReport): void {
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
}
