/**
 * Debian's GRUB as a guest of Xen by its PVH entry: to its prompt on Xen's console, a file of a disk behind the block back
 * end, and off. It waits without idling, so its lines are typed when its prompt is there.
 */
import { readFileSync } from 'node:fs'
import xen from '@paragraft/backend-xen'
import type { BlockPort, RunOutcome } from '@paragraft/core'
import { createMachine } from 'paragraft'
import { expect } from 'vitest'
import { minixDisk } from './support/minix.ts'
import { guest, needs } from './support/needs.ts'
import { paragraft } from './support/paragraft.ts'

const debian = needs('debian guests')
const PROMPT = 'grub> '
const SLICE = 5_000_000
const MOST_SLICES = 60

function diskOf(bytes: Uint8Array): BlockPort {
  return {
    sectors: bytes.length / 512,
    readOnly: true,
    read: (sector, into) => into.set(bytes.subarray(sector * 512, sector * 512 + into.length)),
    write() {
      throw new Error('read-only')
    },
    flush() {},
  }
}

async function grub(files: Record<string, string>) {
  let output = ''
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(guest('grub-i386-xen_pvh.bin'))),
    backend: xen,
    disk: diskOf(minixDisk(256, files)),
    output: bytes => (output += Buffer.from(bytes).toString('latin1')),
  })
  /** Runs until a text has come, and returns what has come since `from`. */
  const until = (text: string, from: number): string => {
    for (let slice = 0; slice < MOST_SLICES && !output.slice(from).includes(text); slice++) {
      machine.run({ instructions: SLICE })
    }
    return output.slice(from)
  }
  const type = (line: string): number => {
    machine.console.type(Uint8Array.from([...`${line}\r`].map(character => character.charCodeAt(0))))
    return output.length
  }
  const ask = (line: string): string => until(PROMPT, type(line))
  const leave = (line: string): RunOutcome => {
    type(line)
    let outcome: RunOutcome = { kind: 'budget' }
    for (let slice = 0; slice < MOST_SLICES && outcome.kind === 'budget'; slice++) {
      outcome = machine.run({ instructions: SLICE })
    }
    return outcome
  }
  return { greeting: until(PROMPT, 0), ask, leave }
}

debian('GRUB reaches its prompt, reads a disk, and halts', async () => {
  const { greeting, ask, leave } = await grub({ greeting: 'hello from the host\n' })
  expect(greeting).toContain('GNU GRUB  version 2.06')
  expect(ask('ls')).toContain('(memdisk) (proc) (xen/xvda)')
  expect(ask('ls (xen/xvda)/')).toContain('\n\rgreeting \n\r')
  expect(ask('cat (xen/xvda)/greeting')).toContain('hello from the host\n\r')
  expect(leave('halt')).toEqual({ kind: 'powerOff' })
})

debian('GRUB reboots', async () => {
  const { leave } = await grub({})
  expect(leave('reboot').kind).toBe('reset')
})

debian('inspect tells its two images apart', async () => {
  const pvh = await paragraft(['inspect', guest('grub-i386-xen_pvh.bin')])
  expect(pvh.stdout).toContain('xen by xen-pvh: yes, at 0x100000 (by its note PHYS32_ENTRY)')
  const pv = await paragraft(['inspect', guest('grub-i386-xen.bin')])
  expect(pv.stdout).toContain('xen by xen-pv: yes, at 0x0 (virtual base 0x0, PAE yes (by its notes))')
})
