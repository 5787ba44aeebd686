// dist/abi/index.d.ts
import { Signature, CallingConvention } from '@paragraft/core/ops';
export { A as AP_STATE, a as AP_STATE_SIZE, F as Field, H as HEADER, b as HEADER_SIZE, L as LICENSES, P as PCI_CLASS_CODE, c as PCI_DEVICE_ID, d as PCI_HEADER, e as PCI_HEADER_SIZE, f as PCI_LAST_IMAGE, g as PCI_SIGNATURE, h as PCI_VENDOR_ID, i as PNP_HEADER, j as PNP_HEADER_SIZE, k as PNP_SIGNATURE, R as RELOCATIONS, l as ROM_BLOCK, m as ROM_MAX_BLOCKS, n as ROM_PROBE_END, o as ROM_PROBE_START, p as ROM_PROBE_STEP, q as ROM_SIGNATURE, r as Relocation, V as VMI_API_MAJOR, s as VMI_API_MINOR, t as VMI_SIGNATURE } from '../rom.js';

/**
 * The calls of VMI API 3.0: number, prototype, where arguments and results are, what a call may change. The one truth:
 * ROMs, the machine behind them, tests and the guests' header (`abi/vmi-abi.h`) are made from this table.
 *
 * Numbers: Linux 2.6.21–2.6.36, asm/vmi.h and asm/vmi_time.h. Semantics and clobbers: "Paravirtualization API Version
 * 2.0" (March 2006), appendices A and B; where Linux calls differently, Linux is followed and the entry says so.
 * Prototypes are gcc's regparm(3): EAX, EDX, ECX, then the stack, which the caller pops.
 */

/** General registers that a call may change beside its result. Flags may always change. */
type Clobbers = 
/** A C function's: EAX, ECX, EDX. */
'standard'
/** None: every register but the result's keeps its value. */
 | 'flags'
/** EAX, EBX, ECX and EDX are results. */
 | 'cpuid';
interface CallEntry {
    readonly number: number;
    /** As in `VMI_CALL_…`. */
    readonly name: string;
    /** C prototype with regparm(3); for calls that are no C functions the nearest thing, with `abi` saying what holds. */
    readonly prototype: string;
    readonly clobbers: Clobbers;
    /**
     * `c`: a function. `cpuid`: EAX and ECX in; EAX, EBX, ECX, EDX out. `iret`: entered by a jump or a call with an interrupt
     * frame on the stack, never returns. `sysexit`: EDX new EIP, ECX new ESP, never returns.
     */
    readonly abi: 'c' | 'cpuid' | 'iret' | 'sysexit';
    /** `flat`: CS, SS, DS and ES are flat. `cs-ss`: only CS and SS are; data is reached through SS. */
    readonly segments: 'flat' | 'cs-ss';
    /** What it does, with the answers to wrong arguments. */
    readonly says: string;
}
/** Every call that has a number, in order. */
declare const CALLS: readonly CallEntry[];
/** Numbers from 0 up to here, excluded, are answered by `get_reloc`; those without a call, and all above, by none. */
declare const CALL_LIMIT = 74;
/**
 * Calls that only tell something, or whose effect nothing depends on here: the ones that a ROM may answer with nop. A guest erases
 * a call that is answered so, and keeps no native code in its place.
 */
declare const HINTS: ReadonlySet<string>;
/** A call by name; undefined for a name that is none. */
declare function findCall(name: string): CallEntry | undefined;
/** How a call's arguments and result travel, as core's `readArguments` and `writeResult` take it. */
interface CallShape {
    readonly signature: Signature;
    readonly convention: CallingConvention;
}
/** The places of a call's arguments and result. */
declare function callShape(call: CallEntry): CallShape;
/** General registers that a call may have changed when it is over, results included. */
declare function changedRegisters(call: CallEntry): readonly string[];

/**
 * The constants of VMI's calls. Linux 2.6.21–2.6.36 asm/vmi.h and asm/vmi_time.h; "Paravirtualization API Version 2.0",
 * appendix B. The names are those headers'.
 */
