// dist/index.d.ts
export { LinkOptions, LinkedObject, ObjectFile, ObjectRelocation, ObjectSection, ObjectSymbol, isElf, link, objectExtent, readObject } from '@paragraft/core/elf';
import { GuestImage, MultibootHeader, BootModule, StartOfDay, MemoryRange } from '@paragraft/core/image';
import { HostStub, GuestLayout, Graft, CallSite, LayoutResult } from '@paragraft/core/layout';
import { AdmittedSlot, AnswerKind, AdmittedOps } from '@paragraft/core/ops';
import { GuestMemory } from '@paragraft/core/ports';
import { Reservation } from '@paragraft/core/placement';
import { Head } from '@paragraft/core/head';

/** Nothing that is decompressed may be larger, unless the caller says otherwise: 256 MiB. */
declare const DEFAULT_MAX_SIZE: number;
/** How to decompress. */
interface DecompressOptions {
    /** The exact size in bytes that is expected (a bzImage declares it); anything else is corrupt. */
    size?: number;
    /** The largest output in bytes; more is `PG_IMAGE_TOO_LARGE`. Default {@link DEFAULT_MAX_SIZE}. */
    maxSize?: number;
    /** Called now and then with bytes done and, where the format tells, bytes in all. */
    onProgress?: (done: number, total: number | undefined) => void;
}

/**
 * The x86 branch filter of .xz (filter 0x04), decoding side. The encoder turned the relative targets of E8 (call) and
 * E9 (jmp) into absolute ones, which repeat and therefore compress; this turns them back, in place.
 *
 * The filter does not disassemble. It takes any E8/E9 byte whose operand's top byte is 00 or FF, and keeps a 3-bit
 * history of which of the bytes just before looked like an opcode too: where operands might overlap, both sides leave
 * the bytes alone by the same rule. Written from the description of the format, .xz file format 1.1.0 section 5.3.2.
 */
/** Decodes one block's data in place; `start` is the filter's start offset (0 unless its properties say otherwise). */
declare function decodeBcjX86(data: Uint8Array, start?: number): void;

/**
 * gzip (RFC 1952), one member: header, deflate data by fflate, CRC32 and length verified here, since fflate reads
 * past both. Output is bounded by the length that the trailer states.
 */

/** Writes a gzip file piece by piece: `push` takes bytes, `finish` gives the file, the same for the same bytes. */
interface GzipWriter {
    push(bytes: Uint8Array): void;
    finish(): Uint8Array;
}
/** `level`: 1, fast, to 9, small. */
declare function gzipWriter(level: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9): GzipWriter;
/** Decompresses a gzip file of one member. */
declare function decompressGzip(bytes: Uint8Array, options?: DecompressOptions): Uint8Array;

/** Decompresses an LZ4 legacy frame. */
declare function decompressLz4Legacy(bytes: Uint8Array, options?: DecompressOptions): Uint8Array;

/**
 * SHA-256 (FIPS 180-4), for .xz files that are checked with it. The browser's own is asynchronous and missing outside
 * secure contexts, and decompression here is synchronous.
 */
/** The digest of `bytes`: 32 bytes. */
declare function sha256(bytes: Uint8Array): Uint8Array;

/** Decompresses an .xz file: all its streams and blocks, every check verified. */
declare function decompressXz(bytes: Uint8Array, options?: DecompressOptions): Uint8Array;

/**
 * Zstandard (RFC 8878) by zstddec, which is the reference decoder in wasm. zstddec returns nothing at all for corrupt
 * input, and allocates whatever size a frame claims; so the frames are walked here first, which bounds the output, and
 * the length is checked afterwards. The decoder itself verifies a frame's checksum.
 */

/** Decompresses all frames. Asynchronous, since the decoder is instantiated at first use. */
declare function decompressZstd(bytes: Uint8Array, options?: DecompressOptions): Promise<Uint8Array>;

/** A compression that is known here. */
type Compression = 'gzip' | 'xz' | 'lz4' | 'zstd';
/** The compression of the data by its magic; undefined for none that is known. */
declare function detectCompression(bytes: Uint8Array): Compression | undefined;
/** Throws `PG_IMAGE_UNSUPPORTED`, with the name, for data in a compression that exists but is not read here. */
declare function refuseOtherCompression(bytes: Uint8Array): void;
/**
 * Decompresses, with output bounded by `size` or `maxSize`, and length and checksums verified where the format has
 * them. Throws `PG_IMAGE_CORRUPT`, `PG_IMAGE_TRUNCATED`, `PG_IMAGE_TOO_LARGE` or `PG_IMAGE_UNSUPPORTED`.
 */
