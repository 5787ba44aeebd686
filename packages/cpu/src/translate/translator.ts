/**
 * The translator: turns hot blocks into regions, a batch of them into a module, and keeps track of what is where, so that
 * regions find one another and go when their code is written or when there are too many.
 */
import type { Decoder } from '../decode/decode.ts'
import { BLK_COUNT, BLK_CROSS, BLK_HEAT, BLK_HOT, BLK_MODE, BLK_PHYS } from '../decode/record.ts'
import type { Blocks, Regions } from '../interp/blocks.ts'
import { RESTART } from '../interp/helpers.ts'
import type { Helpers, WasmInterpreter } from '../interp/wasm.ts'
import { MODE_BASE, MODE_CODE32, MODE_FLAT, MODE_LIMIT, MODE_STACK32, MODE_TRACE } from '../mode.ts'
import type { Processor } from '../processor.ts'
import {
  CPL,
  EIP,
  REGION_JUMP_BITS,
  REGION_JUMP_ENTRIES,
  REGION_JUMPS,
  REGION_LINKS,
  REGION_LINKS_SIZE,
} from '../state.ts'
import { type EndReason, findGraph, type Graph } from './graph.ts'
import { LOOKUP_OFFSET, LOOKUP_OFFSETS, LOOKUP_SPAN, LOOKUP_SPANS, LOOKUP_WRITE } from './lookup-word.ts'
import { assembleRegions, haveTailCalls, type RegionCode } from './module.ts'
import { type Links, RegionEmitter } from './region-emitter.ts'
import { REGION_SLOTS } from './slots.ts'
import { tidy } from './tidy.ts'

/**
 * Entries after which a block is hot, unless told otherwise. To translate an instruction, V8's compiler included, costs as
 * much as to interpret it 30,000 times: at 2,000 a boot of Linux took twice the interpreter's time, at 50,000 it took an eighth
 * longer, at 100,000 hardly longer, and a loop gets there in milliseconds.
 */
const THRESHOLD = 100_000
/**
 * A module costs as much as some ten regions: hot blocks wait until there are so many of them, or the first has waited for
 * so many turns of the run loop.
 */
const BATCH = 32
const MOST_TURNS = 20
/** Below this threshold nothing waits: somebody wants as much as possible translated. */
const EAGER = 100
/** A page that lost regions so often stays interpreted until this many instructions have passed. */
const MOST_LOSSES = 16
const LOSSES_FORGOTTEN = 50_000_000

const WANTED = MODE_CODE32 | MODE_STACK32 | MODE_FLAT
const UNWANTED = MODE_LIMIT | MODE_TRACE | MODE_BASE

/** A region that has been made or dropped, for whoever wants to see. */
export interface RegionEvent {
  readonly kind: 'made' | 'dropped'
  readonly eip: number
  readonly blocks: number
  readonly instructions: number
  readonly ends: Partial<Record<EndReason, number>>
}

export interface TranslatorStatistics {
  /** Regions made, and those of them that are in use. */
  made: number
  live: number
  modules: number
  liveModules: number
  /** Bytes of WebAssembly. */
  bytes: number
  instructions: number
  /** Why their code ends where it does. */
  ends: Partial<Record<EndReason, number>>
  /** Regions dropped because their code was written, and because room was needed. */
  overwritten: number
  retired: number
  /** Times a region was left since an access could not be done in it. */
  declined: number
}

/** The translator as everybody outside the engine sees it. */
export interface TranslatorControl {
  readonly statistics: Readonly<TranslatorStatistics>
  /** Sees regions come and go; null when nobody looks. */
  observer: ((event: RegionEvent) => void) | null
  /** Entries after which a block of code that is decoded from now on counts as hot. */
  threshold: number
  /** Drops all translated code; what is hot is translated again. */
  dropAll(): void
}

interface Region {
  readonly graph: Graph
  readonly block: number
  readonly slot: number
  readonly user: boolean
  readonly module: { live: number }
  alive: boolean
}

function overlaps({ graph }: Region, page: number, from: number, to: number): boolean {
  const bytes = graph.bytes.get(page) as number[]
  const first = from - page * 0x1000
  const last = to - page * 0x1000
  for (let i = 0; i < bytes.length; i += 2) if (bytes[i] < last && bytes[i + 1] > first) return true
  return false
}

/** Word index of an EIP's entry of REGION_JUMPS. */
function jumpEntry(eip: number): number {
  return (REGION_JUMPS >> 2) + ((eip ^ (eip >>> REGION_JUMP_BITS)) & (REGION_JUMP_ENTRIES - 1)) * 4
}
/** What else than the EIP an entry is for; never 0, since a mode is not. */
function jumpKey(mode: number, user: boolean): number {
  return mode * 2 + (user ? 1 : 0)
}

interface Wanted {
  readonly block: number
  readonly eip: number
  readonly user: boolean
}

export class Translator implements Regions, TranslatorControl {
  readonly statistics: TranslatorStatistics = {
    made: 0,
    live: 0,
    modules: 0,
    liveModules: 0,
    bytes: 0,
    instructions: 0,
    ends: {},
    overwritten: 0,
    retired: 0,
    declined: 0,
  }
  observer: ((event: RegionEvent) => void) | null = null

