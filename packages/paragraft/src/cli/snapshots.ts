/** Snapshots on the command line: the file that a run goes on from, and the one that it is saved in. */
import { renameSync, writeFileSync } from 'node:fs'
import { ParagraftError } from '@paragraft/core/errors'
import type { PcMachine } from '../machine.ts'
import { type Moment, parseMoment } from '../moment.ts'
import { formatSize } from './quantities.ts'
import { usageError } from './usage.ts'

/** What a run is asked about snapshots. */
export interface SnapshotSettings {
  /** Go on from this file. */
  restore?: string | undefined
  /** Save into this file, at a moment or else when the run ends. */
  save?: { file: string; at?: Moment } | undefined
}

/** Checks the options against one another. Throws `PG_USAGE`. */
export function snapshotSettings(
  { restore, snapshot, 'snapshot-at': at }: { restore?: string; snapshot?: string; 'snapshot-at'?: string },
  path: (file: string) => string,
): SnapshotSettings {
  if (at !== undefined && snapshot === undefined) {
    throw usageError('--snapshot-at says when, and nothing says where', 'Give --snapshot FILE, too.')
  }
  return {
    restore: restore === undefined ? undefined : path(restore),
    save:
      snapshot === undefined
        ? undefined
        : { file: path(snapshot), ...(at === undefined ? {} : { at: parseMoment(at, '--snapshot-at') }) },
  }
}

/** Saves a machine into a file, which is there whole or not at all; says so. Throws `PG_SNAPSHOT_…` and `PG_FILE`. */
export function saveSnapshot(machine: PcMachine, file: string, say: (text: string) => void): void {
  const bytes = machine.snapshot()
  const unfinished = `${file}.unfinished`
  try {
    writeFileSync(unfinished, bytes)
    renameSync(unfinished, file)
  } catch (cause) {
    throw new ParagraftError('PG_FILE', `the snapshot ${file} could not be written: ${(cause as Error).message}`, {
      fields: { file },
      hint: 'Check the path given with --snapshot, and the space on the disk.',
      cause,
    })
  }
  const at = `${machine.instructions().toLocaleString('en')} instructions, ${(machine.clock.now() / 1e9).toFixed(3)} s`
  say(`paragraft: saved as ${file} (${formatSize(bytes.length)}) after ${at}\n`)
}
