/** Kernels under both engines at once: registers and memory alike at every comparison. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import nativeOps from '../examples/native-ops/src/index.ts'
import native from '../packages/backend-native/src/index.ts'
import { describeDivergence, type Engine, runLockstep, stateHash } from '../packages/cpu/src/index.ts'
import type { LockstepSubject } from '../packages/cpu/src/lockstep.ts'
import { lockstepMachine } from '../packages/paragraft/src/lockstep.ts'
import { guest, needs } from './support/needs.ts'

const image = new Uint8Array(readFileSync(new URL('../guests/oldguest/oldguest.elf', import.meta.url)))

type Side = 'translator' | 'interpreter' | 'reference'
/** Code is translated almost at once, so that most of what runs has been. */
const eager = (engine: Engine): void => {
  if (engine.translator) engine.translator.threshold = 4
}

for (const ops of [[], [nativeOps]]) {
  test.each([
    ['interpreter', 'reference'],
    ['translator', 'interpreter'],
  ] as const)(
    `oldguest ${ops.length ? 'with' : 'without'} grafted ops: %s and %s agree throughout`,
    async (...two) => {
      const sides: { subject: LockstepSubject; output: string }[] = []
      const make = async (engine: Side): Promise<LockstepSubject> => {
        const side = { output: '', subject: null as unknown as LockstepSubject }
        side.subject = await lockstepMachine({
          image,
          imageName: 'oldguest',
          backend: native,
          ops,
          engine,
          memory: 16 * 2 ** 20,
          onEngine: eager,
          output: bytes => void (side.output += Buffer.from(bytes).toString('latin1')),
        })
        sides.push(side)
        return side.subject
      }
      const result = await runLockstep(
        () => make(two[0]),
        () => make(two[1]),
        { chunk: 250_000 },
      )
      expect(result.divergence && describeDivergence(result.divergence)).toBe(null)
      const [a, b] = sides as [(typeof sides)[0], (typeof sides)[0]]
      expect(a.subject.instructions()).toBe(b.subject.instructions())
      expect(result.instructions).toBe(a.subject.instructions())
      expect(a.output).toBe(b.output)
      expect(a.output).toContain('Power down.')
      expect(stateHash(a.subject.processor)).toBe(stateHash(b.subject.processor))
    },
    300_000,
  )
}

needs('debian guests')(
  "Debian's kernel: interpreter and reference agree over its first hundred million instructions",
  async () => {
    const instructions = 100_000_000
    let output = 0
    const make = (engine: 'interpreter' | 'reference') => () =>
      lockstepMachine({
        image: new Uint8Array(readFileSync(guest('vmlinux-686-pae'))),
        initrd: new Uint8Array(readFileSync(guest('initramfs.cpio.gz'))),
        backend: native,
        engine,
        memory: 128 * 2 ** 20,
        commandLine: 'console=ttyS0',
        output: bytes => void (output += bytes.length),
      })
    const result = await runLockstep(make('interpreter'), make('reference'), { chunk: 20_000_000, instructions })
    expect(result.divergence && describeDivergence(result.divergence)).toBe(null)
    expect(result.instructions).toBe(instructions)
    expect(output).toBeGreaterThan(10_000)
  },
  300_000,
)
