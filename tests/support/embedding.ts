/** The examples of docs/embedding.md. */
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, runWithReport, scratch } from './paragraft.ts'

/** The code under `In Node:` or `In a page:`. */
export function embeddingExample(where: 'Node' | 'a page'): string {
  const text = readFileSync(join(root, 'docs/embedding.md'), 'utf8')
  const found = new RegExp(`^In ${where}:\\n\\n\`\`\`js\\n([\\s\\S]*?)\`\`\`$`, 'm').exec(text)
  if (found === null) throw new Error(`docs/embedding.md has no example for ${where}`)
  return found[1]!
}

/** The command line's run of oldguest under the name that a guest has when an embedder gives none. */
export function runUnnamed(): ReturnType<typeof runWithReport> {
  const file = join(scratch(), 'kernel')
  copyFileSync(join(root, 'guests/oldguest/oldguest.elf'), file)
  return runWithReport([file, '--memory', '64M'])
}
