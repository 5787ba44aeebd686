/** The far end of the guest's network interface, and the file that sees its frames. */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Clock, NetPort } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import { CapturedNet, LoopbackNet, PeerNet } from '@paragraft/devices'
import type { NetSetting } from './settings.ts'

const ENDS = {
  /** Every frame comes back. */
  loopback: LoopbackNet,
  /** A host at 10.0.0.1 that answers ARP and ping. */
  peer: PeerNet,
} as const

export type NetKind = keyof typeof ENDS
/** What `--net` offers beside `none`. */
export const NET_KINDS: readonly NetKind[] = Object.keys(ENDS) as NetKind[]

/** A network ready for a machine; `close` ends its capture. */
export interface OpenNet {
  port: (clock: Clock) => NetPort
  close: () => void
}

/** Opens what was asked for. Throws `PG_CAPTURE_FILE`. */
export function openNet({ kind, capture }: NetSetting): OpenNet {
  const port = (clock: Clock): NetPort => new ENDS[kind]({ clock })
  if (capture === undefined) return { port, close: () => {} }
  const fd = open(capture)
  return {
    port: clock => new CapturedNet(port(clock), clock, bytes => void writeSync(fd, bytes)),
    close: () => closeSync(fd),
  }
}

function open(file: string): number {
  try {
    return openSync(file, 'w')
  } catch (error) {
    throw new ParagraftError(
      'PG_CAPTURE_FILE',
      `the capture ${file} could not be opened: ${(error as Error).message}`,
      {
        fields: { file },
        hint: 'Check the path given with --net.',
        cause: error,
      },
    )
  }
}
