// dist/index.d.ts
import * as _paragraft_core from '@paragraft/core';

declare const _default: _paragraft_core.BackendDefinition;

export { _default as default };

// dist/ops/index.d.ts
import * as _paragraft_core_ops from '@paragraft/core/ops';

declare const _default: _paragraft_core_ops.OpsModule;

export { _default as default };
