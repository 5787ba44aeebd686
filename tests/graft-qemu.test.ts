/**
 * Grafted guests, run by QEMU: heads, placement, installer and code answers without our own processor in the way. Host
 * answers need our machine, so the module here has code answers only.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Head, PlaceOptions } from '@paragraft/core/head'
import { admit, defineOps, native } from '@paragraft/core/ops'
import { applyGraft, linuxHead, multibootHead, parseImage, planGraft, requireLayout } from '@paragraft/loader'
import { expect } from 'vitest'
import nativeOps from '../examples/native-ops/src/index.ts'
import { arrayMemory } from '../packages/loader/src/testing-memory.ts'
import { guest, needs } from './support/needs.ts'
import { placedElf } from './support/placed-elf.ts'

const MIB = 2 ** 20
/** QEMU keeps its ACPI tables at the top of its 128 MiB: the memory that the guest is told of ends below. */
const RAM = 120 * MIB

/** The example module without its host answers. */
const codeOnly = defineOps({
  name: 'code-only',
  version: '1.0.0',
  apiVersion: '^1.0.0',
  opsAbi: nativeOps.opsAbi,
  code: nativeOps.code!,
  ops: era =>
    Object.fromEntries(
      Object.entries(nativeOps.answersFor(era)).map(([op, answer]) => [op, answer.kind === 'host' ? native() : answer]),
    ),
})

/** Places and grafts as a machine would. */
async function graftOnto(file: string, head: Head, options: Pick<PlaceOptions, 'commandLine' | 'initrd'>) {
  const image = await parseImage(new Uint8Array(readFileSync(file)))
  const layout = requireLayout(image)
  const memory = arrayMemory(RAM)
  const match = head.probe(image)
  if (!match.match) throw new Error(match.reason)
  const plan = planGraft({ image, layout, modules: [admit(codeOnly, layout)], entry: match.entry, memorySize: RAM })
  const start = head.place(image, { ...options, modules: plan.bootModules, reserve: plan.reserve }, memory)
  const graft = applyGraft(memory, start, plan)
  const byOp = (count: (slot: number) => number): Map<string, number> =>
    new Map(graft.counters.map(({ slot }) => [layout.slots[slot]!.op, count(slot)]))
  const counter = new Map(graft.counters.map(({ slot, pa }) => [slot, pa - plan.room.pa]))
  const target = new Map(graft.installs.map(({ slot, target: va }) => [slot, va]))
  return {
    elf: placedElf(memory, graft.startOfDay),
    room: plan.room,
    /** Calls as the module's own counters have them. */
    counted: (page: Buffer) => byOp(slot => page.readUInt32LE(counter.get(slot)!)),
    /** Calls as QEMU's trace of executed blocks has them. */
    traced: (blocks: ReadonlyMap<number, number>) => byOp(slot => blocks.get(target.get(slot)!) ?? 0),
  }
}

needs('qemu', 'debian guests')(
  "Debian's kernel with grafted code reaches its shell, and the counters count",
  async () => {
    const initrd = new Uint8Array(readFileSync(guest('initramfs.cpio.gz')))
    const grafted = await graftOnto(guest('vmlinuz-686-pae'), linuxHead, { commandLine: 'console=ttyS0', initrd })
    const { serial, page, blocks } = await runUntil('shell on ttyS0', grafted)
    expect(serial).toMatch(/NX \(Execute Disable\) protection: active/)
    expect(serial).not.toMatch(/BUG:|WARNING:|Oops/)

    const calls = grafted.counted(page)
    expect(calls.size).toBe(7)
    expect(calls).toEqual(grafted.traced(blocks))
    // One processor: nobody else to be told, and no lock is contended.
    expect(calls.get('mmu.flush_tlb_multi')).toBe(0)
    expect(calls.get('lock.queued_spin_lock_slowpath')).toBe(0)
    for (const op of ['cpu.io_delay', 'mmu.tlb_remove_table', 'lock.queued_spin_unlock']) {
      expect(calls.get(op), op).toBeGreaterThan(0)
    }
  },
  300_000,
)

