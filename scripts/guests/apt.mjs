/**
 * Debian packages of a foreign architecture, fetched with a private apt state (apt.conf(5): Dir::State, Dir::Cache,
 * Dir::Etc). The machine's own configured Debian sources and mirrors are used; its lists, cache and package database are
 * neither read nor written.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const CODENAMES = /^(bookworm|trixie|bullseye|forky|sid|stable|oldstable|testing|unstable)(-|\/|$)/

/** Thrown when the machine lacks a tool or a source; the caller decides whether that is a skip or a failure. */
export class AptUnavailable extends Error {}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options })
  if (result.error) throw new AptUnavailable(`${command}: ${result.error.message}`)
  return result
}

/** The machine's Debian sources as `{ uri, suite }`, from deb822 `.sources` and one-line `.list` files. */
export function debianSources(etc = '/etc/apt') {
  const files = [join(etc, 'sources.list')]
  const parts = join(etc, 'sources.list.d')
  if (existsSync(parts)) for (const name of readdirSync(parts).sort()) files.push(join(parts, name))
  const found = []
  for (const file of files) {
    if (!existsSync(file)) continue
    if (file.endsWith('.sources')) found.push(...parseDeb822(readFileSync(file, 'utf8')))
    else if (file.endsWith('.list')) found.push(...parseOneLine(readFileSync(file, 'utf8')))
  }
  const wanted = found.filter(source => CODENAMES.test(source.suite))
  return [...new Map(wanted.map(source => [`${source.uri} ${source.suite}`, source])).values()]
}

/** Stanzas of `Types/URIs/Suites/Components/Signed-By` (sources.list(5)). */
export function parseDeb822(text) {
  const found = []
  for (const stanza of text.split(/\n\s*\n/)) {
    const fields = new Map()
    for (const line of stanza.split('\n')) {
      const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line)
      if (match) fields.set(match[1].toLowerCase(), match[2].trim().split(/\s+/))
    }
    if (!fields.get('types')?.includes('deb') || fields.get('enabled')?.[0] === 'no') continue
    if (!fields.get('components')?.includes('main')) continue
    for (const uri of fields.get('uris') ?? []) {
      for (const suite of fields.get('suites') ?? []) found.push({ uri, suite })
    }
  }
  return found
}

/** Lines of `deb [options] URI SUITE COMPONENT…`. */
export function parseOneLine(text) {
  const found = []
  for (const line of text.split('\n')) {
    const match = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$/.exec(line.trim())
    if (match?.[3].split(/\s+/).includes('main')) found.push({ uri: match[1], suite: match[2] })
  }
  return found
}

/** A private apt for one architecture under `directory`. */
export class PrivateApt {
  constructor(directory, architecture) {
    this.directory = resolve(directory)
    this.architecture = architecture
  }

  /** Lays out the state and reads the package lists. Throws AptUnavailable where there is no Debian to ask. */
  update(log = () => {}) {
    for (const tool of ['apt-get', 'apt-cache', 'dpkg-deb']) {
      if (run('sh', ['-c', `command -v ${tool}`]).status !== 0) throw new AptUnavailable(`${tool} is not installed`)
    }
    if (!existsSync(KEYRING)) throw new AptUnavailable(`${KEYRING} is missing (package debian-archive-keyring)`)
    const sources = debianSources()
    if (sources.length === 0) throw new AptUnavailable('no Debian source is configured in /etc/apt')
    const at = name => join(this.directory, name)
    for (const name of ['lists/partial', 'cache/archives/partial', 'debs']) mkdirSync(at(name), { recursive: true })
    writeFileSync(at('status'), '')
    const options = `arch=${this.architecture} signed-by=${KEYRING}`
    writeFileSync(
      at('sources.list'),
      sources.map(({ uri, suite }) => `deb [${options}] ${uri} ${suite} main\n`).join(''),
    )
    // Of the system's settings only Acquire:: is taken over (proxies and the like): its hooks touch its own cache.
    const acquire = run('apt-config', ['dump'])
      .stdout.split('\n')
      .filter(line => line.startsWith('Acquire::'))
    writeFileSync(
      at('apt.conf'),
      [
        ...acquire,
        `Dir::State "${this.directory}";`,
        `Dir::State::status "${at('status')}";`,
        `Dir::Cache "${at('cache')}";`,
        `Dir::Etc::sourcelist "${at('sources.list')}";`,
        'Dir::Etc::sourceparts "/dev/null";',
        'Dir::Etc::parts "/dev/null";',
        'Dir::Etc::main "/dev/null";',
        `APT::Architecture "${this.architecture}";`,
        `APT::Architectures { "${this.architecture}"; };`,
        'APT::Sandbox::User "root";',
        'Acquire::Retries "3";',
        'Acquire::Languages "none";',
        '',
      ].join('\n'),
    )
    log(`reading package lists (${this.architecture})`)
    const result = this.#apt('apt-get', ['update'])
    // One suite of a mirror may be in the middle of a sync; what matters is whether the packages resolve afterwards.
    if (result.status !== 0) log('some package lists could not be read; going on with the others')
  }

  #apt(command, args, options = {}) {
    return run(command, args, {
      ...options,
      env: { ...process.env, APT_CONFIG: join(this.directory, 'apt.conf'), LC_ALL: 'C' },
    })
  }

  /** The candidate's control fields, or undefined when the sources do not have the package. */
  show(name) {
    const result = this.#apt('apt-cache', ['show', '--no-all-versions', name])
    if (result.status !== 0 || result.stdout === '') return undefined
    const fields = {}
    for (const line of result.stdout.split('\n\n')[0].split('\n')) {
      const match = /^([A-Za-z0-9-]+): (.*)$/.exec(line)
      if (match) fields[match[1]] = match[2]
    }
    return fields
  }

  /** Downloads the candidate of `name` and returns `{ file, version }`; apt verifies it against the signed lists. */
  download(name) {
    const fields = this.show(name)
    if (fields === undefined) throw new AptUnavailable(`Debian has no package ${name} for ${this.architecture}`)
    const directory = join(this.directory, 'debs')
    const result = this.#apt('apt-get', ['download', `${name}=${fields.Version}`], { cwd: directory })
    const prefix = `${name}_`
    const file = readdirSync(directory).find(entry => entry.startsWith(prefix) && entry.endsWith('.deb'))
    if (result.status !== 0 || file === undefined) {
      throw new AptUnavailable(`apt-get download ${name}: ${result.stderr.trim() || `status ${result.status}`}`)
    }
    return { file: join(directory, file), version: fields.Version }
  }
}

/** Unpacks a .deb's files into `into`. */
export function unpack(deb, into) {
  mkdirSync(into, { recursive: true })
  const result = run('dpkg-deb', ['-x', deb, into])
  if (result.status !== 0) throw new Error(`dpkg-deb -x ${deb}: ${result.stderr}`)
}
