/**
 * Puts a graph of basic blocks into the nested form that WebAssembly has: reverse postorder, dominators (Cooper, Harvey,
 * Kennedy: A Simple, Fast Dominance Algorithm), and the loops and merges from which blocks and loops are made (Ramsey:
 * Beyond Relooper, 2022). Edges into the middle of a loop are cut: they leave the region.
 */

/** One node of the ordered graph; nodes are known by their place in the order. */
export interface Node {
  readonly eip: number
  readonly order: number
  /** Places of the successors; -1 is an exit. */
  readonly successors: readonly number[]
  readonly loop: boolean
  /** Several forward edges come together here. */
  readonly merge: boolean
  /** Places of the merges that this node dominates immediately, the last in the order first. */
  readonly merges: readonly number[]
}

/** Orders the blocks that are reachable from `entry`. `successors` gives EIPs; those without a block are exits. */
export function structure(entry: number, successors: ReadonlyMap<number, readonly number[]>): Node[] {
  const cut = new Set<string>()
  for (;;) {
    const order = reversePostorder(entry, successors, cut)
    const place = new Map(order.map((eip, i) => [eip, i]))
    const edges = order.map(eip =>
      (successors.get(eip) ?? []).map(to => (cut.has(`${eip}:${to}`) ? -1 : (place.get(to) ?? -1))),
    )
    const idom = dominators(edges)
    const dominates = (a: number, b: number): boolean => {
      let at = b
      while (at > a) at = idom[at]
      return at === a
    }
    let again = false
    for (const [from, targets] of edges.entries()) {
      for (const to of targets) {
        if (to < 0 || to > from || dominates(to, from)) continue
        cut.add(`${order[from]}:${order[to]}`)
        again = true
      }
    }
    if (!again) return nodes(order, edges, idom)
  }
}

function nodes(order: readonly number[], edges: readonly (readonly number[])[], idom: readonly number[]): Node[] {
  const forward = order.map(() => 0)
  const loop = order.map(() => false)
  for (const [from, targets] of edges.entries()) {
    for (const to of targets) {
      if (to > from) forward[to]++
      else if (to >= 0) loop[to] = true
    }
  }
  const merges: number[][] = order.map(() => [])
  for (let i = order.length - 1; i > 0; i--) if (forward[i] > 1) merges[idom[i]].push(i)
  return order.map((eip, i) => ({
    eip,
    order: i,
    successors: edges[i],
    loop: loop[i],
    merge: forward[i] > 1,
    merges: merges[i],
  }))
}

function reversePostorder(
  entry: number,
  successors: ReadonlyMap<number, readonly number[]>,
  cut: ReadonlySet<string>,
): number[] {
  const seen = new Set([entry])
  const out: number[] = []
  const stack: { eip: number; next: number }[] = [{ eip: entry, next: 0 }]
  for (;;) {
    const top = stack.at(-1)
    if (top === undefined) return out.reverse()
    const targets = successors.get(top.eip) ?? []
    if (top.next === targets.length) {
      out.push(top.eip)
      stack.pop()
      continue
    }
    const to = targets[top.next++]
    if (!successors.has(to) || seen.has(to) || cut.has(`${top.eip}:${to}`)) continue
    seen.add(to)
    stack.push({ eip: to, next: 0 })
  }
}

/** Immediate dominators by place in the reverse postorder. */
function dominators(edges: readonly (readonly number[])[]): number[] {
  const before: number[][] = edges.map(() => [])
  for (const [from, targets] of edges.entries()) for (const to of targets) if (to >= 0) before[to].push(from)
  const idom = edges.map(() => -1)
  idom[0] = 0
  const meet = (a: number, b: number): number => {
    while (a !== b) {
      while (a > b) a = idom[a]
      while (b > a) b = idom[b]
    }
    return a
  }
  for (let changed = true; changed; ) {
    changed = false
    for (let i = 1; i < edges.length; i++) {
      let dominator = -1
      for (const from of before[i]) {
        if (idom[from] >= 0) dominator = dominator < 0 ? from : meet(from, dominator)
      }
      if (dominator !== idom[i]) {
        idom[i] = dominator
        changed = true
      }
    }
  }
  return idom
}