declare function decompress(compression: Compression, bytes: Uint8Array, options?: DecompressOptions): Promise<Uint8Array>;

/**
 * bzImage: the Linux boot protocol's file (Linux Documentation/arch/x86/boot.rst). Two kinds come here:
 *
 * - A kernel with a compressed payload (protocol 2.08 and up). The payload is decompressed by the loader, and its ELF
 *   entered directly: the guest's own decompressor would move the kernel away from what was grafted.
 * - A program that follows the protocol but has no payload (memtest86+). Its protected-mode part is loaded at
 *   `code32_start` and entered there with ESI = the zero page: entry kind `linux32`.
 */

/** True if the bytes have the header of the Linux boot protocol. */
declare function isBzImage(bytes: Uint8Array): boolean;
/** Parses a bzImage, decompressing its payload. */
declare function parseBzImage(bytes: Uint8Array, options?: DecompressOptions): Promise<GuestImage>;

/** From bytes to a guest image: the formats are told apart by their magic, outermost first. */

/** How to read an image. */
interface ParseOptions {
    /** Refuse images for another machine with `PG_IMAGE_ARCH`; undefined takes any (for inspection). */
    machine?: 'i386' | 'x86_64';
    /** The largest decompressed image in bytes. Default 256 MiB. */
    maxSize?: number;
    /** Called while decompressing: bytes of output so far, and in all where that is known. */
    onProgress?: (done: number, total: number | undefined) => void;
}
/**
 * Parses an image of any known format, or one of these in gzip, xz, lz4 or zstd. Errors are coded:
 * `PG_IMAGE_UNKNOWN`, `PG_IMAGE_TRUNCATED`, `PG_IMAGE_CORRUPT`, `PG_IMAGE_OVERLAP`, `PG_IMAGE_TOO_LARGE`,
 * `PG_IMAGE_ARCH`, `PG_IMAGE_UNSUPPORTED`. Bytes in the result are views of the input wherever nothing had to be
 * decompressed; keep the input unchanged.
 */
declare function parseImage(bytes: Uint8Array, options?: ParseOptions): Promise<GuestImage>;

/** ELF32 executables for i386: program headers, sections, symbols, notes (gABI; i386 psABI). */

/** Parses an ELF32 executable; an ELF64 one is refused with `PG_IMAGE_ARCH`. */
declare function parseElf32(bytes: Uint8Array): GuestImage;

/**
 * ELF64 executables for x86_64, read far enough to inspect them. Virtual addresses come out signed: the kernel half
 * (0xFFFFFFFF80000000 and up) as negative numbers, which are exact where unsigned ones would not be.
 */

/** Parses an ELF64 executable; an ELF32 one is refused with `PG_IMAGE_ARCH`. */
declare function parseElf64(bytes: Uint8Array): GuestImage;

/**
 * Multiboot 1 headers (Multiboot Specification 0.6.96, section 3.1) in ELF files and in flat binaries, and the load
 * plan of the address fields (the "a.out kludge", 3.1.3).
 */

/** Finds the header: 4-byte aligned, magic + flags + checksum = 0 (mod 2^32). Undefined if there is none. */
declare function findMultiboot1(bytes: Uint8Array): MultibootHeader | undefined;
/** Parses a flat binary by its address fields; undefined if it has no multiboot header with such fields. */
declare function parseMultibootKludge(bytes: Uint8Array): GuestImage | undefined;

/**
 * `.altinstructions`: text that the kernel replaces according to processor features, after it has patched its
 * paravirtual sites. An entry that covers a site takes the call away from the table for good.
 *
 * Forms of `struct alt_instr` (arch/x86/include/asm/alternative.h), all self-relative and packed:
 *   12 bytes  5.10 … 6.2   s32 instr, s32 replacement, u16 cpuid (bit 15: NOT, since 5.13), u8 length, u8 repl. length
 *   14 bytes  6.3 …        s32 instr, s32 replacement, u16 cpuid, u16 flags (bit 0: NOT, bit 1: direct call), u8, u8
 *   13 bytes  4.0 … 5.9    s32 instr, s32 replacement, u16 cpuid, u8 length, u8 repl. length, u8 padding length
 *
 * Lock sites are no loss: `paravirt_set_cap` forces PVUNLOCK and VCPUPREEMPT when their slots are not native, and the
 * entries say NOT those. Everything else that covers a site of a replaced slot has to be neutralised before entry.
 */