needs('qemu')(
  'oldguest with grafted code passes its own check of every op, entered by multiboot',
  async () => {
    const image = fileURLToPath(new URL('../guests/oldguest/oldguest.elf', import.meta.url))
    const grafted = await graftOnto(image, multibootHead, { commandLine: '' })
    const { serial, page, blocks } = await runUntil('Power down.', grafted)
    expect(serial).toMatch(/module 0: .* 'code-only 1\.0\.0'/)
    expect(serial.match(/selfcheck: \d+ ops ok, .* 0 failed/g)).toHaveLength(1)
    expect(serial).toMatch(/selfcheck, sites patched: \d+ ops ok, .* 0 failed/)
    const calls = grafted.counted(page)
    expect(calls).toEqual(grafted.traced(blocks))
    const idle = [...calls].filter(([, calls]) => calls === 0).map(([op]) => op)
    expect(idle).toEqual([])
  },
  120_000,
)

interface Grafted {
  elf: Buffer
  room: { pa: number; va: number; length: number }
}

interface Outcome {
  serial: string
  /** The module's first page, where its counters are. */
  page: Buffer
  /** How often each block of code in the module's region was entered, by virtual address. */
  blocks: Map<number, number>
}

const hex = (value: number): string => `0x${value.toString(16)}`

/** Boots the file until `text` is on the serial line, and stops the machine there. */
async function runUntil(text: string, { elf, room }: Grafted): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'graft-qemu-'))
  const at = (name: string): string => join(folder, name)
  writeFileSync(at('kernel.elf'), elf)
  const machine = ['-M', 'pc', '-cpu', 'qemu32,+nx,+pae', '-m', '128', '-display', 'none', '-net', 'none']
  // After a power-off the machine stays, so that its memory can be looked at.
  const channels = ['-no-reboot', '-no-shutdown', '-serial', `file:${at('serial')}`, '-monitor', 'stdio']
  // Every block that is entered in the module's region, none of them chained to the one before.
  const trace = ['-d', 'exec,nochain', '-D', at('trace'), '-dfilter', `${hex(room.va)}+${hex(room.length)}`]
  const qemu = spawn('qemu-system-i386', [...machine, ...channels, ...trace, '-kernel', at('kernel.elf')], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const ended = new Promise<void>(resolve => qemu.on('exit', () => resolve()))
  const serial = (): string => (existsSync(at('serial')) ? readFileSync(at('serial'), 'latin1') : '')
  const failed = /Kernel panic|panic:|double fault/
  try {
    while (!serial().includes(text) && !failed.test(serial()) && qemu.exitCode === null) await sleep(250)
    expect(serial()).toContain(text)
    qemu.stdin.write(`stop\npmemsave ${hex(room.pa)} 4096 "${at('page')}"\nquit\n`)
    await ended
    return { serial: serial(), page: readFileSync(at('page')), blocks: blocksIn(readFileSync(at('trace'), 'latin1')) }
  } finally {
    qemu.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true })
  }
}

/**
 * Lines of QEMU's log: `Trace 0: 0x7f… [cs_base/pc/flags/cflags]` for a block that is entered, and `Stopped execution of TB
 * chain before 0x7f… [pc]` when an interrupt took it away again before its first instruction.
 */
function blocksIn(log: string): Map<number, number> {
  const blocks = new Map<number, number>()
  const add = (pc: string, count: number): void => {
    const va = Number.parseInt(pc, 16)
    blocks.set(va, (blocks.get(va) ?? 0) + count)
  }
  for (const [, pc] of log.matchAll(/^Trace \d+: \S+ \[[0-9a-f]+\/([0-9a-f]+)\//gm)) add(pc!, 1)
  for (const [, pc] of log.matchAll(/^Stopped execution of TB chain before \S+ \[([0-9a-f]+)\]/gm)) add(pc!, -1)
  return blocks
}
