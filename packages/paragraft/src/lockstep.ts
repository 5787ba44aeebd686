/** A whole machine as one side of a lock-step run (see @paragraft/cpu's runLockstep): the same boot under two engines. */
import type { LockstepSubject, Processor } from '@paragraft/cpu'
import { createMachine } from './assemble.ts'
import type { MachineConfig } from './machine-config.ts'

/** Builds the machine of `config`. Give both sides the same config, save for `engine`. */
export async function lockstepMachine(config: MachineConfig): Promise<LockstepSubject> {
  let processor: Processor | undefined
  const machine = await createMachine({
    ...config,
    onEngine: engine => {
      processor = engine.processor
      config.onEngine?.(engine)
    },
  })
  if (processor === undefined) throw new Error('a machine without an engine')
  return {
    processor,
    instructions: () => machine.instructions(),
    runTo(count) {
      while (machine.instructions() < count) {
        const { kind } = machine.run({ instructions: count - machine.instructions() })
        if (kind !== 'budget') return false
      }
      return true
    },
  }
}
