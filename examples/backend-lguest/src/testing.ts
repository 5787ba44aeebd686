/** Memory and a processor that a test can look into. */
import type { DeprivilegedPort, GuestContext, GuestRegister } from '@paragraft/core/ops'
import type { GuestMemory } from '@paragraft/core/ports'

export function arrayMemory(size: number): GuestMemory {
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  return {
    size,
    read8: pa => view.getUint8(pa),
    read16: pa => view.getUint16(pa, true),
    read32: pa => view.getUint32(pa, true),
    write8: (pa, value) => view.setUint8(pa, value),
    write16: (pa, value) => view.setUint16(pa, value, true),
    write32: (pa, value) => view.setUint32(pa, value, true),
    read: (pa, length) => bytes.slice(pa, pa + length),
    write: (pa, from) => bytes.set(from, pa),
    fill: (pa, value, length) => void bytes.fill(value, pa, pa + length),
  }
}

/** What was asked of the processor, and what a test lets it say. */
export class FakeProcessor {
  readonly log: string[] = []
  readonly registers: Record<GuestRegister, number> = {
    ...{ EAX: 0, ECX: 0, EDX: 0, EBX: 0, ESP: 0, EBP: 0, ESI: 0, EDI: 0 },
    ...{ EIP: 0, EFLAGS: 0x202 },
  }
  level = 1
  selectors = { cs: 0x61, ss: 0x69 }
  limits = [-1, -1]
  entered: GuestContext | undefined
  cr0 = 0x8005_0033
  cr3 = 0
  line = false

  readonly processor = {
    writeCr: (number: number, value: number) => {
      this.log.push(`cr${number} ${value.toString(16)}`)
      if (number === 0) this.cr0 = value
      if (number === 3) this.cr3 = value
    },
    readCr: () => this.cr0,
    invlpg: (va: number) => void this.log.push(`invlpg ${va.toString(16)}`),
    flushTlb: () => void this.log.push('flush'),
    ioRead: (port: number, size: number) => (port ^ size) >>> 0,
    ioWrite: (port: number, size: number, value: number) => void this.log.push(`out ${port} ${size} ${value}`),
    readDr: (number: number) => number,
    writeDr: (number: number, value: number) => void this.log.push(`dr${number} ${value}`),
    setInterrupts: (on: boolean) => void this.log.push(on ? 'sti' : 'cli'),
    halt: () => void this.log.push('hlt'),
  }

  readonly intr = {
    set: (level: boolean) => {
      this.line = level
    },
  }

  /** As much of the port as is used here. */
  readonly deprivileged = {
    cpl: () => this.level,
    get: (register: GuestRegister) => this.registers[register],
    set: (register: GuestRegister, value: number) => {
      this.registers[register] = value
    },
    segment: (name: string) => ({ selector: name === 'CS' ? this.selectors.cs : this.selectors.ss, base: 0 }),
    setTables: (gdt: number, ldt: number) => {
      this.limits = [gdt, ldt]
    },
    enter: (context: GuestContext) => {
      this.entered = context
      return true
    },
  } as unknown as DeprivilegedPort
}