  readonly #cpu: Processor
  readonly #blocks: Blocks
  readonly #decoder: Decoder
  readonly #interpreter: WasmInterpreter
  readonly #memory: WebAssembly.Memory
  readonly #helpers: Helpers
  readonly #tailCalls = haveTailCalls()
  #wanted: Wanted[] = []
  #turns = 0
  /** Live regions in the order in which they were made. */
  readonly #regions = new Set<Region>()
  readonly #byPage = new Map<number, Set<Region>>()
  readonly #free: number[] = []
  /** Word that holds the slot of the region at an EIP, by EIP, mode and whether it is a user's. */
  readonly #links = new Map<string, number>()
  readonly #losses = new Map<number, { count: number; at: number }>()

  constructor(parts: {
    cpu: Processor
    blocks: Blocks
    decoder: Decoder
    interpreter: WasmInterpreter
    memory: WebAssembly.Memory
    helpers: Helpers
    threshold?: number | undefined
  }) {
    this.#cpu = parts.cpu
    this.#blocks = parts.blocks
    this.#decoder = parts.decoder
    this.#interpreter = parts.interpreter
    this.#memory = parts.memory
    this.#helpers = parts.helpers
    for (let i = REGION_SLOTS - 1; i >= 0; i--) this.#free.push(parts.interpreter.firstFree + i)
    parts.blocks.regions = this
    parts.blocks.heat = parts.threshold ?? THRESHOLD
  }

  get threshold(): number {
    return this.#blocks.heat
  }
  set threshold(entries: number) {
    this.#blocks.heat = entries
  }

