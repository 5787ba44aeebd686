// dist/index.d.ts
import * as _paragraft_core from '@paragraft/core';

declare const _default: _paragraft_core.BackendDefinition;

export { _default as default };
