/** What is made of the figures: the tables in bench/README.md, and the plots. */
import type { Figures } from './figures.ts'
import { plot } from './plot.ts'
import { report } from './tables.ts'

const BEGIN = '<!-- figures -->'
const END = '<!-- /figures -->'

/** The README with these figures between its marks. */
export function readmeWith(readme: string, figures: Figures): string {
  const [before, after] = [readme.split(BEGIN)[0], readme.split(END)[1]]
  return `${before}${BEGIN}\n${report(figures)}\n${END}${after}`
}

/** The plots by file name; those for which nothing was measured are left out. */
export function plots(figures: Figures): Record<string, string> {
  const all = {
    'compute.svg': plot(figures, ['compute'], 'Compute kernels: speed relative to QEMU TCG (right is faster)'),
    'hypervisor.svg': plot(
      figures,
      ['paravirt', 'hypervisor'],
      'Hypervisor kernels: speed relative to QEMU TCG (right is faster)',
    ),
  }
  return Object.fromEntries(Object.entries(all).flatMap(([name, svg]) => (svg === undefined ? [] : [[name, svg]])))
}
