/** The page's program: fetches its job, runs it, and reports the marks. */
import { type Host, runParagraft, runV86 } from './emulators.ts'
import type { Job } from './job.ts'

/** Of the browser's interface, which this workspace has no types for, just what is used. */
declare const XMLHttpRequest: new () => {
  open(method: string, url: string, async: boolean): void
  send(body: string): void
}

const { emulator, job } = (await (await fetch('/job')).json()) as { emulator: string; job: Job }
const host: Host = {
  read: async url => new Uint8Array(await (await fetch(url)).arrayBuffer()),
  v86Wasm: '/v86.wasm',
  mark(text, instructions) {
    const request = new XMLHttpRequest()
    request.open('POST', '/mark', false)
    request.send(JSON.stringify({ text, instructions }))
  },
}
await (emulator === 'v86' ? runV86 : runParagraft)(job, host)
Object.assign(globalThis, { finished: true })
