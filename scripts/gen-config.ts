/**
 * Makes the config's types, its JSON schema and the list of keys in docs/config.md from the table that checks configs (packages/paragraft/src/config-table.ts). The
 * schema has the options of our own backends too, as their definitions declare them.
 *
 *   npx jiti scripts/gen-config.ts            writes the files
 *   npx jiti scripts/gen-config.ts --check    fails where a file is not what it would write
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import native from '../packages/backend-native/src/index.ts'
import vmi from '../packages/backend-vmi/src/index.ts'
import xen from '../packages/backend-xen/src/index.ts'
import type { Backend, BackendOption } from '../packages/core/src/index.ts'
import { DEPRECATIONS } from '../packages/core/src/index.ts'
import { type ConfigKey, type JsonSchema, RUN_KEYS } from '../packages/paragraft/src/config-table.ts'

const keys = Object.entries<ConfigKey>(RUN_KEYS)

function types(): string {
  const members = keys.map(([name, { kind, says, deprecated }]) => {
    const notice = deprecated === undefined ? [] : [`@deprecated ${DEPRECATIONS[deprecated].instead}`]
    const lines = [says, ...notice].map(line => `   * ${line}\n`)
    return `  /**\n${lines.join('')}   */\n  ${name}?: ${kind.type} | undefined\n`
  })
  return `// Made by scripts/gen-config.ts from config-table.ts.
import type { Backend, Device, InputArrival, OpsModule } from '@paragraft/core'
import type { BackendName, BackendOptionsByName } from './config.ts'
import type { EngineName } from './engines.ts'

/** The settings of a run. All of them optional. */
export interface RunConfig {
${members.join('')}}

/** A config file's contents. Paths and names in it are seen from its folder. */
export interface ParagraftConfig extends RunConfig {
  /** For JSON: where the schema is, \`./node_modules/paragraft/schema/config.json\`. */
  $schema?: string
  /** Settings under a name, laid over those at the top by \`--profile NAME\`. */
  profiles?: Record<string, RunConfig>
}
`
}

/** A backend's option in JSON. An artefact is a name or a path. */
function optionSchema({ kind, says, choices }: BackendOption): JsonSchema {
  const type = { text: 'string', number: 'number', flag: 'boolean', artefact: 'string' }[kind]
  return { type, description: says, ...(choices && (kind === 'text' ? { enum: choices } : { examples: choices })) }
}

function backendSchema({ options = {} }: Backend): JsonSchema {
  const properties = Object.fromEntries(Object.entries(options).map(([name, option]) => [name, optionSchema(option)]))
  return { type: 'object', properties, additionalProperties: false }
}

function schema(): string {
  const own = Object.fromEntries([native, xen, vmi].map(backend => [backend.name, backendSchema(backend)]))
  const properties = Object.fromEntries(
    keys.map(([name, { kind, says, deprecated }]) => [
      name,
      {
        ...kind.schema,
        ...(name === 'backends' ? { properties: own } : {}),
        description: says,
        ...(deprecated === undefined ? {} : { deprecated: true }),
      },
    ]),
  )
  const top = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Config of Paragraft',
    description: 'paragraft.config.json: the settings of a run. Paths and names are seen from the folder of the file.',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      ...properties,
      profiles: {
        description: 'Settings under a name, laid over those at the top by --profile NAME.',
        type: 'object',
        additionalProperties: { type: 'object', properties: refs(), additionalProperties: false },
      },
    },
    additionalProperties: false,
  }
  return `${JSON.stringify(top, null, 2)}\n`
}

/** The list of keys, between its heading and the paragraph after it. */
function docs(text: string): string {
  const rows = keys.map(([name, { kind, says }]) => `| \`${name}\` | ${says} | ${kind.wants} |`)
  const list = ['| key | | |', '|---|---|---|', ...rows].join('\n')
  return text.replace(/(?<=^## Keys\n\n)[\s\S]*?(?=\n\n)/m, () => list)
}

const refs = (): JsonSchema => Object.fromEntries(keys.map(([name]) => [name, { $ref: `#/properties/${name}` }]))

const check = process.argv.includes('--check')
for (const [path, make] of [
  ['packages/paragraft/src/config.generated.ts', types],
  ['packages/paragraft/schema/config.json', schema],
  ['docs/config.md', docs],
] as const) {
  const file = new URL(`../${path}`, import.meta.url)
  const present = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const text = make(present)
  if (!check) writeFileSync(file, text)
  else if (present !== text) {
    process.stderr.write(`${path} is not what scripts/gen-config.ts makes: run it and review the change\n`)
    process.exitCode = 1
  }
}