/** Flags of AllocatePage, ReleasePage, SetPxE and UpdatePxE: what kind of table the page is or the entry is in. */
declare const VMI_PAGE_PT = 1;
declare const VMI_PAGE_PD = 2;
declare const VMI_PAGE_PDP = 4;
declare const VMI_PAGE_PML4 = 8;
/** Flags of AllocatePage and ReleasePage alone. */
declare const VMI_PAGE_PAE = 16;
declare const VMI_PAGE_CLONE = 32;
declare const VMI_PAGE_ZEROED = 64;
/** Flags of SetPxE and UpdatePxE alone. */
declare const VMI_PAGE_CURRENT_AS = 16;
/** The update may wait for the next invalidation; only with {@link VMI_PAGE_CURRENT_AS}. */
declare const VMI_PAGE_DEFER = 32;
/** With {@link VMI_PAGE_CURRENT_AS}: the page of virtual memory that the entry maps. */
declare const VMI_PAGE_VA_MASK = 4294963200;
/** `how` of FlushTLB. */
declare const VMI_FLUSH_TLB = 1;
declare const VMI_FLUSH_GLOBAL = 2;
/** Slots of SetLinearMapping. */
declare const VMI_LINEAR_MAP_SLOTS = 4;
/** Modes of SetLazyMode; MMU and CPU do not nest. The specification's third, descriptor tables, is a bit for deferral alone. */
declare const VMI_LAZY_NONE = 0;
declare const VMI_LAZY_MMU = 1;
declare const VMI_LAZY_CPU = 2;
declare const VMI_DEFER_DT = 4;
/** The bit of Get- and SetInterruptMask: EFLAGS.IF. */
declare const VMI_INTERRUPT_MASK = 512;
/** The bits of SetIOPLMask: EFLAGS.IOPL, in place. */
declare const VMI_IOPL_MASK = 12288;
/** `how` of Reboot. */
declare const VMI_REBOOT_SOFT = 0;
declare const VMI_REBOOT_HARD = 1;
/** Counters of GetCycleCounter, SetAlarm and CancelAlarm. */
declare const VMI_CYCLES_REAL = 0;
declare const VMI_CYCLES_AVAILABLE = 1;
declare const VMI_CYCLES_STOLEN = 2;
/** Counters that have an alarm: real and available. */
declare const VMI_ALARM_COUNTERS = 2;
/** Flags of SetAlarm. */
declare const VMI_ALARM_COUNTER_MASK = 255;
declare const VMI_ALARM_WIRED_IRQ0 = 0;
declare const VMI_ALARM_WIRED_LVTT = 65536;
declare const VMI_ALARM_IS_ONESHOT = 0;
declare const VMI_ALARM_IS_PERIODIC = 256;
/** Units of GetWallclockTime a second. */
declare const VMI_WALLCLOCK_HZ = 1000000000;

export { CALLS, CALL_LIMIT, type CallEntry, type CallShape, type Clobbers, HINTS, VMI_ALARM_COUNTERS, VMI_ALARM_COUNTER_MASK, VMI_ALARM_IS_ONESHOT, VMI_ALARM_IS_PERIODIC, VMI_ALARM_WIRED_IRQ0, VMI_ALARM_WIRED_LVTT, VMI_CYCLES_AVAILABLE, VMI_CYCLES_REAL, VMI_CYCLES_STOLEN, VMI_DEFER_DT, VMI_FLUSH_GLOBAL, VMI_FLUSH_TLB, VMI_INTERRUPT_MASK, VMI_IOPL_MASK, VMI_LAZY_CPU, VMI_LAZY_MMU, VMI_LAZY_NONE, VMI_LINEAR_MAP_SLOTS, VMI_PAGE_CLONE, VMI_PAGE_CURRENT_AS, VMI_PAGE_DEFER, VMI_PAGE_PAE, VMI_PAGE_PD, VMI_PAGE_PDP, VMI_PAGE_PML4, VMI_PAGE_PT, VMI_PAGE_VA_MASK, VMI_PAGE_ZEROED, VMI_REBOOT_HARD, VMI_REBOOT_SOFT, VMI_WALLCLOCK_HZ, callShape, changedRegisters, findCall };