  /** A block became hot at the current EIP. */
  hot(block: number): void {
    const { u32 } = this.#cpu
    const mode = u32[(block + BLK_MODE) >> 2]
    if ((mode & WANTED) !== WANTED || (mode & UNWANTED) !== 0 || u32[(block + BLK_CROSS) >> 2] !== 0) return
    const losses = this.#losses.get(u32[(block + BLK_PHYS) >> 2] >>> 12)
    if (losses !== undefined && losses.count >= MOST_LOSSES) {
      if (this.#cpu.instructions() - losses.at < LOSSES_FORGOTTEN) {
        // Ask again later.
        u32[(block + BLK_HEAT) >> 2] = u32[(block + BLK_HOT) >> 2] * 8
        return
      }
      losses.count = 0
    }
    this.#wanted.push({ block, eip: u32[EIP >> 2], user: u32[CPL >> 2] === 3 })
    if (this.#wanted.length >= BATCH || this.#blocks.heat < EAGER) this.translate()
  }

  /** The run loop begins another turn. */
  turn(): void {
    if (this.#wanted.length > 0 && ++this.#turns >= MOST_TURNS) this.translate()
  }

  /** Makes regions of what is waiting. Called where no generated code is running. */
  translate(): void {
    const wanted = this.#wanted
    if (wanted.length === 0) return
    this.#wanted = []
    this.#turns = 0
    if (this.#links.size * 4 > REGION_LINKS_SIZE - 0x4000) this.dropAll()
    const made: { region: Region; code: RegionCode }[] = []
    const module = { live: 0 }
    // Blocks of one loop become hot together: one region covers them all, and they are counted afresh.
    const covered = new Set<string>()
    for (const { block, eip, user } of wanted) {
      const mode = this.#cpu.u32[(block + BLK_MODE) >> 2]
      if (covered.has(`${eip} ${mode}`)) {
        this.#cpu.u32[(block + BLK_HEAT) >> 2] = this.#cpu.u32[(block + BLK_HOT) >> 2]
        continue
      }
      const one = this.#region(block, eip, user, module)
      if (one === null) continue
      made.push(one)
      for (const at of one.region.graph.blocks.keys()) covered.add(`${at} ${mode}`)
    }
    if (made.length === 0) return
    const { bytes, helpers } = assembleRegions(made.map(({ code }) => code))
    const imported = Object.fromEntries(helpers.map(name => [name, this.#helpers[name]]))
    const e = { m: this.#memory, t: this.#interpreter.table }
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: imported, e })
    this.statistics.modules++
    this.statistics.liveModules++
    this.statistics.bytes += bytes.length
    for (const { region } of made) this.#install(region)
    if (module.live === 0) this.statistics.liveModules--
  }

  #region(
    block: number,
    eip: number,
    user: boolean,
    module: { live: number },
  ): { region: Region; code: RegionCode } | null {
    const { u8, u16, u32, i32 } = this.#cpu
    if (u32[(block + BLK_COUNT) >> 2] === 0) return null
    const mode = u32[(block + BLK_MODE) >> 2]
    const graph = findGraph({ u8, u16, u32, i32, decoder: this.#decoder, blocks: this.#blocks, user }, eip, mode)
    if (graph === null) return null
    if (this.#free.length === 0) this.#retire()
    const slot = this.#free.pop() as number
    const links: Links = {
      tailCalls: this.#tailCalls,
      key: jumpKey(mode, user),
      word: to => this.#link(to, mode, user),
    }
    const emitter = new RegionEmitter(graph, user, links)
    const stmts = emitter.emit()
    const code = tidy(stmts, e => emitter.lookups.isHost(e))
    return { region: { graph, block, slot, user, module, alive: true }, code: { code, slot } }
  }

  #install(region: Region): void {
    const { graph, block, slot } = region
    const { statistics: s } = this
    if (!this.#blocks.setRegion(block, graph.eip, slot)) {
      this.#free.push(slot)
      return
    }
    region.module.live++
    this.#regions.add(region)
    for (const [page, [low, high]] of graph.lines) {
      const regions = this.#byPage.get(page) ?? new Set()
      this.#byPage.set(page, regions.add(region))
      this.#blocks.markRegion(page, low, high)
    }
    this.#cpu.u32[this.#link(graph.eip, graph.mode, region.user) >> 2] = slot
    this.#cpu.u32.set([graph.eip, jumpKey(graph.mode, region.user), slot], jumpEntry(graph.eip))
    s.made++
    s.live++
    s.instructions += graph.instructions
    for (const [reason, n] of Object.entries(graph.ends)) {
      s.ends[reason as EndReason] = (s.ends[reason as EndReason] ?? 0) + n
    }
    this.#tell('made', graph)
  }
  #tell(kind: RegionEvent['kind'], graph: Graph): void {
    const { eip, blocks, instructions, ends } = graph
    this.observer?.({ kind, eip, blocks: blocks.size, instructions, ends })
  }

  #link(eip: number, mode: number, user: boolean): number {
    const key = `${eip} ${mode} ${user}`
    let word = this.#links.get(key)
    if (word === undefined) {
      word = REGION_LINKS + this.#links.size * 4
      if (word >= REGION_LINKS + REGION_LINKS_SIZE) throw new Error('no room for another link of regions')
      this.#links.set(key, word)
      this.#cpu.u32[word >> 2] = 0
    }
    return word
  }

  #drop(region: Region): void {
    if (!region.alive) return
    const { graph, block, slot, module } = region
    region.alive = false
    this.#blocks.clearRegion(block)
    const word = this.#link(graph.eip, graph.mode, region.user) >> 2
    if (this.#cpu.u32[word] === slot) this.#cpu.u32[word] = 0
    const jump = jumpEntry(graph.eip)
    if (this.#cpu.u32[jump + 2] === slot) this.#cpu.u32.fill(0, jump, jump + 3)
    for (const page of graph.lines.keys()) {
      const regions = this.#byPage.get(page)
      regions?.delete(region)
      if (regions?.size === 0) this.#byPage.delete(page)
    }
    this.#regions.delete(region)
    this.#free.push(slot)
    this.statistics.live--
    if (--module.live === 0) this.statistics.liveModules--
    // If it is running, it must not go on.
    this.#cpu.attention()
    this.#tell('dropped', graph)
  }

  /** Makes room: the older half goes. */
  #retire(): void {
    let n = this.#regions.size >> 1
    for (const region of this.#regions) {
      if (n-- <= 0) break
      this.statistics.retired++
      this.#drop(region)
    }
  }

  dropAll(): void {
    for (const region of this.#regions) {
      this.statistics.retired++
      this.#drop(region)
    }
    this.#wanted = []
    this.#links.clear()
  }

  overlap(page: number, from: number, to: number): boolean {
    for (const region of this.#byPage.get(page) ?? []) if (overlaps(region, page, from, to)) return true
    return false
  }
  invalidate(page: number, from: number, to: number): void {
    let lost = false
    for (const region of [...(this.#byPage.get(page) ?? [])]) {
      if (!overlaps(region, page, from, to)) continue
      this.statistics.overwritten++
      lost = true
      this.#drop(region)
    }
    if (!lost) return
    const losses = this.#losses.get(page) ?? { count: 0, at: 0 }
    const now = this.#cpu.instructions()
    losses.count = now - losses.at > LOSSES_FORGOTTEN ? 1 : losses.count + 1
    losses.at = now
    this.#losses.set(page, losses)
  }
  lines(page: number, half: 0 | 1): number {
    let lines = 0
    for (const { graph } of this.#byPage.get(page) ?? []) lines |= (graph.lines.get(page) as [number, number])[half]
    return lines
  }

  /** Helper `regionPage` (see page-lookups.ts): the TLB entry for a look-up that missed, 0 when the interpreter has to do the access. */
  page(low: number, what: number): number {
    let entry = 0
    try {
      entry = this.#cpu.pageForRegion(
        low >>> 0,
        (what >>> LOOKUP_SPAN) & LOOKUP_SPANS,
        (what >>> LOOKUP_OFFSET) & LOOKUP_OFFSETS,
        (what & LOOKUP_WRITE) !== 0,
      )
    } catch (e) {
      // A guest may keep its page tables in a device's memory, which the walk must not look at from here.
      if (e !== RESTART) throw e
    }
    if (entry === 0) this.statistics.declined++
    return entry
  }
}
