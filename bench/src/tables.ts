/** The tables of bench/README.md. */
import { type Figures, geomean, kernelNs, median } from './figures.ts'
import { type Group, KERNELS, type Kernel } from './kernels.ts'

/** Ours, against whom it is measured. */
const OURS = 'paragraft'
const PEERS = ['v86', 'qemu']
/** The column that a ratio is shown against v86 in the same browser. */
const BROWSER = ['chromium', 'chromium-v86']

const GROUP_TITLES: Record<Group, string> = {
  compute: 'Compute',
  paravirt: 'Paravirtual operations',
  hypervisor: 'Hypervisor',
}

/** Nanoseconds in three digits. */
export function time(ns: number | undefined): string {
  if (ns === undefined) return ''
  for (const [unit, size] of [
    ['ms', 1e6],
    ['µs', 1e3],
  ] as const)
    if (ns >= size) return `${digits(ns / size)} ${unit}`
  return `${digits(ns)} ns`
}

function digits(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}

function ratio(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined ? '' : (value / base).toFixed(2)
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function heading(cells: readonly string[]): string[] {
  return [row(cells), row(cells.map((_, i) => (i === 0 ? '---' : '---:')))]
}

/** Ratios of a group's kernels, `of` to `base`; `base` takes several subjects and picks the fastest. */
function ratios(figures: Figures, kernels: readonly Kernel[], of: string, bases: readonly string[]): number[] {
  return kernels.flatMap(({ name }) => {
    const ns = kernelNs(figures, of, name)
    const base = bases.flatMap(subject => kernelNs(figures, subject, name) ?? [])
    return ns === undefined || base.length < bases.length ? [] : [ns / Math.min(...base)]
  })
}

interface RatioColumn {
  title: string
  of: string
  bases: readonly string[]
}

/** Ratio columns that these figures can fill. */
function ratioColumns(figures: Figures, group: Group): RatioColumn[] {
  const there = (name: string): boolean => figures.subjects.some(subject => subject.name === name)
  const columns: RatioColumn[] = PEERS.map(peer => ({ title: `÷ ${titleOf(figures, peer)}`, of: OURS, bases: [peer] }))
  if (group === 'hypervisor') columns.push({ title: '÷ the better', of: OURS, bases: PEERS })
  columns.push({ title: '÷ v86, both in Chromium', of: BROWSER[0] as string, bases: [BROWSER[1] as string] })
  return columns.filter(({ of, bases }) => [of, ...bases].every(there))
}

function titleOf(figures: Figures, subject: string): string {
  return figures.subjects.find(({ name }) => name === subject)?.title ?? subject
}

/** Kernels of a group, a row each, with the geometric mean of each ratio; empty when none was measured. */
export function kernelTable(figures: Figures, group: Group): string {
  const kernels = KERNELS.filter(kernel => kernel.group === group && measured(figures, kernel.name))
  if (kernels.length === 0) return ''
  const columns = ratioColumns(figures, group)
  const lines = heading([
    GROUP_TITLES[group],
    'instructions',
    ...figures.subjects.map(({ title }) => title),
    ...columns.map(({ title }) => title),
  ])
  for (const kernel of kernels) {
    lines.push(
      row([
        `\`${kernel.name}\` ${kernel.what}`,
        instructionsOf(figures, kernel.name),
        ...figures.subjects.map(subject =>
          kernel.name in subject.failed ? 'failed' : time(kernelNs(figures, subject.name, kernel.name)),
        ),
        ...columns.map(({ of, bases }) => ratios(figures, [kernel], of, bases)[0]?.toFixed(2) ?? ''),
      ]),
    )
  }
  const means = columns.map(({ of, bases }) => ratios(figures, kernels, of, bases))
  const worst = means.map(values => (values.length === 0 ? '' : Math.max(...values).toFixed(2)))
  const empty = ['', ...figures.subjects.map(() => '')]
  lines.push(
    row(['**geometric mean**', ...empty, ...means.map(v => (v.length === 0 ? '' : `**${geomean(v).toFixed(2)}**`))]),
  )
  lines.push(row(['worst', ...empty, ...worst]))
  return lines.join('\n')
}

function measured(figures: Figures, kernel: string): boolean {
  return figures.subjects.some(({ kernels, failed }) => kernel in kernels || kernel in failed)
}

function instructionsOf(figures: Figures, kernel: string): string {
  const count = figures.subjects.find(({ name }) => name === OURS || name === 'interpreter')?.kernels[kernel]
    ?.instructions
  return count === undefined ? '' : Math.round(count).toLocaleString('en')
}

/** What a patched op costs over the native instruction, and a call through the table over a direct one. */
export function paravirtTable(figures: Figures): string {
  const pairs: [title: string, of: string, base: string][] = [
    ['patched ÷ native, flags and CLI', 'pv_irq_patched', 'pv_irq_native'],
    ['patched ÷ native, nothing to do', 'pv_val_patched', 'pv_val_native'],
    ['table ÷ direct call, flags and CLI', 'pv_irq_table', 'pv_irq_direct'],
    ['table ÷ direct call, nothing to do', 'pv_val_table', 'pv_val_direct'],
    ['pointer ÷ direct call, a function of two instructions', 'call_pointer', 'call_direct'],
  ]
  const rows = pairs
    .filter(([, of, base]) => measured(figures, of) && measured(figures, base))
    .map(([title, of, base]) =>
      row([
        title,
        ...figures.subjects.map(({ name }) => ratio(kernelNs(figures, name, of), kernelNs(figures, name, base))),
      ]),
    )
  if (rows.length === 0) return ''
  return [...heading(['', ...figures.subjects.map(({ title }) => title)]), ...rows].join('\n')
}

/** Boots, a row per subject; empty when nothing was booted. */
export function bootTable(figures: Figures): string {
  const booted = figures.subjects.flatMap(({ title, name, boot }) =>
    boot === undefined ? [] : [{ title, name, boot }],
  )
  if (booted.length === 0) return ''
  const kernelOf = (subject: string): number | undefined => {
    const boot = booted.find(({ name }) => name === subject)?.boot
    return boot === undefined ? undefined : median(boot.kernel)
  }
  const peers = PEERS.filter(peer => kernelOf(peer) !== undefined)
  const lines = heading([
    'Boot',
    'kernel, CPU s',
    ...peers.map(peer => `÷ ${titleOf(figures, peer)}`),
    'from power-on, CPU s',
    'instructions of the kernel',
    'million a second',
  ])
  for (const { title, boot } of booted) {
    const kernel = median(boot.kernel)
    const millions = boot.instructions === undefined ? undefined : boot.instructions / 1e6
    lines.push(
      row([
        title,
        kernel.toFixed(2),
        ...peers.map(peer => ratio(kernel, kernelOf(peer))),
        median(boot.whole).toFixed(2),
        millions === undefined ? '' : `${millions.toFixed(0)} M`,
        millions === undefined ? '' : (millions / kernel).toFixed(0),
      ]),
    )
  }
  return lines.join('\n')
}

/** Guests of Xen; empty when none was measured. */
export function xenTable({ xen }: Figures): string {
  if (xen === undefined) return ''
  const millions = (xen.instructions / 1e6).toFixed(0)
  return [
    ...heading([`Guests of Xen (${xen.date}, medians of ${xen.prompt.length})`, 'Paragraft']),
    row([
      `GRUB (\`grub-i386-xen\`) to its prompt, ${millions} M instructions, CPU s from the start of the process`,
      median(xen.prompt).toFixed(2),
    ]),
    row(['a hypercall that does nothing, by INT 82 of a paravirtual guest', time(median(xen.hypercall['xen-pv']))]),
    row(['the same by VMCALL of a PVH guest', time(median(xen.hypercall['xen-pvh']))]),
  ].join('\n')
}

/** All that bench/README.md shows between its marks. */
export function report(figures: Figures): string {
  const parts = [
    bootTable(figures),
    paravirtTable(figures),
    ...(['compute', 'paravirt', 'hypervisor'] as const).map(group => kernelTable(figures, group)),
    xenTable(figures),
  ].filter(part => part !== '')
  const measures = [
    ...(figures.runs === 0 ? [] : [`kernels: medians of ${figures.runs} interleaved runs of ${figures.target} CPU ms`]),
    ...(figures.boots === 0 ? [] : [`boots: medians of ${figures.boots}`]),
  ]
  const about = [
    [figures.date, ...measures, `${figures.host}.`].join('; '),
    ...(figures.boots === 0 ? [] : [`Boots: ${figures.guest}, \`${figures.commandLine}\`, to the shell's prompt.`]),
  ]
  return [about.join('\n'), ...parts].join('\n\n')
}
