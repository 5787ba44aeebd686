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
  apiVersion: '^0.1.0',
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
  const calls = (page: Buffer): Map<string, number> =>
    new Map(
      graft.counters.map(({ slot, pa }) => [layout.slots[slot]!.op, page.readUInt32LE(pa - plan.room.pa)] as const),
    )
  return { elf: placedElf(memory, graft.startOfDay), region: plan.room.pa, calls }
}

needs('qemu', 'debian guests')(
  "Debian's kernel with grafted code reaches its shell, and the counters count",
  async () => {
    const initrd = new Uint8Array(readFileSync(guest('initramfs.cpio.gz')))
    const grafted = await graftOnto(guest('vmlinuz-686-pae'), linuxHead, { commandLine: 'console=ttyS0', initrd })
    const { serial, page } = await runUntil('shell on ttyS0', grafted)
    expect(serial).toMatch(/NX \(Execute Disable\) protection: active/)
    expect(serial).not.toMatch(/BUG:|WARNING:|Oops/)

    const calls = grafted.calls(page)
    expect(calls.size).toBe(7)
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
    const { serial, page } = await runUntil('Power down.', grafted)
    expect(serial).toMatch(/module 0: .* 'code-only 1\.0\.0'/)
    expect(serial.match(/selfcheck: \d+ ops ok, .* 0 failed/g)).toHaveLength(1)
    expect(serial).toMatch(/selfcheck, sites patched: \d+ ops ok, .* 0 failed/)
    const idle = [...grafted.calls(page)].filter(([, calls]) => calls === 0).map(([op]) => op)
    expect(idle).toEqual([])
  },
  120_000,
)

interface Grafted {
  elf: Buffer
  region: number
}

/** Boots the file until `text` is on the serial line; gives what was there, and the region's first page: the counters. */
async function runUntil(text: string, { elf, region }: Grafted): Promise<{ serial: string; page: Buffer }> {
  const folder = mkdtempSync(join(tmpdir(), 'graft-qemu-'))
  const at = (name: string): string => join(folder, name)
  writeFileSync(at('kernel.elf'), elf)
  const machine = ['-M', 'pc', '-cpu', 'qemu32,+nx,+pae', '-m', '128', '-display', 'none', '-net', 'none']
  // After a power-off the machine stays, so that its memory can be looked at.
  const channels = ['-no-reboot', '-no-shutdown', '-serial', `file:${at('serial')}`, '-monitor', 'stdio']
  const qemu = spawn('qemu-system-i386', [...machine, ...channels, '-kernel', at('kernel.elf')], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const ended = new Promise<void>(resolve => qemu.on('exit', () => resolve()))
  const serial = (): string => (existsSync(at('serial')) ? readFileSync(at('serial'), 'latin1') : '')
  const failed = /Kernel panic|panic:|double fault/
  try {
    while (!serial().includes(text) && !failed.test(serial()) && qemu.exitCode === null) await sleep(250)
    expect(serial()).toContain(text)
    qemu.stdin.write(`pmemsave 0x${region.toString(16)} 4096 "${at('page')}"\nquit\n`)
    await ended
    return { serial: serial(), page: readFileSync(at('page')) }
  } finally {
    qemu.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true })
  }
}
