/** Refusals of ROMs: one code for each part that can be wrong. */
import { ParagraftError } from '@paragraft/core/errors'

/** What is wrong with a ROM; each has its page in docs/errors. */
export type RomFault =
  | 'PG_VMI_ROM_LENGTH'
  | 'PG_VMI_ROM_SIGNATURE'
  | 'PG_VMI_ROM_CHECKSUM'
  | 'PG_VMI_ROM_VERSION'
  | 'PG_VMI_ROM_PCI'
  | 'PG_VMI_ROM_PNP'
  | 'PG_VMI_ROM_LICENSE'
  | 'PG_VMI_ROM_RELOCATION'
  | 'PG_VMI_ROM_ANSWER'
  | 'PG_VMI_ROM_HOLE'
  | 'PG_VMI_ROM_CODE'
  | 'PG_VMI_ROM_DEFINITION'

/** Makes the error. */
export function romError(
  fault: RomFault,
  rom: string,
  message: string,
  hint: string,
  fields: Record<string, unknown> = {},
): ParagraftError {
  return new ParagraftError(fault, `${rom}: ${message}`, { fields: { rom, ...fields }, hint })
}
