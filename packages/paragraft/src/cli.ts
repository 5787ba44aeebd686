/** The executable: the process around `main`. */
import { writeSync } from 'node:fs'
import { main } from './cli/main.ts'
import { tuneV8 } from './node.ts'

/** Writes all of it before returning, so that the guest's last words are out whatever happens next. */
function writeAll(fd: number, data: Uint8Array | string): void {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // A reader that is slow: try again. A reader that is gone: nobody is left to tell.
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
      else if (code === 'EPIPE') process.exit(0)
      else throw error
    }
  }
}

tuneV8()
process.exitCode = await main(process.argv.slice(2), {
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: data => writeAll(1, data),
  stderr: text => writeAll(2, text),
  stderrIsTerminal: process.stderr.isTTY === true,
})
