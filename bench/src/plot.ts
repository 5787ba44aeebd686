/** A plot of one group: a row per kernel, a dot per emulator, speed relative to one of them on a logarithmic axis. */
import { type Figures, geomean, kernelNs } from './figures.ts'
import { type Group, KERNELS } from './kernels.ts'

const WIDTH = 860
const LEFT = 150
const RIGHT = 24
const TOP = 64
const ROW = 17
const BOTTOM = 30
/** To whom the others are compared, and who is shown in which colour: first on light, then on dark ground. */
const BASE = 'qemu'
const SERIES = [
  { name: 'paragraft', light: '#c2410c', dark: '#fb923c', radius: 5 },
  { name: 'interpreter', light: '#a8a29e', dark: '#78716c', radius: 4 },
  { name: 'v86', light: '#1d4ed8', dark: '#60a5fa', radius: 4 },
]
const TICKS = [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32, 64]

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const round = (value: number): string => String(Math.round(value * 10) / 10)

interface Row {
  name: string
  dots: { index: number; speed: number }[]
}

/** The mean of a series, if it has any. */
function meanOf(rows: readonly Row[], index: number): Row['dots'] {
  const speeds = rows.flatMap(({ dots }) => dots.filter(dot => dot.index === index).map(({ speed }) => speed))
  return speeds.length === 0 ? [] : [{ index, speed: geomean(speeds) }]
}

/** SVG, or undefined where the base or everybody else was not measured. */
export function plot(figures: Figures, groups: readonly Group[], title: string): string | undefined {
  const rows: Row[] = KERNELS.filter(({ group }) => groups.includes(group)).flatMap(({ name }) => {
    const base = kernelNs(figures, BASE, name)
    if (base === undefined) return []
    const dots = SERIES.flatMap((series, index) => {
      const ns = kernelNs(figures, series.name, name)
      return ns === undefined ? [] : [{ index, speed: base / ns }]
    })
    return dots.length === 0 ? [] : [{ name, dots }]
  })
  if (rows.length === 0) return undefined
  rows.push({ name: 'geometric mean', dots: SERIES.flatMap((_, index) => meanOf(rows, index)) })
  const speeds = rows.flatMap(({ dots }) => dots.map(({ speed }) => speed))
  const low = TICKS.findLast(tick => tick <= Math.min(1, ...speeds)) ?? (TICKS[0] as number)
  const high = TICKS.find(tick => tick >= Math.max(1, ...speeds)) ?? (TICKS.at(-1) as number)
  const span = Math.log(high / low) || 1
  const x = (speed: number): number =>
    LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(Math.min(high, Math.max(low, speed)) / low)) / span
  const height = TOP + rows.length * ROW + BOTTOM
  const out: string[] = [`<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>`]
  for (const tick of TICKS.filter(t => t >= low && t <= high)) {
    const at = round(x(tick))
    const label = tick >= 1 ? `${tick}×` : `1/${1 / tick}`
    out.push(
      `<line class="${tick === 1 ? 'one' : 'grid'}" x1="${at}" x2="${at}" y1="${TOP - 8}" y2="${height - BOTTOM}"/>`,
    )
    out.push(`<text class="tick" x="${at}" y="${height - BOTTOM + 16}" text-anchor="middle">${label}</text>`)
  }
  rows.forEach(({ name, dots }, i) => {
    const y = TOP + i * ROW + ROW / 2
    out.push(`<text class="name" x="${LEFT - 12}" y="${round(y + 4)}" text-anchor="end">${escaped(name)}</text>`)
    out.push(`<line class="row" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y)}" y2="${round(y)}"/>`)
    // Ours last, so that nothing covers it.
    for (const { index, speed } of [...dots].reverse())
      out.push(`<circle class="s${index}" cx="${round(x(speed))}" cy="${round(y)}" r="${SERIES[index]?.radius}"/>`)
  })
  let legend = LEFT
  SERIES.forEach(({ name }, index) => {
    const subject = figures.subjects.find(s => s.name === name)
    if (subject === undefined) return
    out.push(`<circle class="s${index}" cx="${legend}" cy="40" r="5"/>`)
    out.push(`<text class="tick" x="${legend + 10}" y="44">${escaped(subject.title)}</text>`)
    legend += 40 + subject.title.length * 7
  })
  const style = (dark: boolean): string =>
    [
      `.ground{fill:${dark ? '#1c1917' : '#ffffff'}}`,
      `text{fill:${dark ? '#e7e5e4' : '#1c1917'}}`,
      `.grid,.row{stroke:${dark ? '#44403c' : '#e7e5e4'}}`,
      `.one{stroke:${dark ? '#e7e5e4' : '#1c1917'}}`,
      ...SERIES.map((series, index) => `.s${index}{fill:${dark ? series.dark : series.light}}`),
    ].join('')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>text{font:12px system-ui,sans-serif}.head{font-weight:600;font-size:14px}.name{font-family:ui-monospace,monospace}${style(false)}@media(prefers-color-scheme:dark){${style(true)}}</style>`,
    `<text class="head" x="${LEFT}" y="20">${escaped(title)}</text>`,
    ...out,
    '</svg>',
    '',
  ].join('\n')
}
