/**
 * Which instructions need the flags that were set before them: found out once a variant, by running its semantics
 * against a builder that only watches.
 */
import type { Expr } from '../ir/ir.ts'
import { Builder, type Size } from '../isa/builder.ts'
import type { Insn } from '../isa/define.ts'
import type { BasicBlock, Instruction } from './graph.ts'

class Watcher extends Builder {
  reads = false
  sets = false

  override lfResult(): Expr {
    if (this.flags === null) this.reads = true
    return super.lfResult()
  }
  override lfAux(): Expr {
    if (this.flags === null) this.reads = true
    return super.lfAux()
  }
  override setFlags(result: Expr, aux: Expr): void {
    // Set on one path only: on the other the old ones live on.
    if (this.depth > 0) this.reads = true
    super.setFlags(result, aux)
    if (this.depth === 0) this.sets = true
  }
}

interface Use {
  reads: boolean
  sets: boolean
}

const known = new Map<string, Use>()

function flagUse(insn: Insn, i: Instruction): Use {
  const key = `${i.id} ${i.form} ${i.size}`
  let use = known.get(key)
  if (use === undefined) {
    const watcher = new Watcher(i.size as Size, i.form, true, true, true)
    insn.semantics(watcher)
    use = { reads: watcher.reads, sets: watcher.sets }
    known.set(key, use)
  }
  return use
}

/** EIPs of the blocks in which, or after which in the region, some instruction asks for flags set before the block. */
export function blocksThatNeedFlags(blocks: ReadonlyMap<number, BasicBlock>): Set<number> {
  const needs = new Set<number>()
  const passes: BasicBlock[] = []
  for (const block of blocks.values()) {
    let decided = false
    for (const i of block.code) {
      const { reads, sets } = flagUse(i.insn, i)
      if (reads) needs.add(block.eip)
      decided = reads || sets
      if (decided) break
    }
    if (!decided) passes.push(block)
  }
  for (let changed = true; changed; ) {
    changed = false
    for (const block of passes) {
      if (needs.has(block.eip) || !block.successors.some(to => needs.has(to))) continue
      needs.add(block.eip)
      changed = true
    }
  }
  return needs
}
