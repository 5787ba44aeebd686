import { test } from 'vitest'
import { readFileSync, writeFileSync } from 'node:fs'
import backend from '@paragraft/backend-native'
import ops from '../../../examples/native-ops/src/index.ts'
import { createMachine } from './assemble.ts'
import { run } from './run.ts'
test.each([['graft', [ops]], ['plain', []]])('%s', async (name, ops) => {
  let out = ''
  const machine = await createMachine({
    image: new Uint8Array(readFileSync('/work/main/.guests/vmlinuz-686-pae')),
    initrd: new Uint8Array(readFileSync('/work/main/.guests/initramfs.cpio.gz')),
    backend, ops, output: b => { out += Buffer.from(b).toString('latin1'); writeFileSync('/tmp/gs/' + name, out) },
  })
  const r = await run(machine, { timeout: 280, until: 'shell on ttyS0' })
  writeFileSync('/tmp/gs/' + name + '.json', JSON.stringify(r, null, 1))
}, 300_000)
