/**
 * Jobs in a page of headless Chromium. The page reports a mark by a synchronous request, so that it stands still while the
 * CPU time of the browser's renderers is read here.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { rendererCpuSeconds } from './clocks.ts'
import type { Job, Mark } from './job.ts'
import { type RunOptions, Unfinished } from './subjects.ts'

const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
const PAGE = '<!doctype html><meta charset="utf-8"><title>bench</title><script type="module" src="page.js"></script>'

/** What the page sends with a mark. */
interface PageMark {
  text: string
  instructions: number
}

export async function runInChromium(
  executablePath: string,
  emulator: string,
  job: Job,
  { timeout, onMark }: RunOptions,
): Promise<Mark[]> {
  const marks: Mark[] = []
  const profile = mkdtempSync(join(tmpdir(), 'paragraft-bench-'))
  // Files go by numbers: whatever they are called here, the page asks for /0, /1 …
  const files: string[] = []
  const offered = (file: string | undefined): string | undefined =>
    file === undefined ? undefined : `/${files.push(file) - 1}`
  const pageJob = {
    ...job,
    image: offered(job.image),
    initrd: offered(job.initrd),
    bios: offered(job.bios),
    vgaBios: offered(job.vgaBios),
  }
  const texts: Record<string, [type: string, body: () => string | Uint8Array]> = {
    '/': ['text/html', () => PAGE],
    '/page.js': ['text/javascript', () => readFileSync(new URL('page.js', import.meta.url))],
    '/job': ['application/json', () => JSON.stringify({ emulator, job: pageJob })],
    '/v86.wasm': [
      'application/wasm',
      () => readFileSync(fileURLToPath(new URL('v86.wasm', import.meta.resolve('v86')))),
    ],
  }
  const server = createServer((request, response) => {
    const url = request.url ?? ''
    if (request.method === 'POST') {
      let body = ''
      request.on('data', chunk => (body += chunk))
      request.on('end', () => {
        const mark: Mark = { ...(JSON.parse(body) as PageMark), cpuSeconds: rendererCpuSeconds(process.pid) }
        marks.push(mark)
        onMark?.(mark)
        response.end()
      })
      return
    }
    const file = files[Number(url.slice(1))]
    const [type, body] = texts[url] ?? ['application/octet-stream', () => readFileSync(file as string)]
    if (texts[url] === undefined && (url === '/' || file === undefined)) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': type }).end(body())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args: ARGUMENTS })
  try {
    const page = await browser.newPage()
    const failed = new Promise<never>((_, reject) => {
      page.on('pageerror', error => reject(new Unfinished(`the page failed: ${error.message}`, marks)))
      page.on('crash', () => reject(new Unfinished('the page crashed', marks)))
    })
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await Promise.race([failed, page.waitForFunction('window.finished', undefined, { timeout: timeout * 1000 })])
    return marks
  } catch (error) {
    throw error instanceof Unfinished ? error : new Unfinished((error as Error).message, marks)
  } finally {
    await browser.close()
    server.close()
    rmSync(profile, { recursive: true, force: true })
  }
}
