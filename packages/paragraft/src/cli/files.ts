/** Files that the user names, read whole; what goes wrong is the user's to mend. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ParagraftError } from '@paragraft/core/errors'

/** Reads a file that the command line or a config named. Throws `PG_FILE`. */
export function readUserFile(cwd: string, file: string, what: string): Uint8Array {
  const path = resolve(cwd, file)
  try {
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : String(cause)
    throw new ParagraftError('PG_FILE', `${what} ${file} could not be read: ${why}`, {
      fields: { file: path, what },
      hint: 'Check the path; it is taken from the folder where you are.',
      cause,
    })
  }
}
