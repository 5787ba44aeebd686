/** `paragraft plugins`: which backends, ops modules and devices can be named here, and what they say of themselves. */
import { parseArgs } from 'node:util'
import { API_VERSION, EXIT_OK, formatTable } from '@paragraft/core'
import { reachablePlugins } from '../cli/discovery.ts'
import { parse } from '../cli/settings.ts'
import type { Command } from '../cli/usage.ts'

const HELP = `paragraft plugins: the backends, ops modules and devices within reach

usage: paragraft plugins [--json]

Lists the installed packages that --backend, --ops and --device find from this folder, by what their package.json says: what they
are, the range of the plug-in API that they are written for, what a backend supports or an ops module requires, and the
ops module that a backend brings for guests that do not know it. None of their code runs.

  --json    the same as data, with the version of the plug-in API
`

export const pluginsCommand: Command = {
  name: 'plugins',
  summary: 'the backends, ops modules and devices within reach',
  help: HELP,
  async run(argv, world) {
    const { values } = parse(() => parseArgs({ args: argv, options: { json: { type: 'boolean' } }, strict: true }))
    const plugins = reachablePlugins(world.cwd)
    if (values.json) {
      world.stdout(`${JSON.stringify({ api: API_VERSION, plugins }, null, 2)}\n`)
      return EXIT_OK
    }
    const table = formatTable(
      ['kind', 'name', 'package', 'version', 'api', 'supports or requires', 'default ops'],
      plugins.flatMap(({ package: name, version, metadata }) => {
        if (metadata === undefined) return []
        const { kind, api, supports, requires, ops = '-' } = metadata
        return [[kind, metadata.name, name, version, api, (supports ?? requires ?? ['-']).join(' '), ops]]
      }),
    )
    const refused = plugins.flatMap(({ refused: why }) => (why === undefined ? [] : [`${why.message} [${why.code}]\n`]))
    world.stdout(`plug-in API ${API_VERSION}\n\n${table}\n${refused.length > 0 ? `\n${refused.join('')}` : ''}`)
    return EXIT_OK
  },
}
