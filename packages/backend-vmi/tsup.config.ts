import { library } from '../../tsup.base.ts'

export default library(['src/index.ts', 'src/abi/index.ts', 'src/ops/index.ts', 'src/rom/index.ts'])