/** A change that keeps one entry from ever being applied. */
interface Scrub {
    /** Address of the bytes to be changed, inside the entry. */
    va: number;
    bytes: Uint8Array;
    /** The site it saves. */
    siteVa: number;
    slot: number;
    what: string;
}

/** Pages for a graft: `pa` physical, `va` where the guest's kernel mapping shows them. */
interface Room {
    pa: number;
    va: number;
    length: number;
}

/**
 * Planning a graft: everything that will be in guest memory is computed here, and nothing is written.
 *
 * The walk of a boot with ops modules:
 *
 *   image   = await parseImage(bytes)
 *   head    = the backend's head that matches; its probe names the entry
 *   layout  = requireLayout(image)
 *   modules = ops modules, each through core's admit(module, layout)
 *   plan    = planGraft({ image, layout, modules, entry, memorySize })
 *   start   = head.place(image, { …, reserve: plan.reserve, modules: [...plan.bootModules, …] }, memory)
 *   graft   = applyGraft(memory, start, plan)                               (apply.ts)
 *   the machine runs from graft.startOfDay, with the host-op opcode valid in graft.pages where `stubs` is set
 *
 * One region of guest RAM takes it all, page by page: counters, host stubs, the installer and the counting thunks, then
 * the code of each module. Several modules go into one graft, in the order given: a later one takes a slot from an
 * earlier one, and its `pg_native_…` is then the earlier one's function.
 */

interface GraftRequest {
    image: GuestImage;
    layout: GuestLayout;
    /** At least one; a later module wins a slot that several answer. */
    modules: readonly AdmittedOps[];
    /** The entry that the head's probe named: linear address at entry. Or the one that a module brings for the head. */
    entry: number | BroughtEntry;
    /** RAM of the machine, bytes. */
    memorySize: number;
    /** True for heads that enter with paging on: the installer then uses virtual addresses. Default false. */
    paging?: boolean;
    /** Physical address below which the region must end; for further grafts of one guest. */
    below?: number;
    /** Index of the first host stub; for further grafts of one guest. Default 0. */
    firstStub?: number;
}
/** An entrypoint in a module's code: its index into {@link GraftRequest.modules}, and the symbol. */
interface BroughtEntry {
    module: number;
    symbol: string;
}
/** A host stub with the answer that its index stands for. */
interface PlannedStub extends HostStub {
    /** Index into {@link GraftRequest.modules}. */
    module: number;
    slot: number;
    op: string;
    answer: AdmittedSlot;
}
/** Where the calls of one `code` answer are counted: a 32-bit word in the region. */
interface CallCounter {
    slot: number;
    module: number;
    va: number;
    pa: number;
}
/** Who owns a slot after the graft. */
interface SlotOwner {
    slot: number;
    op: string;
    /** Module name, or `guest`. */
    owner: string;
    answer: AnswerKind;
}
/** Everything that {@link planGraft} decided. Plain data, to be handed to `applyGraft`. */
interface GraftPlan {
    request: GraftRequest;
    room: Room;
    /** The region's contents, `room.length` bytes. */
    bytes: Uint8Array;
    /** For `PlaceOptions.reserve`: keep this out of RAM, say so in the memory map. */
    reserve: Reservation[];
    /** For heads that list boot modules: the region, in place, with the modules' names and versions as command line. */
    bootModules: BootModule[];
    /** Linear address of the installer, and of the entry that it jumps to: the guest's own, or a module's for this head. */
    entry: number;
    originalEntry: number;
    pages: {
        va: number;
        pa: number;
        length: number;
        stubs: boolean;
    }[];
    hostStubs: PlannedStub[];
    counters: CallCounter[];
    installs: {
        slot: number;
        op: string;
        target: number;
    }[];
    owners: SlotOwner[];
    scrubs: (Scrub & {
        pa: number;
    })[];
}
/**
 * Plans a graft. Throws `PG_GRAFT_NO_ROOM` (with sizes), `PG_GRAFT_NO_NOP`, `PG_GRAFT_CODE` and `PG_GRAFT_SYMBOL` for code
 * answers that the object does not have, and what reading and linking the object throws (`PG_IMAGE_…`, `PG_LINK_…`).
 */
