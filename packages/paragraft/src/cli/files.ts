/** Files that the user names, read whole; what goes wrong is the user's to mend. */
import { readFileSync } from 'node:fs'
import { ParagraftError } from '@paragraft/core/errors'

/** Reads a file that the command line or a config named, by its whole path. Throws `PG_FILE`. */
export function readUserFile(path: string, what: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : String(cause)
    throw new ParagraftError('PG_FILE', `${what} ${path} could not be read: ${why}`, {
      fields: { file: path, what },
      hint: 'Check the path. On the command line it is seen from the folder where you are, in a config from that of the config.',
      cause,
    })
  }
}