// dist/index.d.ts
export { CALLS, CALL_LIMIT, CallEntry, CallShape, Clobbers, HINTS, VMI_ALARM_COUNTERS, VMI_ALARM_COUNTER_MASK, VMI_ALARM_IS_ONESHOT, VMI_ALARM_IS_PERIODIC, VMI_ALARM_WIRED_IRQ0, VMI_ALARM_WIRED_LVTT, VMI_CYCLES_AVAILABLE, VMI_CYCLES_REAL, VMI_CYCLES_STOLEN, VMI_DEFER_DT, VMI_FLUSH_GLOBAL, VMI_FLUSH_TLB, VMI_INTERRUPT_MASK, VMI_IOPL_MASK, VMI_LAZY_CPU, VMI_LAZY_MMU, VMI_LAZY_NONE, VMI_LINEAR_MAP_SLOTS, VMI_PAGE_CLONE, VMI_PAGE_CURRENT_AS, VMI_PAGE_DEFER, VMI_PAGE_PAE, VMI_PAGE_PD, VMI_PAGE_PDP, VMI_PAGE_PML4, VMI_PAGE_PT, VMI_PAGE_VA_MASK, VMI_PAGE_ZEROED, VMI_REBOOT_HARD, VMI_REBOOT_SOFT, VMI_WALLCLOCK_HZ, callShape, changedRegisters, findCall } from './abi/index.js';
export { A as AP_STATE, a as AP_STATE_SIZE, F as Field, H as HEADER, b as HEADER_SIZE, L as LICENSES, P as PCI_CLASS_CODE, c as PCI_DEVICE_ID, d as PCI_HEADER, e as PCI_HEADER_SIZE, f as PCI_LAST_IMAGE, g as PCI_SIGNATURE, h as PCI_VENDOR_ID, i as PNP_HEADER, j as PNP_HEADER_SIZE, k as PNP_SIGNATURE, R as RELOCATIONS, l as ROM_BLOCK, m as ROM_MAX_BLOCKS, n as ROM_PROBE_END, o as ROM_PROBE_START, p as ROM_PROBE_STEP, q as ROM_SIGNATURE, r as Relocation, V as VMI_API_MAJOR, s as VMI_API_MINOR, t as VMI_SIGNATURE } from './rom.js';
import * as _paragraft_core_ops from '@paragraft/core/ops';
import { OptionsOf } from '@paragraft/core/ops';
export { DEFERRED, Overlay, OverlayDefinition, PLAIN, ROM_NAMES, Rom, RomAnswer, RomCode, RomDefinition, RomEntry, RomIdentity, apiFits, applyOverlay, buildRom, builtInRom, call, defineOverlay, host, isOverlay, jump, none, nop, readRom, seal } from './rom/index.js';

declare const OPTIONS: {
    readonly rom: {
        readonly says: "the ROM: plain, deferred, a file, or a package that exports what buildRom returns";
        readonly kind: "artefact";
        readonly choices: readonly ["plain", "deferred"];
    };
    readonly overlay: {
        readonly says: "a package that exports what defineOverlay returns, laid over the ROM";
        readonly kind: "artefact";
    };
    readonly stolen: {
        readonly says: "per cent of time reported as stolen, 0 to 90";
        readonly kind: "number";
    };
};
/** The options as a config has them. */
type VmiOptions = OptionsOf<typeof OPTIONS>;
declare module '@paragraft/core/backends' {
    interface BackendOptionTypes {
        vmi: VmiOptions;
        '@paragraft/backend-vmi': VmiOptions;
    }
}
/**
 * A PC with a VMI ROM in it. Options: `rom` – `plain` (the default), `deferred`, the bytes of a ROM, or what `buildRom` returned;
 * `overlay` – what `defineOverlay` returned, laid over that ROM; `stolen` – per cent of time that the guest is told somebody
 * else had the processor, 0 to 90.
 */
declare const vmi: _paragraft_core_ops.BackendDefinition;

/**
 * The machine under a VMI ROM: puts the image where guests look for option ROMs and on a card of the PCI bus, serves the calls that
 * leave the ROM, and takes what waits in the ROM's queue whenever something needs it.
 */

/** Where the ROM lies: behind the place of a video BIOS, where the specification has guests begin to look. */
declare const ROM_BASE = 819200;

export { ROM_BASE, vmi as default };

// dist/ops/index.d.ts
import * as _paragraft_core_ops from '@paragraft/core/ops';

/**
 * The call behind each op that has one. Where page tables decide between a call and its `…Long` form (SetPxE, UpdatePxE),
 * the short name stands for both.
 */
declare const VMI_CALL_OF: ReadonlyMap<string, string>;

declare const _default: _paragraft_core_ops.OpsModule;

export { VMI_CALL_OF, _default as default };

// dist/rom.d.ts
/**
 * The ROM as a guest sees it: header, PCI and PnP structures, relocation answers, where it is looked for. Linux
 * 2.6.21–2.6.36 asm/vmi.h (struct vrom_header, pci_header, pnp_header) and vmi.c; PCI Firmware Specification 3.0, 5.1
 * (expansion ROM header and data structure); Plug and Play BIOS Specification 1.0A, 3.2 (expansion header).
 */
