import { library } from '../../tsup.base.ts'

export default library(['src/index.ts', 'src/abi.ts', 'src/ops.ts'])
