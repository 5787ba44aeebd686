/** What is made of the figures: the tables in bench/README.md, and the plots. */
import type { Figures } from './figures.ts'
import { plot } from './plot.ts'
import { report } from './tables.ts'

const BEGIN = '<!-- figures -->'
const END = '<!-- /figures -->'

/** The README with these figures and their plots between its marks. */
export function readmeWith(readme: string, figures: Figures): string {
  const [before, after] = [readme.split(BEGIN)[0], readme.split(END)[1]]
  const images = Object.keys(plots(figures)).map(name => `![Speed relative to QEMU TCG](${name})`)
  return `${before}${BEGIN}\n\n${[...images, report(figures)].join('\n\n')}\n\n${END}${after}`
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
