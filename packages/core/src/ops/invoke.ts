/**
 * Running a host answer: the machine comes here when a stub's opcode was executed, with the slot's plan and a view of
 * the registers. Arguments are decoded by the op's signature, the answer runs, its result is checked and delivered.
 */
import { isParagraftError, ParagraftError } from '../errors.ts'
import type { Clock, Reporter } from '../ports.ts'
import type { AdmittedSlot } from './admission.ts'
import { type CallFrame, readArguments, writeResult } from './calling.ts'
import { opEntry, opVersion } from './catalogue.ts'
import type { Arch } from './era.ts'
import type { HostCall, ProcessorControl, StructView, VirtualMemory } from './host.ts'
import type { Signature } from './signature.ts'
import { readStruct } from './structs.ts'

/** What the machine lends to every call. */
export interface HostPorts {
  readonly memory: VirtualMemory
  readonly processor: ProcessorControl
  readonly clock: Clock
  readonly reporter: Reporter
}

interface CallFacts {
  readonly op: string
  readonly version: string
  readonly signature: Signature
  readonly arch: Arch
  readonly slot: number
  readonly slotOp: string
  readonly args: readonly (number | bigint)[]
  readonly returnAddress: number
  /** Structures that an adapter made up, by parameter name. */
  readonly structs?: Readonly<Record<string, StructView>>
}

/** A call as the answer sees it. */
export function hostCall(facts: CallFacts, ports: HostPorts): HostCall {
  const { op, version, signature, slot, slotOp, args, returnAddress } = facts
  const position = (name: string): number => {
    const n = signature.params.findIndex(param => param.name === name)
    if (n >= 0) return n
    throw new ParagraftError('PG_OPS_ARGUMENT', `${op} has no argument "${name}"`, {
      fields: { op, argument: name, prototype: signature.text },
      hint: `Its prototype is ${signature.text}.`,
    })
  }
  return {
    op,
    version,
    slot,
    slotOp,
    args,
    arg: name => args[position(name)]!,
    struct: name => {
      const n = position(name)
      return facts.structs?.[name] ?? readStruct(signature.params[n]!.to, facts.arch, Number(args[n]), ports.memory)
    },
    returnAddress,
    memory: ports.memory,
    processor: ports.processor,
    clock: ports.clock,
    reporter: ports.reporter,
  }
}

/**
 * The same call seen as a call of another op: what adapters pass on. `args` by parameter name, one for each parameter
 * of that version of the op.
 */
export function retell(
  call: HostCall,
  op: string,
  version: string,
  args: Readonly<Record<string, number | bigint>>,
  structs: Readonly<Record<string, StructView>> = {},
): HostCall {
  const { signature } = opVersion(opEntry(op), version)!
  return hostCall(
    {
      op,
      version,
      signature,
      arch: 'i386',
      slot: call.slot,
      slotOp: call.slotOp,
      args: signature.params.map(param => args[param.name]!),
      returnAddress: call.returnAddress,
      structs,
    },
    call,
  )
}

/**
 * Runs the host answer of a slot (i386). Registers change only when everything went well: the result's, nothing else.
 *
 * Throws `PG_HOST_THREW` (the answer threw; the cause is kept, coded errors pass as they are), `PG_HOST_ASYNC` (it
 * returned a promise), `PG_HOST_RESULT` (its result does not fit the op).
 */
export function runHostAnswer(admitted: AdmittedSlot, frame: CallFrame, ports: HostPorts): void {
  const { slot, convention, host } = admitted
  if (!host || !convention) {
    throw new ParagraftError('PG_HOST_SLOT', `slot ${slot.slot} (${slot.op}) has no host answer`, {
      fields: { slot: slot.slot, op: slot.op, answer: admitted.answer.kind },
      hint: 'A stub was executed for a slot that is not answered by a host function; this is a bug in the graft.',
    })
  }
  const { signature } = opVersion(opEntry(slot.op), slot.version)!
  const call = hostCall(
    {
      op: slot.op,
      version: slot.version,
      signature,
      arch: convention.arch,
      slot: slot.slot,
      slotOp: slot.op,
      args: readArguments(convention, signature, frame),
      returnAddress: frame.readStack(0),
    },
    ports,
  )
  let value: unknown
  try {
    value = host(call)
  } catch (cause) {
    if (isParagraftError(cause)) throw cause
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new ParagraftError('PG_HOST_THREW', `the host answer to ${slot.op} threw: ${said}`, {
      fields: { op: slot.op, slot: slot.slot },
      hint: 'The module is at fault; its exception is the cause of this error.',
      cause,
    })
  }
  if (typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function') {
    // Nobody will wait for it: without a handler its rejection would end the process.
    Promise.resolve(value).catch(() => {})
    throw new ParagraftError('PG_HOST_ASYNC', `the host answer to ${slot.op} returned a promise`, {
      fields: { op: slot.op, slot: slot.slot },
      hint: 'The guest cannot wait: answer synchronously.',
    })
  }
  writeResult(convention, signature, value, frame, slot.op)
}