/** A field: its offset and its bytes. */
interface Field {
    readonly at: number;
    readonly size: number;
}
/** The version of the interface, VMI_API_REV_MAJOR and _MINOR. A guest takes a ROM of its own major and at least its minor. */
declare const VMI_API_MAJOR = 3;
declare const VMI_API_MINOR = 0;
/** 55h AAh, the mark of an option ROM, as a little-endian word. */
declare const ROM_SIGNATURE = 43605;
/** `cVmi`. */
declare const VMI_SIGNATURE = 1768773219;
/** The unit of the length byte. The bytes of all units add up to 0 modulo 256. */
declare const ROM_BLOCK = 512;
/** A length byte's largest value. */
declare const ROM_MAX_BLOCKS = 255;
/** Option ROMs lie in here, at multiples of {@link ROM_PROBE_STEP}. */
declare const ROM_PROBE_START = 786432;
declare const ROM_PROBE_END = 917504;
declare const ROM_PROBE_STEP = 2048;
/** struct vrom_header. Offsets in it count from the ROM's first byte. */
declare const HEADER: {
    readonly romSignature: Field;
    readonly romLength: Field;
    readonly romEntry: Field;
    readonly vromSignature: Field;
    readonly apiVersionMinor: Field;
    readonly apiVersionMajor: Field;
    readonly jumpSlots: Field;
    readonly virtualTop: Field;
    readonly licenseOffset: Field;
    readonly pciHeaderOffset: Field;
    readonly pnpHeaderOffset: Field;
    /** Reserved for headers: the standard option-ROM header's end, and what a ROM's maker keeps there. */
    readonly reserved: Field;
    readonly vmiInit: Field;
    readonly getReloc: Field;
};
declare const HEADER_SIZE = 144;
/** struct pci_header: the PCI data structure, `PCIR`. */
declare const PCI_HEADER: {
    readonly signature: Field;
    readonly vendorId: Field;
    readonly deviceId: Field;
    readonly vitalProductData: Field;
    readonly length: Field;
    readonly revision: Field;
    readonly classCode: Field;
    readonly imageLength: Field;
    readonly romVersionMinor: Field;
    readonly romVersionMajor: Field;
    readonly codeType: Field;
    readonly indicator: Field;
};
declare const PCI_HEADER_SIZE = 24;
declare const PCI_SIGNATURE = "PCIR";
/** The function that carries the ROM: VMware's VMI option ROM. */
declare const PCI_VENDOR_ID = 5549;
declare const PCI_DEVICE_ID = 2049;
/** Base system peripheral, other (PCI Local Bus 2.3, appendix D). */
declare const PCI_CLASS_CODE = 557056;
/** Bit 7 of the indicator: this is the last image in the ROM. */
declare const PCI_LAST_IMAGE = 128;
/** struct pnp_header: the PnP expansion header, `$PnP`. Its bytes add up to 0 modulo 256. */
declare const PNP_HEADER: {
    readonly signature: Field;
    readonly revision: Field;
    /** In units of 16 bytes. */
    readonly length: Field;
    readonly next: Field;
    readonly checksum: Field;
    readonly deviceId: Field;
    readonly manufacturer: Field;
    readonly product: Field;
};
declare const PNP_HEADER_SIZE = 32;
declare const PNP_SIGNATURE = "$PnP";
/** The licences that guests accept, by the string at `licenseOffset`. */
declare const LICENSES: readonly ["GPL", "GPL v2"];
/** Answers of `get_reloc`: DL of EDX:EAX; EAX is the address for call and jump. */
declare const RELOCATIONS: {
    readonly none: 0;
    readonly call: 1;
    readonly jump: 2;
    readonly nop: 3;
};
/** What a guest does with its call site: leaves its native code, calls, jumps, or erases it. */
type Relocation = keyof typeof RELOCATIONS;
/** struct vmi_ap_state, the argument of SetInitialAPState; naturally aligned for i386. */
declare const AP_STATE: {
    readonly cr0: Field;
    readonly cr2: Field;
    readonly cr3: Field;
    readonly cr4: Field;
    readonly efer: Field;
    readonly eip: Field;
    readonly eflags: Field;
    readonly eax: Field;
    readonly ebx: Field;
    readonly ecx: Field;
    readonly edx: Field;
    readonly esp: Field;
    readonly ebp: Field;
    readonly esi: Field;
    readonly edi: Field;
    readonly cs: Field;
    readonly ss: Field;
    readonly ds: Field;
    readonly es: Field;
    readonly fs: Field;
    readonly gs: Field;
    readonly ldtr: Field;
    readonly gdtrLimit: Field;
    readonly gdtrBase: Field;
    readonly idtrBase: Field;
    readonly idtrLimit: Field;
};
declare const AP_STATE_SIZE = 92;

