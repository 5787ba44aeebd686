/**
 * A registry of our own for the length of a test: verdaccio on a free port of this machine, its storage in a temporary folder,
 * and no way out. What is not published to it cannot be installed from it.
 */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { runServer } from 'verdaccio'
import { root } from '../support/paragraft.ts'

/** npm wants to be somebody when it publishes; here anybody may. */
const TOKEN = 'somebody'
/** This machine may be small. */
const AT_ONCE = 2

interface Manifest {
  name: string
  private?: boolean
  packageManager?: string
  dependencies?: Record<string, string>
}

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

export class Registry {
  readonly #server: Server
  readonly #folder: string
  /** The environment in which npm and its friends see this registry and no other, and no user's settings. */
  readonly env: NodeJS.ProcessEnv

  private constructor(server: Server, folder: string) {
    this.#server = server
    this.#folder = folder
    const host = `//127.0.0.1:${(server.address() as AddressInfo).port}/`
    const settings = join(folder, 'npmrc')
    const lines = [`registry=http:${host}`, `${host}:_authToken=${TOKEN}`, `cache=${join(folder, 'cache')}`]
    writeFileSync(settings, `${lines.join('\n')}\naudit=false\nfund=false\nupdate-notifier=false\n`)
    // What npm tells its children would come before the settings.
    const inherited = Object.entries(process.env).filter(([name]) => !/^p?npm_/i.test(name))
    this.env = { ...Object.fromEntries(inherited), NPM_CONFIG_USERCONFIG: settings }
  }

  /** Starts it, empty, in a folder of its own. */
  static async start(folder: string): Promise<Registry> {
    mkdirSync(folder, { recursive: true })
    const settings = {
      storage: join(folder, 'storage'),
      self_path: folder,
      packages: { '**': { access: '$all', publish: '$all' } },
      max_body_size: '100mb',
      logs: { type: 'stdout', format: 'pretty', level: 'fatal' },
    }
    // Its declarations know of a file's name only.
    const app = (await runServer(settings as never)) as Server
    const server = await new Promise<Server>(done => {
      const listening: Server = app.listen(0, '127.0.0.1', () => done(listening))
    })
    return new Registry(server, folder)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(done => this.#server.close(done))
  }

  /** Publishes packed files with npm's own client. Provenance is a CI service's to give, and there is none here. */
  async publish(files: readonly string[]): Promise<void> {
    await pool(files, file => run(this.#folder, 'npm', ['publish', '--provenance=false', file], this.env))
  }

  /** Packs workspace packages as they are released; returns the files. */
  async packWorkspace(...filters: string[]): Promise<string[]> {
    const target = join(this.#folder, `workspace-${filters.length}`)
    const chosen = filters.flatMap(filter => ['--filter', filter])
    await run(root, 'npx', [
      '--yes',
      manifestOf(root).packageManager!,
      '-r',
      ...chosen,
      'pack',
      '--pack-destination',
      target,
    ])
    return readdirSync(target).map(name => join(target, name))
  }

  /**
   * Packs what is installed here of somebody else's: what our published packages depend on, `more`, which the root depends on,
   * and all that these depend on.
   */
  async packInstalled(...more: string[]): Promise<string[]> {
    const ours = readdirSync(join(root, 'packages'))
      .map(name => join(root, 'packages', name))
      .filter(folder => existsSync(join(folder, 'package.json')))
    const found = new Map<string, string>()
    const visit = (names: string[], modules: string): void => {
      for (const name of names) {
        if (name.startsWith('@paragraft/') || name === 'paragraft' || found.has(name)) continue
        const folder = realpathSync(join(modules, name))
        found.set(name, folder)
        // Beside a package lie those that it depends on.
        visit(Object.keys(manifestOf(folder).dependencies ?? {}), folder.slice(0, -name.length))
      }
    }
    for (const folder of ours) visit(Object.keys(manifestOf(folder).dependencies ?? {}), join(folder, 'node_modules'))
    visit(more, join(root, 'node_modules'))
    const target = join(this.#folder, 'installed')
    mkdirSync(target)
    await pool([...found], async ([name, folder]) => {
      // Where files of equal content are one file with several names, packing would write a link, and installing leave it out.
      const copy = join(this.#folder, 'copies', name)
      cpSync(folder, copy, { recursive: true })
      await run(target, 'npm', ['pack', '--ignore-scripts', '--pack-destination', target, copy], this.env)
    })
    return readdirSync(target).map(name => join(target, name))
  }
}

/** Runs a command; resolves with what it printed, and rejects with all of it when it fails. */
export function run(cwd: string, command: string, args: string[], env = process.env): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${command} ${args.join(' ')} in ${cwd}: ${error.message}\n${stdout}\n${stderr}`))
    })
  })
}

/** Does `job` for all of them, a few at a time. */
async function pool<T>(items: readonly T[], job: (item: T) => Promise<unknown>): Promise<void> {
  const waiting = [...items]
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await job(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
