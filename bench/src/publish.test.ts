import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Figures } from './figures.ts'
import { plots, readmeWith } from './publish.ts'

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
const read = (name: string): string => readFileSync(path(name), 'utf8')

const kernel = { count: 1, ns: [2], first: [3] }
const figures: Figures = {
  date: '2026-01-01',
  host: 'a host',
  runs: 1,
  boots: 0,
  target: 100,
  guest: '',
  commandLine: '',
  subjects: ['paragraft', 'qemu'].map(name => ({ name, title: name, kernels: { sieve: kernel }, failed: {} })),
}

test('figures replace what was between the marks, with the plots that there are', () => {
  const readme = readmeWith('before\n<!-- figures -->\nold\n<!-- /figures -->\nafter\n', figures)
  expect(readme).toMatch(/^before\n<!-- figures -->\n\n!\[.*\]\(compute.svg\)\n\n2026-01-01; /)
  expect(readme).toMatch(/\n\n<!-- \/figures -->\nafter\n$/)
  expect(readme).not.toContain('old')
  expect(readmeWith(readme, figures)).toBe(readme)
  expect(Object.keys(plots(figures))).toEqual(['compute.svg'])
})

test('README and plots show the figures that are kept (pnpm bench --render), or none', () => {
  if (!existsSync(path('figures.json'))) {
    expect(read('README.md')).toContain('<!-- figures -->\n<!-- /figures -->')
    return
  }
  const kept = JSON.parse(read('figures.json')) as Figures
  expect(read('README.md')).toBe(readmeWith(read('README.md'), kept))
  for (const [name, svg] of Object.entries(plots(kept))) expect(read(name)).toBe(svg)
})