export { AP_STATE as A, type Field as F, HEADER as H, LICENSES as L, PCI_CLASS_CODE as P, RELOCATIONS as R, VMI_API_MAJOR as V, AP_STATE_SIZE as a, HEADER_SIZE as b, PCI_DEVICE_ID as c, PCI_HEADER as d, PCI_HEADER_SIZE as e, PCI_LAST_IMAGE as f, PCI_SIGNATURE as g, PCI_VENDOR_ID as h, PNP_HEADER as i, PNP_HEADER_SIZE as j, PNP_SIGNATURE as k, ROM_BLOCK as l, ROM_MAX_BLOCKS as m, ROM_PROBE_END as n, ROM_PROBE_START as o, ROM_PROBE_STEP as p, ROM_SIGNATURE as q, type Relocation as r, VMI_API_MINOR as s, VMI_SIGNATURE as t };

// dist/rom/index.d.ts
import { r as Relocation, L as LICENSES } from '../rom.js';

/** A ROM image, checked, and what is known of it. */
interface Rom {
    readonly name: string;
    /** `0.0.0` when the image does not say. */
    readonly version: string;
    readonly api: {
        readonly major: number;
        readonly minor: number;
    };
    readonly license: string;
    /** The image: whole blocks, its sum 0. */
    readonly bytes: Uint8Array;
    /**
     * What get_reloc answers, by call, and where: known for ROMs of the builder. Undefined for others, whose get_reloc nobody but
     * the guest asks.
     */
    readonly answers: ReadonlyMap<string, RomEntry> | undefined;
    /** Scratch memory: its offset from the image's first byte (behind the image), and its bytes, maybe 0. */
    readonly scratch: {
        readonly offset: number;
        readonly length: number;
    };
    /** The scratch memory begins with the queue of updates. */
    readonly queue: boolean;
}
/** An answer of get_reloc. */
interface RomEntry {
    readonly relocation: Relocation;
    /** Offset of the function in the image; 0 for none and nop. */
    readonly offset: number;
}
/** Major equal, minor at least. */
declare function apiFits(has: {
    major: number;
    minor: number;
}, wants: {
    major: number;
    minor: number;
}): boolean;
/**
 * Checks an image. Bytes behind its length are dropped. Throws `PG_VMI_ROM_LENGTH`, `_SIGNATURE`, `_CHECKSUM`, `_VERSION`,
 * `_PCI`, `_PNP`, `_LICENSE`, `_RELOCATION`.
 */
declare function readRom(file: Uint8Array, called?: string): Rom;

/** What the author of a ROM writes: one explicit answer per call, the code that comes along, and who the ROM is. */

