/**
 * grub-invaders, a multiboot game in text mode: it draws into text memory, takes its pace from the PIT's counter, beeps by
 * another one, and polls the keyboard controller. Nothing in it is random: what is on the screen depends on how many
 * steps were made, and on the keys. So QEMU's screen, caught at any moment, must be one of those that ours went through,
 * to the last cell and attribute.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { guest, needs } from '../support/needs.ts'
import { Pc, rows } from '../support/pc.ts'
import { Qemu } from '../support/qemu.ts'

/** Of a busy machine; in processor time the test takes a fraction. */
const MINUTES = 300_000
/** A step of the game: five waits of 1/80 s, and the drawing, which a slow processor feels. */
const STEP_MS = 62.5
/** QEMU's screens are looked for in so many steps of ours. */
const STEPS = 250
/** 2.5 million instructions a second: the game only waits. */
const nsPerInstruction = 400
const MEMORY_MIB = 8

/** Scan codes of set 1: make, break. */
const P = [0x19, 0x99]
const SPACE = [0x39, 0xb9]
const LEFT_HELD = [0xe0, 0x4b]

/** The cell's character and attribute. */
function cell(text: Uint8Array, row: number, column: number): number[] {
  const at = (row * 80 + column) * 2
  return [text[at]!, text[at + 1]!]
}

/** Where the game says PAUSE. */
const SIGN = { rows: [10, 11], columns: Array.from({ length: 13 }, (_, index) => 30 + index) }

const sign = (text: Uint8Array): number[][] =>
  SIGN.rows.flatMap(row => SIGN.columns.map(column => cell(text, row, column)))

function withoutSign(text: Uint8Array): string {
  const rest = text.slice()
  for (const row of SIGN.rows)
    for (const column of SIGN.columns) rest.fill(0, (row * 80 + column) * 2, (row * 80 + column + 1) * 2)
  return Buffer.from(rest).toString('hex')
}

const paused = (text: Uint8Array): boolean => rows(text).join('').includes("PRESS 'P'")
const cannonAtTheEdge = (text: Uint8Array): boolean => rows(text)[23]!.startsWith(' _')

/** Where the cannon stands when it can go no further to the left, and what it has fired. */
function cannon(text: Uint8Array): { cannon: number[][]; shot: number[] | undefined } {
  const column = Array.from({ length: 23 }, (_, row) => cell(text, row, 1))
  return {
    cannon: [cell(text, 24, 0), cell(text, 23, 1), cell(text, 24, 2)],
    shot: column.find(([character]) => character === '|'.charCodeAt(0)),
  }
}

/** A screen that the game is not just drawing. */
async function still(qemu: Qemu): Promise<Uint8Array> {
  for (let before = await qemu.textMemory(); ; ) {
    const after = await qemu.textMemory()
    if (Buffer.compare(before, after) === 0) return after
    before = after
  }
}

/** The screens of the first steps, in order, without the sign's cells. */
function screensOf(pc: Pc): string[] {
  const screens: string[] = []
  const look = (): boolean => {
    const screen = withoutSign(pc.textMemory())
    if (screen !== screens.at(-1)) screens.push(screen)
    return screens.length === STEPS
  }
  pc.runUntil(`${STEPS} steps`, look, { every: STEP_MS / 2, limit: STEPS * STEP_MS * 2 })
  return screens
}

needs('debian guests', 'qemu')(
  'invaders shows what it shows in QEMU, step for step, and obeys the same keys',
  async () => {
    const qemu = await Qemu.start({ kernel: guest('invaders'), commandLine: '', memory: MEMORY_MIB })
    await qemu.textMemoryWhen('invaders', text => rows(text)[2]!.includes('-*-'))
    const playing = await still(qemu)
    await qemu.keys('p')
    await qemu.textMemoryWhen('PAUSE', paused)
    const pause = await still(qemu)

    const memory = MEMORY_MIB * 2 ** 20
    const pc = await Pc.start({ image: guest('invaders'), commandLine: '', memory, nsPerInstruction })
    const screens = screensOf(pc)
    const first = screens.indexOf(withoutSign(playing))
    expect(first, rows(playing).join('\n')).toBeGreaterThan(0)
    expect(screens.indexOf(withoutSign(pause), first), rows(pause).join('\n')).toBeGreaterThanOrEqual(first)

    pc.machine.key(...P)
    pc.runUntil('PAUSE', () => paused(pc.textMemory()), { every: STEP_MS, limit: 1000 })
    expect(sign(pc.textMemory())).toEqual(sign(pause))

    await qemu.keys('p')
    await qemu.hold('left')
    await qemu.textMemoryWhen('the cannon at the edge', cannonAtTheEdge)
    // A shot is on the screen for a second and a half; on a busy machine that may be missed, so shots are fired until one is seen.
    let there = cannon(await qemu.textMemory())
    for (let shots = 0; shots < 100 && there.shot === undefined; shots++) {
      await qemu.keys('spc')
      await sleep(200)
      there = cannon(await still(qemu))
    }

    pc.machine.key(...P, ...LEFT_HELD)
    pc.runUntil('the cannon at the edge', () => cannonAtTheEdge(pc.textMemory()), { every: STEP_MS, limit: 5000 })
    pc.machine.key(...SPACE)
    pc.pass(3 * STEP_MS)
    const here = cannon(pc.textMemory())
    expect(here.shot).toBeDefined()
    expect(here).toEqual(there)
  },
  MINUTES,
)
