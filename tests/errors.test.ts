/**
 * Every code that a source can throw has its page in docs/errors, and every page a code that is still thrown. A page
 * says what happened, why, and what to do.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname
const pages = readdirSync(join(root, 'docs/errors'))
  .filter(name => /^PG_[A-Z0-9_]+\.md$/.test(name))
  .map(name => name.slice(0, -3))

/** Codes in quotes, where they are thrown; prose names them in backticks. */
function codesIn(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  return [...code.matchAll(/['"](PG_[A-Z0-9]+(?:_[A-Z0-9]+)*)['"]/g)].map(match => match[1]!)
}

function sources(): string[] {
  return ['packages', 'examples', 'guests'].flatMap(group =>
    existsSync(join(root, group))
      ? readdirSync(join(root, group), { recursive: true, encoding: 'utf8' })
          .filter(name => /\.(ts|mjs)$/.test(name) && !/\.test\.ts$|(^|\/)(node_modules|dist)\//.test(name))
          .map(name => join(root, group, name))
      : [],
  )
}

const thrown = new Map<string, string>()
for (const file of sources()) {
  for (const code of codesIn(readFileSync(file, 'utf8'))) thrown.set(code, file.slice(root.length))
}

test('codes are found where they are thrown', () => {
  expect(codesIn("throw new ParagraftError('PG_A_B', '')")).toEqual(['PG_A_B'])
  expect(codesIn("// 'PG_NOT_THIS'\n/* 'PG_NOR_THIS' */ `PG_NOR_THAT`")).toEqual([])
  expect(thrown.has('PG_OPS_HOLE')).toBe(true)
})

test('every code has a page', () => {
  expect([...thrown].filter(([code]) => !pages.includes(code)).map(([code, file]) => `${code} (${file})`)).toEqual([])
})

test('every page has a code', () => {
  expect(pages.filter(page => !thrown.has(page))).toEqual([])
})

test.each(pages)('%s.md says what, why and what to do', page => {
  const text = readFileSync(join(root, `docs/errors/${page}.md`), 'utf8')
  expect(text).toMatch(new RegExp(`^# ${page}\n\n\\S[^]+\n\n## Why\n\n\\S[^]+\n\n## What to do\n\n\\S[^]+\n$`))
})
