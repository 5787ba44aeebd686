/**
 * The size of every published package as it is downloaded, and a bound for each. A bound that is passed is a question to
 * whoever passed it: what came along, and does everybody who installs the package need it?
 *
 *   node scripts/sizes.mjs            a table
 *   node scripts/sizes.mjs --check    fails where a package is larger than its bound, or has none
 *
 * Needs a build.
 */
import { capture, pool, workspacePackages } from './lib/workspace.mjs'

/** Kilobytes (1000 bytes) of the packed file: what it has today, and about a third more. */
const BOUNDS = {
  paragraft: 340,
  '@paragraft/core': 250,
  '@paragraft/cpu': 1400,
  '@paragraft/devices': 260,
  '@paragraft/loader': 240,
  '@paragraft/backend-native': 5,
  '@paragraft/backend-vmi': 200,
  '@paragraft/backend-xen': 480,
  '@paragraft/conformance': 260,
  '@paragraft/create-backend': 20,
  '@paragraft/guests': 110,
}

const published = workspacePackages().filter(item => item.manifest.private !== true)

async function measure({ name, directory }) {
  const { status, output } = await capture('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', `./${directory}`])
  if (status !== 0) throw new Error(`npm pack ${directory}:\n${output}`)
  const [{ size, unpackedSize, entryCount }] = JSON.parse(output.slice(output.indexOf('[')))
  return { name, packed: size / 1000, unpacked: unpackedSize / 1000, files: entryCount }
}

const rows = await pool(published, 2, measure)
const check = process.argv.includes('--check')
const wrong = rows.filter(({ name, packed }) => !(packed <= BOUNDS[name]))
process.stdout.write('    packed  bound  unpacked  files  package\n')
for (const { name, packed, unpacked, files } of rows) {
  const cells = [`${packed.toFixed(1)} kB`, `${BOUNDS[name] ?? 'none'}`, unpacked.toFixed(0), `${files}`]
  const widths = [10, 7, 10, 7]
  process.stdout.write(`${cells.map((cell, n) => cell.padStart(widths[n])).join('')}  ${name}\n`)
}
if (check && wrong.length > 0) {
  process.stdout.write(`${wrong.map(({ name }) => name).join(', ')}: larger than the bound in scripts/sizes.mjs\n`)
  process.exitCode = 1
}
