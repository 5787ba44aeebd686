import { library } from '../../tsup.base.ts'

export default library([
  'src/index.ts',
  'src/errors.ts',
  'src/backends.ts',
  'src/ports.ts',
  'src/image.ts',
  'src/machine.ts',
  'src/elf/index.ts',
  'src/head.ts',
  'src/placement.ts',
  'src/layout.ts',
  'src/ops/index.ts',
  'src/snapshot.ts',
])