declare function planGraft(request: GraftRequest): GraftPlan;

/** A graft in place. {@link Graft.admitted} is the last module's; {@link modules} has all. */
interface AppliedGraft extends Graft {
    modules: AdmittedOps[];
    hostStubs: PlannedStub[];
    counters: CallCounter[];
    owners: SlotOwner[];
}
/**
 * Puts a plan into the memory of a guest that its head has placed, by the guest's own physical addresses. Throws `PG_GRAFT_MISMATCH` when the placed guest is not
 * what the plan was made for, `PG_GRAFT_NOT_RESERVED` when the head did not keep the region free; memory is then as before.
 */
declare function applyGraft(ram: GuestMemory, startOfDay: StartOfDay, plan: GraftPlan): AppliedGraft;
/** Calls so far of every slot that is answered by code, by slot number. `memory`: by the guest's physical addresses. */
declare function codeCalls(memory: GuestMemory, graft: Pick<AppliedGraft, 'counters'>): Map<number, number>;

/** A site is patched when it no longer goes through its slot. `memory`: by the guest's physical addresses. */
declare function isPatched(site: CallSite, layout: GuestLayout, memory: GuestMemory): boolean;
/**
 * Plans a graft for later, below those that are planned already: `entry` is the one of the modules that are installed at entry,
 * whose functions it finds in the table, `late` are others for later. Throws what `planGraft` throws.
 */
declare function planLateGraft(request: GraftRequest, entry: GraftPlan | undefined, late: readonly GraftPlan[]): GraftPlan;
/** Writes the region of a graft for later into the memory of a guest that has been placed. Throws `PG_GRAFT_NOT_RESERVED`. */
declare function placeLateGraft(ram: GuestMemory, start: StartOfDay, plan: GraftPlan): void;
/**
 * Takes the slots. `memory`: by the guest's physical addresses. Throws `PG_INSTALL_PATCHED` when the guest has patched call sites
 * of them, and `PG_INSTALL_TABLE` when one holds something else than it did at entry; the table is then as before.
 */
declare function installLateGraft(memory: GuestMemory, plan: GraftPlan): void;

declare const linuxHead: Head;

declare const multibootHead: Head;

/**
 * The memory map of a PC as firmware reports it (ACPI 6 §15, "System Address Map Interfaces"; INT 15h, AX = E820h).
 * The same list feeds the Linux zero page, the multiboot map and the run's report.
 */

/** The map of a machine with `size` bytes of RAM from 0, with the reservations cut out; sorted, without overlaps. */
declare function pcMemoryMap(size: number, reserve?: readonly Reservation[]): MemoryRange[];

/** The hardware's own heads, by the name under which a backend asks for them. */

/** Heads that every backend on PC hardware may name. */
declare const hardwareHeads: ReadonlyMap<string, Head>;

/** Finds where the guest keeps its op table. Pure: a refusal is an answer here, for `inspect`. */
declare function findLayout(image: GuestImage): LayoutResult;
/** The layout, or its coded refusal (`PG_LAYOUT_NOT_FOUND`, `PG_LAYOUT_DISAGREE`) as an error. */
declare function requireLayout(image: GuestImage): GuestLayout;

export { type AppliedGraft, type CallCounter, type Compression, DEFAULT_MAX_SIZE, type DecompressOptions, type GraftPlan, type GraftRequest, type GzipWriter, type ParseOptions, type PlannedStub, type SlotOwner, applyGraft, codeCalls, decodeBcjX86, decompress, decompressGzip, decompressLz4Legacy, decompressXz, decompressZstd, detectCompression, findLayout, findMultiboot1, gzipWriter, hardwareHeads, installLateGraft, isBzImage, isPatched, linuxHead, multibootHead, parseBzImage, parseElf32, parseElf64, parseImage, parseMultibootKludge, pcMemoryMap, placeLateGraft, planGraft, planLateGraft, refuseOtherCompression, requireLayout, sha256 };
