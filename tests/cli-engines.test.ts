/** What the command line shows of the engines: regions of translated code, and two engines side by side. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FLAT_ENTRY, flatGuest, paragraft, scratch } from './support/paragraft.ts'

/** mov ecx, 10000000; 1: dec ecx; jnz 1b; mov al, 0xfe; out 0x64, al (reset); jmp $ */
const LOOP = [0xb9, 0x80, 0x96, 0x98, 0, 0x49, 0x75, 0xfd, 0xb0, 0xfe, 0xe6, 0x64, 0xeb, 0xfe]
const LOOP_HEAD = FLAT_ENTRY + 5

describe('--trace translate', () => {
  test('tells of the region that a hot loop becomes, and why its code ends', async () => {
    const file = join(scratch(), 'trace')
    await paragraft(['run', flatGuest(LOOP), '--engine', 'translator', '--trace', `translate=${file}`])
    const eip = LOOP_HEAD.toString(16).padStart(8, '0')
    expect(readFileSync(file, 'utf8')).toMatch(
      new RegExp(`^\\d+ made ${eip}: 1 blocks, 2 instructions; ends: cold 1$`, 'm'),
    )
  })

  test('says so where nothing is translated', async () => {
    const { stderr } = await paragraft(['run', flatGuest(LOOP), '--engine', 'interpreter', '--trace', 'translate'])
    expect(stderr).toContain('the interpreter engine translates nothing')
  })
})

describe('lockstep', () => {
  test('says over how many instructions two engines agree', async () => {
    const { status, stdout } = await paragraft([
      'lockstep',
      flatGuest(LOOP),
      '--memory',
      '4M',
      '--hot',
      '4',
      '--every',
      '300000',
    ])
    // mov, ten million times dec and jnz, mov, out.
    expect(stdout).toBe('translator and interpreter agree over 20000003 instructions\n')
    expect(status).toBe(0)
  })

  test('stops where it is asked to, under any two engines', async () => {
    const { stdout } = await paragraft([
      'lockstep',
      flatGuest(LOOP),
      '--memory=4M',
      '--engines=reference,interpreter',
      '--instructions',
      '5000',
    ])
    expect(stdout).toBe('reference and interpreter agree over 5000 instructions\n')
  })

  test('refuses what is no engine, no count, or cannot be shared by two machines', async () => {
    for (const args of [
      ['--engines', 'translator'],
      ['--engines', 'a,b'],
      ['--every', '0'],
      ['--disk', 'x'],
      ['--nonsense'],
    ]) {
      const { status, stdout, stderr } = await paragraft(['lockstep', flatGuest(LOOP), ...args])
      expect([args, status, stdout]).toEqual([args, 2, ''])
      expect(stderr).toContain('[PG_USAGE]')
    }
  })
})
