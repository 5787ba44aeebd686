/**
 * The embedded guest in a browser: the packages as they are built, bundled as a web page would, in headless Chromium. The
 * run must be the one that Node makes.
 */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RunReport } from '@paragraft/core'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { expect } from 'vitest'
import { embeddingExample, runUnnamed } from './support/embedding.ts'
import { needs } from './support/needs.ts'
import { root, runWithReport } from './support/paragraft.ts'

const GUEST = 'guests/oldguest/oldguest.elf'

/** What the page runs; its imports resolve to each package's `dist`, as anywhere outside this workspace. */
const PAGE_SCRIPT = `
  import { createMachine, run } from 'paragraft'
  import native from '@paragraft/backend-native'
  import ops from './examples/native-ops/dist/index.js'

  const image = new Uint8Array(await (await fetch('oldguest.elf')).arrayBuffer())
  const decoder = new TextDecoder()
  const screen = document.querySelector('pre')
  const machine = await createMachine({
    image, backend: native, ops: [ops], imageName: 'oldguest.elf', memory: 64 * 2 ** 20,
    output: bytes => { screen.textContent += decoder.decode(bytes) },
  })
  const report = await run(machine, { timeout: 240 })
  window.finished = { report, output: screen.textContent }
`

/** A server of one page with this script, bundled as a web page's would be. */
async function serve(script: string): Promise<{ url: string; server: Server }> {
  const bundle = await build({
    stdin: { contents: script, resolveDir: root, sourcefile: 'page.js' },
    bundle: true,
    write: false,
    logLevel: 'error',
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  })
  const files: Record<string, [type: string, body: string | Uint8Array]> = {
    '/': ['text/html', '<!doctype html><meta charset="utf-8"><pre></pre><script type="module" src="page.js"></script>'],
    '/page.js': ['text/javascript', bundle.outputFiles[0]?.contents ?? ''],
    '/oldguest.elf': ['application/octet-stream', readFileSync(root + GUEST)],
  }
  const server = createServer((request, response) => {
    const file = files[request.url ?? '']
    response.writeHead(file ? 200 : 404, { 'content-type': file?.[0] ?? 'text/plain' })
    response.end(file?.[1])
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server }
}

/** Has a script run in a page of headless Chromium until `done` (an expression in the page) holds, and returns what `answer` is then. */
async function inPage<T>(script: string, done: string, answer: string): Promise<T> {
  const { url, server } = await serve(script)
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  })
  try {
    const page = await browser.newPage()
    const errors: string[] = []
    page.on('pageerror', error => errors.push(String(error)))
    await page.goto(url)
    await page.waitForFunction(done, undefined, { timeout: 280_000 })
    expect(errors).toEqual([])
    return (await page.evaluate(answer)) as T
  } finally {
    await browser.close()
    server.close()
  }
}

needs('chromium')(
  'oldguest with grafted ops makes the same run in Chromium as in Node',
  async () => {
    const { report, output } = await inPage<{ report: RunReport; output: string }>(
      PAGE_SCRIPT,
      'window.finished',
      'window.finished',
    )
    expect(report.stop).toEqual({ kind: 'powerOff' })
    const node = await runWithReport([GUEST, '--ops', 'examples/native-ops', '--memory', '64M'])
    expect(output).toBe(node.stdout)
    expect({ ...report, seconds: 0 }).toEqual({ ...node.report, seconds: 0 })
  },
  300_000,
)

needs('chromium')(
  'the ten lines of docs/embedding.md run a guest in a page',
  async () => {
    const title = await inPage<string>(embeddingExample('a page'), 'document.title', 'document.title')
    const { report } = await runUnnamed()
    expect(title).toBe(`powerOff after ${report.instructions} instructions`)
  },
  300_000,
)
