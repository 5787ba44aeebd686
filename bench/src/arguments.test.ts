import { expect, test } from 'vitest'
import { HELP, parse } from './arguments.ts'
import { KERNELS } from './kernels.ts'
import { SUBJECTS } from './subjects.ts'

const parsed = (line: string) => {
  const options = parse(line === '' ? [] : line.split(' '))
  if (options === 'help') throw new Error('asked for help')
  return options
}

test('everything usual is measured, five times, unless told otherwise', () => {
  const options = parsed('')
  expect(options).toMatchObject({ runs: 5, boots: 5, target: 250, write: false, render: false })
  expect(options.kernels).toEqual(KERNELS)
  expect(options.subjects.map(({ name }) => name)).toEqual(['paragraft', 'v86', 'qemu', 'chromium', 'chromium-v86'])
})

test('--quick is less of everything, and each can still be said', () => {
  expect(parsed('--quick')).toMatchObject({ runs: 3, boots: 1, target: 100 })
  expect(parsed('--quick --runs 4 --boots 0 --target 99 --timeout 7')).toMatchObject({
    runs: 4,
    boots: 0,
    target: 99,
    timeout: 7,
  })
})

test('kernels are named one by one or by group', () => {
  const names = (line: string): string[] => parsed(line).kernels.map(({ name }) => name)
  expect(names('--kernels irq,sieve')).toEqual(['sieve', 'irq'])
  expect(names('--kernels none')).toEqual([])
  expect(names('--kernels paravirt,sieve')).toHaveLength(9)
})

test('what is not known is refused by name', () => {
  expect(() => parsed('--kernels sieve,nonsense')).toThrow('there is no kernel nonsense')
  expect(() => parsed('--emulators bochs')).toThrow('there is no emulator bochs')
  expect(() => parsed('--runs 0')).toThrow('--runs 0')
  expect(() => parsed('--runs many')).toThrow('--runs many')
  expect(() => parsed('--fast')).toThrow('--fast')
})

test('the help names every emulator and every kernel', () => {
  for (const { name } of [...SUBJECTS, ...KERNELS]) expect(HELP).toContain(name)
})
