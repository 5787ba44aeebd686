/**
 * The composition root: engine, devices, backend, loader and ops modules put together into one machine. Everything that
 * can be refused is refused here, before the first instruction.
 */
import {
  type BackendInstance,
  type BackendOptionValues,
  type BoardPort,
  checkBackendOptions,
  type DeprivilegedPort,
  type DeviceInstance,
  type ExitCounts,
  FIRST_HOST_CALL,
  type GuestImage,
  type GuestLayout,
  guestPhysical,
  type Head,
  type HypercallInstruction,
  isParagraftError,
  type MmioBus,
  type NetPort,
  type OpsModule,
  ParagraftError,
  type PowerPort,
  type ProcessorPorts,
  ramAddress,
  runHostAnswer,
  type StartOfDay,
} from '@paragraft/core'
import {
  backendProcessor,
  callFrame,
  createEngine,
  DEFAULT_CPUID,
  deprivilegedPort,
  type Engine,
  GuestFault,
  hypercallFrame,
  processorControl,
  registerStubPages,
  registersOf,
  setA20,
  setStart,
  virtualMemory,
} from '@paragraft/cpu'
import { createPcDevices, installFirmwareTables, MmioMap, type PcDevices, PortBus } from '@paragraft/devices'
import { type AppliedGraft, applyGraft, findLayout, type GraftPlan, parseImage } from '@paragraft/loader'
import { Bookkeeper } from './bookkeeper.ts'
import { chooseOps } from './choose-ops.ts'
import { ConsoleHub } from './console.ts'
import { ENGINE_KINDS } from './engines.ts'
import { chooseHead, planLateOps, planOps, waysIn } from './heads.ts'
import { LateOps } from './late-ops.ts'
import { PcMachine } from './machine.ts'
import {
  checkBackend,
  checkMemory,
  checkTime,
  commandLineFor,
  DEFAULT_MEMORY,
  disksOf,
  type MachineConfig,
  NS_PER_INSTRUCTION,
  RTC_EPOCH_SECONDS,
} from './machine-config.ts'
import { holeyBus } from './memory-holes.ts'
import { REGISTRATION_PORT, Registration } from './registration.ts'
import { ReportLog } from './reporter.ts'
import { Scheduler } from './scheduler.ts'
import { readHeader } from './snapshot/format.ts'
import { checkMachine, describeMachine } from './snapshot/identity.ts'
import { restoreMachine, type SavedParts, saveMachine } from './snapshot/machine.ts'

const PAGE = 4096
/** Invalid opcode and page fault (SDM vol. 3A, table 6-1). */
const VEC_UD = 6
const VEC_PF = 14

/** Builds a machine, ready for its first instruction. Throws coded errors; nothing outlives a refusal. */
export async function createMachine(config: MachineConfig): Promise<PcMachine> {
  const saved = config.snapshot === undefined ? undefined : readHeader(config.snapshot)
  const memorySize = checkMemory(config.memory ?? saved?.memory ?? DEFAULT_MEMORY)
  checkBackend(config)
  config.progress?.(`reading ${config.imageName ?? 'the image'}`)
  const image = await parseImage(config.image, {
    machine: 'i386',
    onProgress: (done: number, total?: number) => config.progress?.('decompressing', done, total),
  })
  const modules = await chooseOps(config, image)
  const [later, atEntry] = [modules.filter(isLate), modules.filter(module => !isLate(module))]
  const { head, entry, brought } = chooseHead(config.backend, image, waysIn(image, atEntry, memorySize))
  const plan = brought?.plan ?? (atEntry.length === 0 ? undefined : planOps(image, atEntry, entry, head, memorySize))
  const late = new LateOps(planLateOps(image, later, plan, entry, memorySize))
  config.progress?.(`placing ${image.format.join(', ')} by the ${head.name} head`)
  const assembly = new Assembly(config, memorySize, head, modules, late)
  // What differs is said before anything is built on it.
  if (saved !== undefined) checkMachine(saved, assembly.identity())
  return assembly.build(brought?.image ?? image, plan)
}

function isLate({ install = 'entry' }: OpsModule): boolean {
  return install !== 'entry'
}

