/**
 * The ROMs that come along. `plain` lets every page-table update be done at once. `deferred` lets them wait in a queue, in guest
 * memory, for the end of lazy mode, a flush, or whatever else needs them, so that many cost one exit.
 *
 * Both answer what the processor does best for a guest at privilege level 0 with code in the ROM or with none, and leave to the
 * machine what it keeps books of: page tables, descriptor tables, control registers, time.
 */

import { buildRom } from './build.ts'
import { call, host, jump, none, nop, type RomAnswer, type RomDefinition } from './definition.ts'
import { PAGE } from './format.ts'
import { DEFERRED_OBJECT, FUNCTIONS_OBJECT } from './objects.generated.ts'
import { decodeObject } from './objects.ts'
import type { Rom } from './read.ts'

const each = (names: string, answer: (name: string) => RomAnswer): Record<string, RomAnswer> =>
  Object.fromEntries(names.split(' ').map(name => [name, answer(name)]))

const function_ = (name: string): RomAnswer => call(`vmi_${name}`)

/** What both ROMs answer alike. */
const COMMON: Readonly<Record<string, RomAnswer>> = {
  ...each('CPUID WRMSR RDMSR GetGDT GetLDT GetIDT GetTR SetCR2 GetCR0 GetCR2 GetCR3 GetCR4 CLTS', function_),
  ...each('EnableInterrupts DisableInterrupts GetInterruptMask SetInterruptMask Halt SetIOPLMask', function_),
  ...each('MachineToPhysical PhysicalToMachine APICWrite APICRead', function_),
  SYSEXIT: jump('vmi_SYSEXIT'),
  ...each('SetGDT SetLDT SetIDT SetTR WriteGDTEntry WriteLDTEntry WriteIDTEntry UpdateKernelStack', host),
  ...each('SetCR0 SetCR3 SetCR4 Reboot Shutdown AllocatePage ReleasePage InvalPage FlushTLB SetLinearMapping', host),
  ...each('SetInitialAPState GetCycleFrequency GetCycleCounter SetAlarm CancelAlarm', host),
  ...each('GetWallclockTime WallclockUpdated', host),
}

const IDENTITY = { version: '1.0.0', license: 'GPL v2' } as const

export const PLAIN: RomDefinition = {
  ...IDENTITY,
  name: 'plain',
  objects: [decodeObject(FUNCTIONS_OBJECT)],
  calls: {
    ...COMMON,
    IRET: jump('vmi_IRET'),
    ...each('RDPMC RDTSC SetDR GetDR', none),
    ...each('WBINVD IODelay SetLazyMode', nop),
    ...each('SetPxE SetPxELong UpdatePxE UpdatePxELong', host),
  },
}

export const DEFERRED: RomDefinition = {
  ...IDENTITY,
  name: 'deferred',
  objects: [decodeObject(FUNCTIONS_OBJECT), decodeObject(DEFERRED_OBJECT)],
  scratch: PAGE,
  queue: true,
  calls: {
    ...COMMON,
    IRET: call('vmi_IRET_called'),
    ...each('RDPMC RDTSC WBINVD IODelay', function_),
    ...each('SetDR GetDR', host),
    ...each('SetPxE SetPxELong UpdatePxE UpdatePxELong SetLazyMode', name => call(`vmi_deferred_${name}`)),
  },
}

/** Names of the ROMs that come along. */
export const ROM_NAMES = ['plain', 'deferred'] as const

/** Builds one of the ROMs that come along. */
export function builtInRom(name: (typeof ROM_NAMES)[number]): Rom {
  return buildRom(name === 'plain' ? PLAIN : DEFERRED)
}
