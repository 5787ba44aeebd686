/**
 * Comparing a guest's console with what is expected of it, where parts vary from run to run.
 *
 * An expected file is lines of text, in order. In a line `<n>` stands for a decimal number, `<x>` for a hexadecimal one and
 * `<...>` for anything. A line that begins with `?` may be missing; `*` may be repeated, or missing. Between `{` and `}`,
 * sequences divided by `--` may be interleaved, each in its own order: lines of processes that take turns. `#` is a comment.
 */

type Line = { text: string; many: boolean; optional: boolean }
type Part = { lines: Line[] } | { sequences: Line[][] }

/** What does not agree, in words; undefined when all of `actual` is as expected. */
export function differs(actual: string, expected: string): string | undefined {
  const lines = actual.replaceAll('\r', '').replace(/\n+$/, '').split('\n')
  let at = 0
  for (const part of parse(expected)) {
    const problem = 'lines' in part ? inOrder(part.lines) : interleaved(part.sequences)
    if (problem) return problem
  }
  return at < lines.length ? `line ${at + 1}: nothing more is expected, got «${lines[at]}»` : undefined

  function inOrder(wanted: Line[]): string | undefined {
    for (const line of wanted) {
      if (line.many) {
        while (at < lines.length && matches(lines[at]!, line)) at++
      } else if (at < lines.length && matches(lines[at]!, line)) {
        at++
      } else if (!line.optional) {
        return `line ${at + 1}: expected «${line.text}», got «${lines[at] ?? 'the end'}»`
      }
    }
    return undefined
  }

  function interleaved(sequences: Line[][]): string | undefined {
    const next = sequences.map(() => 0)
    while (next.some((n, i) => n < sequences[i]!.length)) {
      const line = lines[at]
      const i = next.findIndex(
        (n, s) => n < sequences[s]!.length && line !== undefined && matches(line, sequences[s]![n]!),
      )
      if (i < 0) {
        const open = sequences.flatMap((s, n) => (next[n]! < s.length ? [`«${s[next[n]!]!.text}»`] : []))
        return `line ${at + 1}: expected one of ${open.join(', ')}, got «${line ?? 'the end'}»`
      }
      next[i]!++
      at++
    }
    return undefined
  }
}

const PLACES: Record<string, string> = { '<n>': '[0-9]+', '<x>': '[0-9a-f]+', '<...>': '.*' }

function matches(line: string, { text }: Line): boolean {
  const pattern = text
    .split(/(<n>|<x>|<\.\.\.>)/)
    .map(piece => PLACES[piece] ?? piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${pattern.join('')}$`).test(line)
}

function parse(expected: string): Part[] {
  const parts: Part[] = []
  let current: Line[] = []
  let sequences: Line[][] | undefined
  parts.push({ lines: current })
  for (const raw of expected.replace(/\n+$/, '').split('\n')) {
    if (raw.startsWith('#')) continue
    if (raw === '{') {
      sequences = [(current = [])]
      parts.push({ sequences })
    } else if (raw === '--' && sequences) {
      sequences.push((current = []))
    } else if (raw === '}') {
      sequences = undefined
      parts.push({ lines: (current = []) })
    } else {
      const many = raw.startsWith('*')
      const optional = raw.startsWith('?')
      current.push({ text: many || optional ? raw.slice(1) : raw, many, optional })
    }
  }
  return parts
}
