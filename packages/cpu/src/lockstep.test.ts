/** Both engines over one program with interrupts, and that a difference is found where it was made. */
import { expect, test } from 'vitest'
import { createEngine, type Engine } from './engine.ts'
import type { EngineKind } from './engine-contract.ts'
import { describeDivergence, engineSubject, type LockstepSubject, runLockstep, stateHash } from './lockstep.ts'
import { stubPorts } from './native/stub-ports.ts'
import { EBX, IDTR_BASE, IDTR_LIMIT, RAM } from './state.ts'
import { setStart } from './sys/reset.ts'

const GDT = 0x1000
const IDT = 0x2000
const PROGRAM = 0x10000
const HANDLER = 0x11000
const TICKS = 0x20000
const PERIOD = 997
const VECTOR = 0x20

const LOOP = 12
/** Integer, string, stack, x87 and SSE2 work in a loop, with HLT now and then; the handler counts ticks. */
const CODE = [
  0xdb,
  0xe3,
  0xfb, // fninit; sti
  0x31,
  0xc0,
  0x31,
  0xd2,
  0xbb,
  1,
  0,
  0,
  0, // xor eax,eax; xor edx,edx; mov ebx,1
  // loop:
  0x69,
  0xdb,
  0x0d,
  0x66,
  0x19,
  0x00, // imul ebx,ebx,0x19660d
  0x81,
  0xc3,
  0x5f,
  0xf3,
  0x6e,
  0x3c, // add ebx,0x3c6ef35f
  0x89,
  0xd8,
  0xc1,
  0xe8,
  0x12, // mov eax,ebx; shr eax,18
  0x89,
  0x1c,
  0x85,
  0,
  0,
  3,
  0, // mov [eax*4+0x30000],ebx
  0x11,
  0xda,
  0x9c,
  0x58,
  0xd1,
  0xd2, // adc edx,ebx; pushf; pop eax; rcl edx,1
  0x89,
  0xde,
  0x81,
  0xe6,
  0xff,
  0x1f,
  0,
  0, // mov esi,ebx; and esi,0x1fff
  0x81,
  0xc6,
  0,
  0,
  3,
  0, // add esi,0x30000
  0xbf,
  0,
  0,
  5,
  0,
  0xb9,
  0x25,
  0,
  0,
  0, // mov edi,0x50000; mov ecx,0x25
  0xf3,
  0xa5, // rep movsd
  0xdb,
  0x05,
  0,
  0,
  5,
  0,
  0xd9,
  0xfa,
  0xdd,
  0x1d,
  0x40,
  0,
  5,
  0, // fild [0x50000]; fsqrt; fstp qword [0x50040]
  0x66,
  0x0f,
  0x6f,
  0x05,
  0,
  0,
  5,
  0,
  0x66,
  0x0f,
  0xfe,
  0xc8, // movdqa xmm0,[0x50000]; paddd xmm1,xmm0
  0xf7,
  0xc3,
  0,
  0,
  7,
  0,
  0x75,
  1,
  0xf4, // test ebx,0x70000; jnz +1; hlt
  0xe9,
  0,
  0,
  0,
  0, // jmp loop
]
CODE.splice(CODE.length - 4, 4, ...[0, 8, 16, 24].map(n => ((LOOP - CODE.length) >> n) & 0xff))

function machine(kind: EngineKind): { engine: Engine; subject: LockstepSubject } {
  const ports = stubPorts()
  let asserted = false
  ports.acknowledgeInterrupt = () => {
    asserted = false
    engine.setIntr(false)
    return VECTOR
  }
  const engine = createEngine({ ramSize: 0x100000, engine: kind, ports })
  const m = engine.memory
  m.write32(GDT + 8, 0x0000ffff)
  m.write32(GDT + 12, 0x00cf9b00)
  m.write32(GDT + 16, 0x0000ffff)
  m.write32(GDT + 20, 0x00cf9300)
  m.write32(IDT + VECTOR * 8, (8 << 16) | (HANDLER & 0xffff))
  m.write32(IDT + VECTOR * 8 + 4, (HANDLER & 0xffff0000) | 0x8e00)
  m.write(PROGRAM, Uint8Array.from(CODE))
  // inc dword [TICKS]; iret
  m.write(HANDLER, Uint8Array.of(0xff, 0x05, 0, 0, 2, 0, 0xcf))
  const cpu = engine.processor
  setStart(cpu, { eip: PROGRAM, esp: 0x9000, cs: 8, ds: 0x10, cr0: 0x31, cr4: 0x600, gdt: { base: GDT, limit: 0x17 } })
  cpu.u32[IDTR_BASE >> 2] = IDT
  cpu.u32[IDTR_LIMIT >> 2] = 0x7ff
  const tick = (): boolean => {
    if (!asserted) engine.setIntr(true)
    asserted = true
    return true
  }
  const alone = engineSubject(engine, tick)
  let next = PERIOD
  const subject: LockstepSubject = {
    processor: cpu,
    instructions: () => engine.instructions(),
    runTo(count) {
      for (; next <= count; next += PERIOD) {
        alone.runTo(next)
        tick()
      }
      return alone.runTo(count)
    },
  }
  return { engine, subject }
}

test('both engines agree on a program with interrupts, at every comparison', async () => {
  let last: Engine | null = null
  const make = (kind: EngineKind) => () => {
    const made = machine(kind)
    last = made.engine
    return made.subject
  }
  const instructions = 150_001
  const result = await runLockstep(make('interpreter'), make('reference'), { chunk: 1000, instructions })
  expect(result.divergence && describeDivergence(result.divergence)).toBe(null)
  expect(result.instructions).toBe(instructions)
  // The timer alone has ticked 150 times; every HLT waited for one more.
  expect((last as Engine | null)?.memory.read32(TICKS)).toBeGreaterThan(149)
})

test('the chunk by which a run is cut makes no difference to it', () => {
  const [a, b] = [machine('interpreter').subject, machine('interpreter').subject]
  a.runTo(20_000)
  for (let at = 1; at <= 20_000; at += 7) b.runTo(at)
  b.runTo(20_000)
  expect(stateHash(a.processor)).toBe(stateHash(b.processor))
})

test('a difference is found at the instruction that made it', async () => {
  const wrongAt = 43_210
  const good = () => machine('interpreter').subject
  const bad = (spoil: (s: LockstepSubject) => void) => () => {
    const { subject } = machine('interpreter')
    return {
      ...subject,
      runTo(count: number) {
        if (subject.instructions() < wrongAt && count >= wrongAt) {
          subject.runTo(wrongAt)
          spoil(subject)
        }
        return subject.runTo(count)
      },
    }
  }
  const register = await runLockstep(
    good,
    bad(s => void (s.processor.u32[EBX >> 2]! ^= 4)),
    { chunk: 10_000 },
  )
  expect(register.divergence?.instructions).toBe(wrongAt - 1)
  expect(register.divergence?.differences.map(d => d.what)).toEqual(['EBX'])
  expect(register.divergence?.code.length).toBeGreaterThan(0)
  expect(register.divergence?.registersA.EBX).not.toBe(register.divergence?.registersB.EBX)

  const memory = await runLockstep(
    good,
    bad(s => s.processor.view.setUint8(RAM + 0x80001, 9)),
    { chunk: 50_000 },
  )
  expect(memory.divergence?.instructions).toBe(wrongAt - 1)
  expect(memory.divergence?.differences).toEqual([{ what: 'RAM 80000', a: '0', b: '900' }])
})
