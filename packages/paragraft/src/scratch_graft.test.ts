import { test } from 'vitest'
import { readFileSync } from 'node:fs'
import backend from '@paragraft/backend-native'
import ops from '../../../examples/native-ops/src/index.ts'
import { createMachine } from './assemble.ts'
import { run } from './run.ts'
test('old', async () => {
  let out = ''
  const machine = await createMachine({
    image: new Uint8Array(readFileSync('/work/main/guests/oldguest/oldguest.elf')),
    backend, ops: [ops], output: b => { out += Buffer.from(b).toString('latin1') },
  })
  const r = await run(machine, { timeout: 60 })
  console.log(out)
  console.log(r.stop, r.instructions, r.seconds, r.ops.filter(o => o.answer !== 'native'))
})
