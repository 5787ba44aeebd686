// dist/index.d.ts
import * as _paragraft_core_ops from '@paragraft/core/ops';
import { Era, Answers } from '@paragraft/core/ops';

/** Every op of an era, answered `native`. */
declare function nativeAnswers(era: Era): Answers;
declare const nativeOps: _paragraft_core_ops.OpsModule;

declare const _default: _paragraft_core_ops.BackendDefinition;

export { _default as default, nativeAnswers, nativeOps };
