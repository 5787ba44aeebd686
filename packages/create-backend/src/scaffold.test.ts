import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { projectNames, scaffold } from './index.ts'

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'create-backend-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test.each([
  ['my-hv', undefined, { package: 'paragraft-backend-my-hv', backend: 'my-hv', word: 'MyHv' }],
  ['paragraft-backend-l4', undefined, { package: 'paragraft-backend-l4', backend: 'l4', word: 'L4' }],
  ['anywhere', '@you/backend-mine', { package: '@you/backend-mine', backend: 'mine', word: 'Mine' }],
  ['anywhere', 'hyper', { package: 'hyper', backend: 'hyper', word: 'Hyper' }],
])('a folder %s and a package %s', (folder, packageName, names) => {
  expect(projectNames(`/home/me/${folder}`, packageName)).toEqual(names)
})

test.each([
  ['My Hypervisor', undefined],
  ['3rd', undefined],
  ['a--b', undefined],
  ['paragraft-backend-', undefined],
  ['fine', '@you'],
  ['fine', 'Upper'],
  ['fine', '../up'],
  ['fine', 'x'.repeat(215)],
])('no project is called %s, %s', (folder, packageName) => {
  expect(() => projectNames(`/home/me/${folder}`, packageName)).toThrow(
    expect.objectContaining({ code: 'PG_CREATE_NAME' }),
  )
})

test('the example’s names become the user’s, in every file', () => {
  const directory = join(scratch(), 'my-hv')
  const { files, names } = scaffold({ directory })
  expect(names.package).toBe('paragraft-backend-my-hv')
  expect(files).toEqual(expect.arrayContaining(['.gitignore', 'README.md', 'package.json', 'src/index.ts']))
  for (const file of files) {
    expect([file, readFileSync(join(directory, file), 'utf8')]).toEqual([
      file,
      expect.not.stringMatching(/paragraft-backend-example|\bexample\b|Example/),
    ])
  }
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  expect(manifest).toMatchObject({ name: 'paragraft-backend-my-hv', paragraft: { kind: 'backend', name: 'my-hv' } })
})

test('a folder with something in it is left alone; an empty one, or a new repository, is not', () => {
  const folder = scratch()
  writeFileSync(join(folder, 'precious.txt'), 'mine')
  for (const directory of [folder, join(folder, 'precious.txt')]) {
    expect(() => scaffold({ directory, packageName: 'mine' })).toThrow(
      expect.objectContaining({ code: 'PG_CREATE_FOLDER' }),
    )
  }
  expect(readFileSync(join(folder, 'precious.txt'), 'utf8')).toBe('mine')
  const empty = join(scratch(), 'empty')
  mkdirSync(join(empty, '.git'), { recursive: true })
  expect(scaffold({ directory: empty }).files.length).toBeGreaterThan(5)
})
