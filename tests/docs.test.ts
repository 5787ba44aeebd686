/**
 * The documentation's own examples, as they stand there. A block that begins with `file=NAME` is written down, one of `sh run` is run
 * in the folder of a user who has installed our packages, and every line of a `text` block behind it must have been printed,
 * blanks aside. And every link between pages leads somewhere.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { needs } from './support/needs.ts'
import { userFolder } from './support/packages.ts'
import { paragraft, root } from './support/paragraft.ts'

const docs = join(root, 'docs')
const pages = readdirSync(docs).filter(name => name.endsWith('.md'))

interface Block {
  info: string
  text: string
}

function blocks(page: string): Block[] {
  const found = readFileSync(join(docs, page), 'utf8').matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)
  return [...found].map(([, info, text]) => ({ info: info!, text: text! }))
}

/** A user who has installed everything, with oldguest where the pages say. */
function installed(): string {
  const folder = userFolder(['paragraft', 'core', 'backend-native', 'backend-vmi', 'backend-xen'])
  symlinkSync(join(root, 'guests'), join(folder, 'node_modules/@paragraft/guests'), 'dir')
  copyFileSync(join(root, 'guests/oldguest/oldguest.elf'), join(folder, 'oldguest.elf'))
  return folder
}

/** Runs a line; what it printed on both streams. */
async function execute(cwd: string, line: string): Promise<string> {
  const [command, ...args] = line.split(/ +/) as [string, ...string[]]
  if (command === 'npx' && args[0] === 'paragraft') {
    const { status, stdout, stderr } = await paragraft(args.slice(1), { cwd })
    expect([line, status, status === 0 ? '' : stderr]).toEqual([line, 0, ''])
    return `${stdout}${stderr}`
  }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  expect([line, status, stderr]).toEqual([line, 0, ''])
  return stdout
}

const squeezed = (text: string): string => text.replace(/\s+/g, ' ')

async function follow(page: string): Promise<void> {
  const cwd = installed()
  let printed = ''
  for (const { info, text } of blocks(page)) {
    const file = /\bfile=(\S+)/.exec(info)?.[1]
    if (file !== undefined) {
      mkdirSync(dirname(join(cwd, file)), { recursive: true })
      writeFileSync(join(cwd, file), text)
    } else if (info === 'sh run') {
      printed = ''
      for (const line of text.trim().split('\n')) printed += await execute(cwd, line)
    } else if (info === 'text') {
      const said = squeezed(printed)
      for (const line of text.trim().split('\n')) expect(said).toContain(squeezed(line).trim())
    }
  }
}

for (const page of pages.filter(name => blocks(name).some(({ info }) => info === 'sh run'))) {
  const compiles = blocks(page).some(({ info, text }) => info === 'sh run' && text.startsWith('gcc'))
  needs(...(compiles ? (['gcc'] as const) : []))(`${page}: its commands do what it says`, () => follow(page))
}

test('a block that promises output follows a command', () => {
  for (const page of pages) {
    const infos = blocks(page).map(({ info }) => info)
    for (const [index, info] of infos.entries()) {
      if (info === 'text') expect([page, infos.slice(0, index).includes('sh run')]).toEqual([page, true])
    }
  }
})

test.each(pages)('%s: its links lead somewhere, and README.md names it', page => {
  const text = readFileSync(join(docs, page), 'utf8')
  const targets = [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target!)
  expect(targets.filter(target => !existsSync(join(docs, target)))).toEqual([])
  if (page !== 'README.md') expect(readFileSync(join(docs, 'README.md'), 'utf8')).toContain(`](${page})`)
})
