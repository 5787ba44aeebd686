/**
 * The tree of xenstore, immutable: a change makes new nodes along its path and shares the rest, so that a transaction is a
 * second root and a conflict is two nodes that are not the same.
 */
import { components } from './path.ts'

/** What a domain may do: `n` nothing, `r` read, `w` write, `b` both. */
export type Access = 'n' | 'r' | 'w' | 'b'

export interface Permission {
  readonly access: Access
  readonly domid: number
}

export interface Node {
  readonly value: string
  /** The first is the owner, with what everybody else may do. */
  readonly permissions: readonly Permission[]
  readonly children: ReadonlyMap<string, Node>
}

/** A node as a snapshot keeps it. */
export interface SavedNode {
  value: string
  permissions: Permission[]
  children: [name: string, node: SavedNode][]
}

export function saveNode({ value, permissions, children }: Node): SavedNode {
  return {
    value,
    permissions: permissions.map(entry => ({ ...entry })),
    children: Array.from(children, ([name, child]) => [name, saveNode(child)]),
  }
}

export function restoreNode({ value, permissions, children }: SavedNode): Node {
  return { value, permissions, children: new Map(children.map(([name, child]) => [name, restoreNode(child)])) }
}

export function node(value: string, permissions: readonly Permission[]): Node {
  return { value, permissions, children: new Map() }
}

export function find(root: Node, path: string): Node | undefined {
  let at: Node | undefined = root
  for (const name of components(path)) at = at?.children.get(name)
  return at
}

/** A root in which `path` is `next`, or is no more when that is undefined. Its parent must exist. */
export function replace(root: Node, path: string, next: Node | undefined): Node {
  const names = components(path)
  const change = (at: Node, depth: number): Node => {
    const name = names[depth]!
    const children = new Map(at.children)
    if (depth < names.length - 1) children.set(name, change(at.children.get(name)!, depth + 1))
    else if (next === undefined) children.delete(name)
    else children.set(name, next)
    return { ...at, children }
  }
  return names.length === 0 ? (next ?? root) : change(root, 0)
}

/** Nodes in a subtree that a domain owns. */
export function ownedBy(root: Node, domid: number): number {
  let count = root.permissions[0]?.domid === domid ? 1 : 0
  for (const child of root.children.values()) count += ownedBy(child, domid)
  return count
}