class Assembly {
  readonly #config: MachineConfig
  readonly #engine: Engine
  readonly #scheduler: Scheduler
  readonly #console: ConsoleHub
  readonly #reports: ReportLog
  readonly #io: PortBus
  readonly #mmio: MmioMap
  readonly #exits: ExitCounts = { io: 0, mmio: 0, msr: 0, cpuid: 0, hypercall: 0, hlt: 0, exception: 0 }
  /** Instruction count at the last HLT. */
  #haltedAt = -1
  #machine: PcMachine | null = null
  #backend: BackendInstance = {}
  readonly #ports: ProcessorPorts
  readonly #options: BackendOptionValues
  #graft: AppliedGraft | undefined
  #board: PcDevices | undefined
  #books: Bookkeeper | null = null
  #net: NetPort | undefined
  readonly #devices: { name: string; instance: DeviceInstance }[] = []
  readonly #head: Head
  readonly #ops: readonly OpsModule[]
  readonly #late: LateOps
  #registration: Registration | undefined
  readonly #time: { nsPerInstruction: number; rtcEpochSeconds: number }

  constructor(config: MachineConfig, memorySize: number, head: Head, ops: readonly OpsModule[], late: LateOps) {
    this.#config = config
    this.#late = late
    this.#head = head
    this.#ops = ops
    this.#time = {
      nsPerInstruction: checkTime(config.nsPerInstruction ?? NS_PER_INSTRUCTION),
      rtcEpochSeconds: config.rtcEpochSeconds ?? RTC_EPOCH_SECONDS,
    }
    this.#options = checkBackendOptions(config.backend, config.backendOptions)
    this.#reports = new ReportLog(({ key, message }) => this.#machine?.said(key, message))
    this.#io = new PortBus(this.#reports, ns => this.#scheduler.spend(ns))
    this.#mmio = new MmioMap(this.#reports)
    this.#ports = this.#processorPorts()
    const engine = createEngine({
      ramSize: memorySize,
      ports: this.#ports,
      engine: ENGINE_KINDS[config.engine ?? 'auto'],
      cpuid: DEFAULT_CPUID,
      // A time-stamp counter of 1 GHz: it counts virtual nanoseconds, idle ones too.
      cycles: () => this.#scheduler.now(),
      cyclesPerInstruction: this.#time.nsPerInstruction,
    })
    this.#engine = engine
    if (config.onInstruction) engine.setTrace(config.onInstruction)
    config.onEngine?.(engine)
    this.#scheduler = new Scheduler(
      {
        run: max => {
          const why = engine.run(max)
          if (why === 'halt') this.#halted(engine.instructions())
          return why
        },
        instructions: () => engine.instructions(),
        shorten: count => engine.shorten(count),
        requestExit: () => engine.requestExit(),
        registers: () => registersOf(engine.processor),
        awaited: () => this.#backend.wakes?.() ?? false,
      },
      this.#time.nsPerInstruction,
    )
    this.#console = new ConsoleHub({
      output: config.output,
      stamp: () => ({ instructions: engine.instructions(), virtualNs: this.#scheduler.now() }),
    })
  }

  /** The processor waits; how often it is asked to go on meanwhile is not the guest's doing. */
  #halted(at: number): void {
    if (at === this.#haltedAt) return
    this.#haltedAt = at
    this.#exits.hlt++
  }

  build(image: GuestImage, plan: GraftPlan | undefined): PcMachine {
    const { memory, processor } = this.#engine
    const backend = this.#config.backend
    this.#plugDevices()
    const start = this.#place(image, plan)
    const layout = this.#graft?.layout ?? layoutOf(image)
    this.#books = layout === undefined ? null : this.#keepBooks(layout, start)
    const modules = this.#ops.map(({ name, version, install }) => {
      return { name, version, ...(install === undefined ? {} : { install }) }
    })
    this.#machine = new PcMachine({
      scheduler: this.#scheduler,
      memory,
      console: this.#console,
      reports: this.#reports,
      books: this.#books,
      backendName: backend.name,
      headName: this.#head.name,
      modules,
      registers: () => registersOf(processor),
      instructions: () => this.#engine.instructions(),
      exits: () => ({ ...this.#exits, cpuid: processor.cpuidCount }),
      counts: () => this.#backend.counts?.() ?? {},
      screen: () => this.#board?.vga.screen() ?? [],
      key: scancode => this.#board?.i8042.key(scancode),
      snapshot: () => saveMachine(parts, this.identity()),
      install: module => this.#late.install(module, 'embedder'),
    })
    if (this.#books !== null) {
      this.#late.attach({
        memory: guestPhysical(memory, start),
        virtual: virtualMemory(processor),
        books: this.#books,
        now: () => ({ virtualNs: this.#scheduler.now(), instructions: this.#engine.instructions() }),
        onInstalled: installed => this.#machine?.installed(installed),
      })
    }
    const parts = this.#parts(this.#machine)
    const { snapshot } = this.#config
    if (snapshot !== undefined) restoreMachine(parts, snapshot)
    return this.#machine
  }

  /** The board, if the backend wants one, and the backend itself, each on narrow ports. */
  #plugDevices(): void {
    const { memory, processor } = this.#engine
    const { clock } = this.#scheduler
    const { backend, net } = this.#config
    const disks = disksOf(this.#config)
    const { rtcEpochSeconds: epochSeconds } = this.#time
    this.#net = net?.(clock)
    const common = {
      memory,
      clock,
      power: this.#power(),
      reporter: this.#reports,
      intr: { set: (level: boolean) => this.#engine.setIntr(level) },
      nmi: { set: (level: boolean) => level && this.#engine.raiseNmi() },
    }
    const mmio = holeyBus(this.#mmio, processor)
    if ((backend.board ?? 'pc') === 'pc') {
      this.#board = createPcDevices({
        ...common,
        ioBus: this.#io,
        mmioBus: mmio,
        a20: { set: open => setA20(processor, open) },
        console: this.#console.port(() => this.#board?.uart.ready() ?? false),
        debugConsole: this.#console.port(() => false),
        rtcEpochSeconds: epochSeconds,
        memorySize: memory.size,
        disks,
      })
    }
    this.#addDevices(mmio)
    // A backend's console listens once the backend has set its `onInput`.
    const port = this.#console.port(() => port.onInput !== null)
    const board = this.#boardPort()
    this.#backend = backend.create({
      ...common,
      ...(board === undefined ? {} : { board }),
      options: this.#options,
      hostCalls: { allow: (pa, length) => registerStubPages(processor, pagesOf(pa, length)) },
      epochSeconds,
      io: this.#io,
      mmio,
      console: port,
      crash: (code, message) => this.#machine?.fault('crash', code, message),
      processor: backendProcessor(processor),
      deprivileged: this.#deprivileged(),
      virtual: virtualMemory(processor),
      disks,
      nets: this.#net === undefined ? [] : [this.#net],
    })
  }

  /** The user's devices, each on narrow ports. */
  #addDevices(mmio: MmioBus): void {
    const board = this.#board
    for (const { name, create } of this.#config.devices ?? []) {
      const instance = create({
        memory: this.#engine.memory,
        clock: this.#scheduler.clock,
        io: this.#io,
        mmio,
        reporter: this.#reports,
        epochSeconds: this.#time.rtcEpochSeconds,
        irq: irq => board?.isaLine(irq) ?? refuseIrq(name, irq),
        plug: card => board?.plug(card),
      })
      this.#devices.push({ name, instance })
    }
  }

  /** What a deprivileged guest says by INT n is for its hypervisor, and counts as a call. */
  #deprivileged(): DeprivilegedPort {
    const port = deprivilegedPort(this.#engine.processor, () => this.#engine.executeOne())
    return {
      ...port,
      begin: monitor =>
        port.begin({
          event: event => {
            if (event.source === 'int') this.#exits.hypercall++
            return monitor.event(event)
          },
          descriptors: (table, page) => monitor.descriptors(table, page),
        }),
    }
  }

  /** The board for the backend; undefined without one. */
  #boardPort(): BoardPort | undefined {
    const board = this.#board
    if (board === undefined) return undefined
    return {
      plug: card => board.plug(card),
      timerIrq: () => board.timerIrq(),
      apicTimer: () => board.apic.expireTimer(),
    }
  }

  /** The guest into memory, by its head; the graft upon it; the processor at its first instruction. */
  #place(image: GuestImage, plan: GraftPlan | undefined): StartOfDay {
    const { memory, processor } = this.#engine
    const head = this.#head
    const { initrd, imageName, modules } = this.#config
    const plans = [...(plan === undefined ? [] : [plan]), ...this.#late.plans]
    const acpiRsdp = this.#board === undefined ? undefined : installFirmwareTables(memory).rsdp
    const start = head.place(
      image,
      {
        commandLine: commandLineFor(this.#config, head),
        modules: [...plans.flatMap(({ bootModules }) => bootModules), ...(modules ?? [])],
        ...(plans.length === 0 ? {} : { reserve: plans.flatMap(({ reserve }) => reserve) }),
        ...(acpiRsdp === undefined ? {} : { acpiRsdp }),
        ...(initrd === undefined ? {} : { initrd }),
        ...(imageName === undefined ? {} : { imageName }),
      },
      memory,
    )
    this.#offerRegistration()
    // Without this port the processor knows that its answers stay what they are.
    if (this.#backend.cpuid || this.#registration) {
      this.#ports.cpuid = (leaf, subleaf, own) =>
        this.#registration?.cpuid(leaf) ?? this.#backend.cpuid?.(leaf, subleaf, own)
    }
    this.#late.place(memory, start)
    this.#graft = plan === undefined ? undefined : applyGraft(memory, start, plan)
    const startOfDay = this.#graft?.startOfDay ?? start
    setStart(processor, startOfDay.registers)
    this.#backend.start?.(startOfDay)
    for (const { pa, length, stubs } of plans.flatMap(({ pages }) => pages)) {
      if (stubs)
        registerStubPages(
          processor,
          pagesOf(pa, length).map(page => ramAddress(start, page * PAGE) / PAGE),
        )
    }
    processor.onException = ({ vector, errorCode, cr2 }) => {
      this.#exits.exception++
      if (this.#backend.exception?.({ vector, errorCode, address: cr2 })) return true
      if (vector === 14) this.#watchStubs(cr2)
      return false
    }
    return startOfDay
  }

  /** A page fault at a stub: the guest does not map what was grafted, and no answer will ever be reached. */
  #watchStubs(address: number): void {
    const pages = [...(this.#graft?.pages ?? []), ...this.#late.plans.flatMap(plan => plan.pages)]
    const page = pages.find(({ va, length }) => address >= va && address < va + length)
    if (page === undefined) return
    this.#machine?.fault(
      'host-op',
      'PG_HOST_UNMAPPED',
      `the guest called an op at 0x${address.toString(16)}, where its page tables do not map the grafted module`,
    )
  }

  /** A guest that may ask for ops finds out whom to ask. */
  #offerRegistration(): void {
    if (this.#late.requestable.length === 0) return
    this.#registration = new Registration(this.#late, this.#reports)
    this.#io.claim(REGISTRATION_PORT, 4, this.#registration, 'ops registration')
  }

  #keepBooks(layout: GuestLayout, start: StartOfDay): Bookkeeper {
    return new Bookkeeper({
      layout,
      memory: guestPhysical(this.#engine.memory, start),
      probe: pa => this.#engine.addProbe(ramAddress(start, pa)),
      ...(this.#graft === undefined ? {} : { graft: this.#graft }),
    })
  }

  /** What the machine is made of, as far as a snapshot depends on it. */
  identity(): Record<string, string> {
    const { image, backend, net, devices = [] } = this.#config
    return describeMachine({
      image,
      memory: this.#engine.memory.size,
      backend,
      backendOptions: this.#options,
      head: this.#head.name,
      ops: this.#ops,
      disks: disksOf(this.#config),
      net: net !== undefined,
      devices,
      ...this.#time,
    })
  }

  /** Everything that a snapshot keeps. */
  #parts(machine: PcMachine): SavedParts {
    return {
      engine: this.#engine,
      scheduler: this.#scheduler,
      definition: this.#config.backend,
      backend: this.#backend,
      board: this.#board,
      net: this.#net,
      devices: this.#devices,
      ops: this.#ops,
      books: this.#books,
      late: this.#late,
      registration: this.#registration,
      exits: {
        save: () => ({ counts: { ...this.#exits }, haltedAt: this.#haltedAt }),
        restore: ({ counts, haltedAt }: { counts: ExitCounts; haltedAt: number }) => {
          Object.assign(this.#exits, counts)
          this.#haltedAt = haltedAt
        },
      },
      console: this.#console,
      replay: machine.replaying,
      ports: this.#io,
      reports: this.#reports,
    }
  }

  #power(): PowerPort {
    return {
      powerOff: () => this.#machine?.stop({ kind: 'powerOff' }),
      reset: why => this.#machine?.stop({ kind: 'reset', why }),
      debugExit: value => this.#machine?.stop({ kind: 'debugExit', value }),
    }
  }

  #processorPorts(): ProcessorPorts {
    const exits = this.#exits
    const { onIo } = this.#config
    return {
      ioRead: (port, size) => {
        exits.io++
        const value = this.#io.ioRead(port, size)
        onIo?.({ instructions: this.#engine.instructions(), write: false, port, size, value })
        return value
      },
      ioWrite: (port, size, value) => {
        exits.io++
        onIo?.({ instructions: this.#engine.instructions(), write: true, port, size, value })
        this.#io.ioWrite(port, size, value)
      },
      mmioRead: (pa, size) => {
        exits.mmio++
        return this.#mmio.mmioRead(pa, size)
      },
      mmioWrite: (pa, size, value) => {
        exits.mmio++
        this.#mmio.mmioWrite(pa, size, value)
      },
      readMsr: index => {
        exits.msr++
        return this.#backend.readMsr?.(index) ?? this.#board?.apic.readMsr(index)
      },
      writeMsr: (index, value) => {
        exits.msr++
        return this.#backend.writeMsr?.(index, value) || (this.#board?.apic.writeMsr(index, value) ?? false)
      },
      acknowledgeInterrupt: () => this.#backend.acknowledgeInterrupt?.() ?? this.#board?.interrupt.acknowledge() ?? 0,
      hypercall: instruction => this.#hypercall(instruction),
      hostOp: index => this.#hostOp(index),
      ferr: level => this.#board?.ferr.set(level),
      // The engine's run returns `shutdown`; the scheduler makes the stop.
      shutdown: () => {},
      reporter: this.#reports,
    }
  }

  #hypercall(instruction: HypercallInstruction): boolean | 'again' {
    const claimed = this.#backend.hypercall?.(hypercallFrame(this.#engine.processor, instruction)) ?? false
    if (claimed !== false) this.#exits.hypercall++
    return claimed
  }

  /** The backend's own guest code calls the backend. What its ports refuse is the exception that the guest asked for. */
  #hostCall(index: number): void {
    this.#exits.hypercall++
    try {
      if (this.#backend.hostCall?.(index, callFrame(this.#engine.processor))) return
    } catch (error) {
      if (!isParagraftError(error)) throw error
      const exception = exceptionOf(error)
      if (exception !== undefined) throw exception
      this.#machine?.fault('host-op', error.code, error.message)
      return
    }
    throw new GuestFault(VEC_UD)
  }

  /** A stub was executed: its answer runs. What goes wrong in it stops the guest, not us. */
  #hostOp(index: number): void {
    if (index >= FIRST_HOST_CALL) {
      this.#hostCall(index)
      return
    }
    const stub = this.#graft?.hostStubs[index] ?? this.#late.stub(index)
    if (stub === undefined) {
      this.#machine?.fault('host-op', 'PG_HOST_STUB', `the guest executed a host op ${index} that nobody planted`)
      return
    }
    this.#exits.hypercall++
    this.#books?.hostCalled(stub.slot)
    const { processor } = this.#engine
    const frame = callFrame(processor)
    try {
      this.#config.onOpCall?.({
        instructions: this.#engine.instructions(),
        slot: stub.slot,
        op: stub.op,
        returnAddress: frame.readStack(0),
      })
      runHostAnswer(stub.answer, frame, {
        memory: virtualMemory(processor),
        processor: processorControl(processor),
        clock: this.#scheduler.clock,
        reporter: this.#reports,
      })
    } catch (error) {
      if (!isParagraftError(error)) throw error
      this.#machine?.fault('host-op', error.code, error.message)
    }
  }
}

/** The exception that a port's refusal stands for, when it was the guest's call that asked; undefined for other errors. */
function exceptionOf(error: ParagraftError): GuestFault | undefined {
  const { vector, errorCode, cr2 } = error.fields as Partial<Record<string, number>>
  if (error.code === 'PG_HOST_PROCESSOR' && vector !== undefined) return new GuestFault(vector, errorCode)
  if (error.code === 'PG_HOST_MEMORY') return new GuestFault(VEC_PF, errorCode, cr2)
  return undefined
}

function refuseIrq(device: string, irq: number): never {
  throw new ParagraftError('PG_DEVICE_IRQ', `${device}: interrupt line ${irq} is not to be had`, {
    fields: { device, irq },
    hint: 'Take one that no device of the board has for itself: 3, 5, 6, 7, 12, 14 or 15; 9, 10 and 11 are shared with PCI.',
  })
}

/** Numbers of the pages of a range of whole pages. */
function pagesOf(pa: number, length: number): number[] {
  return Array.from({ length: Math.ceil(length / PAGE) }, (_, page) => Math.floor(pa / PAGE) + page)
}

/** The layout of a guest that keeps its own ops, for the ledger; undefined when it has no table. */
function layoutOf(image: GuestImage): GuestLayout | undefined {
  const result = findLayout(image)
  return result.found ? result.layout : undefined
}