/** How a ROM answers a call. */
type RomAnswer = 
/** The guest keeps its native code. */
{
    readonly kind: 'none';
}
/** The guest erases its call. Refused for calls with a result or a duty. */
 | {
    readonly kind: 'nop';
}
/** A function of the ROM's objects, by symbol; `jump` for IRET and SYSEXIT that are jumped to, with no return address. */
 | {
    readonly kind: 'call' | 'jump';
    readonly symbol: string;
}
/** The machine, by a stub in the ROM. Refused for IRET and SYSEXIT. */
 | {
    readonly kind: 'host';
};
/** Leave the guest its native code. */
declare function none(): RomAnswer;
/** Let the guest erase the call. */
declare function nop(): RomAnswer;
/** Let the guest call this function of the ROM. */
declare function call(symbol: string): RomAnswer;
/** Let the guest jump to this function of the ROM: IRET and SYSEXIT only. */
declare function jump(symbol: string): RomAnswer;
/** Let the machine serve the call. */
declare function host(): RomAnswer;
/** Code of a ROM or an overlay. */
interface RomCode {
    /**
     * Relocatable objects, ELF32 for i386 (`gcc -m32 -c`). Position-independent: only PC-relative relocations, for a guest maps the
     * ROM where it likes. Beside its own and earlier objects' symbols an object may use `vmi_rom` (the ROM's first byte),
     * `vmi_scratch` (its scratch memory), `vmi_host_<call>` (a stub by which the machine serves that call), and in an overlay
     * `vmi_base_<call>` (the function that is replaced).
     */
    readonly objects?: readonly Uint8Array[];
}
/** Who a ROM is. */
interface RomIdentity {
    /** A name without spaces; the product name that a guest prints. */
    readonly name: string;
    /** Semver; major and minor, up to 255 each, are the PCI header's ROM version. */
    readonly version: string;
    /** The VMI API that the code is written for. Default 3.0. */
    readonly api?: {
        readonly major: number;
        readonly minor: number;
    };
    /**
     * The licence of all code in the ROM, as guests read it. Linux takes only these two; the builder's own code (get_reloc and the
     * like) is GPL version 2.
     */
    readonly license: (typeof LICENSES)[number];
}
interface RomDefinition extends RomIdentity, RomCode {
    /** Default `Paragraft`. */
    readonly manufacturer?: string;
    /** One answer for every call of the table (`CALLS`). */
    readonly calls: Readonly<Record<string, RomAnswer>>;
    /** Bytes of zeroed memory behind the ROM, for its own use. Rounded up to pages. Default 0. */
    readonly scratch?: number;
    /** The scratch memory begins with a queue of page-table updates that the machine is to take (machine/queue.ts). Default false. */
    readonly queue?: boolean;
    /** The guest is asked to keep virtual addresses from here up free; 0 (the default) asks for nothing. A multiple of 4 MiB. */
    readonly virtualTop?: number;
}
/** Single calls of another ROM, replaced. */
interface OverlayDefinition extends RomIdentity, RomCode {
    /** Answers of the calls that are replaced; all others are inherited. */
    readonly calls: Readonly<Record<string, RomAnswer>>;
}

/**
 * Builds a ROM. Throws `PG_VMI_ROM_DEFINITION` (name, version, scratch, virtualTop), `_HOLE` (a call without an answer),
 * `_ANSWER` (an answer that a call cannot have, a symbol that no object defines), `_CODE` (an object that cannot be linked, or
 * depends on its address), and everything that {@link readRom} throws.
 */
declare function buildRom(definition: RomDefinition): Rom;

/** Cuts or fills the image to whole blocks, and sets its length and checksum. In place where the length is right already. */
declare function seal(bytes: Uint8Array): Uint8Array;

/** A checked overlay, branded by `Symbol.for('paragraft.vmi-overlay')`. */
interface Overlay extends OverlayDefinition {
    readonly api: {
        readonly major: number;
        readonly minor: number;
    };
}
/** Checks an overlay as far as that goes without its base. Throws as `buildRom`, holes excepted. */
declare function defineOverlay(definition: OverlayDefinition): Overlay;
/** True for an overlay made by {@link defineOverlay} of any copy of this package. */
declare function isOverlay(candidate: unknown): candidate is Overlay;
/**
 * Lays an overlay over a ROM. The ROM must be one of the builder's, and of an API that the overlay was written for: major
 * equal, minor at least (`PG_VMI_ROM_VERSION`). Both licences must be the same string, since the result has one
 * (`PG_VMI_ROM_LICENSE`). Throws what `buildRom` throws for code and answers.
 */
declare function applyOverlay(base: Rom, overlay: Overlay): Rom;

/**
 * The ROMs that come along. `plain` lets every page-table update be done at once. `deferred` lets them wait in a queue, in guest
 * memory, for the end of lazy mode, a flush, or whatever else needs them, so that many cost one exit.
 *
 * Both answer what the processor does best for a guest at privilege level 0 with code in the ROM or with none, and leave to the
 * machine what it keeps books of: page tables, descriptor tables, control registers, time.
 */

declare const PLAIN: RomDefinition;
declare const DEFERRED: RomDefinition;
/** Names of the ROMs that come along. */
declare const ROM_NAMES: readonly ["plain", "deferred"];
/** Builds one of the ROMs that come along. */
declare function builtInRom(name: (typeof ROM_NAMES)[number]): Rom;

export { DEFERRED, type Overlay, type OverlayDefinition, PLAIN, ROM_NAMES, type Rom, type RomAnswer, type RomCode, type RomDefinition, type RomEntry, type RomIdentity, apiFits, applyOverlay, buildRom, builtInRom, call, defineOverlay, host, isOverlay, jump, none, nop, readRom, seal };
