// dist/index.d.ts
import * as _paragraft_core from '@paragraft/core';
import { OptionsOf } from '@paragraft/core/ops';

declare const OPTIONS: {
    readonly 'writable-directories': {
        readonly says: "a paravirtual kernel may write to its page directories as to page tables, which Xen does not let it";
        readonly kind: "flag";
    };
};
/** The options as a config has them. */
type XenOptions = OptionsOf<typeof OPTIONS>;
declare module '@paragraft/core/backends' {
    interface BackendOptionTypes {
        xen: XenOptions;
        '@paragraft/backend-xen': XenOptions;
    }
}
declare const _default: _paragraft_core.BackendDefinition;

export { type XenOptions, _default as default };

// dist/ops/index.d.ts
import * as _paragraft_core_ops from '@paragraft/core/ops';

declare const _default: _paragraft_core_ops.OpsModule;

export { _default as default };
