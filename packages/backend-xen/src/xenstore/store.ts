/**
 * Xenstore: the tree with permissions, transactions and watches, as xenstored keeps it (docs/misc/xenstore.txt). Callers are
 * domains; the backend domain may do everything. Errors are {@link StoreError} with the name that goes over the wire.
 */
import { ParagraftError } from '@paragraft/core/errors'
import type { Snapshotable } from '@paragraft/core/ports'
import { BACKEND_DOMID } from '../abi/xen.ts'
import { isWithin, parentOf, ROOT } from './path.ts'
import {
  type Access,
  find,
  type Node,
  node,
  ownedBy,
  type Permission,
  replace,
  restoreNode,
  type SavedNode,
  saveNode,
} from './tree.ts'

/** Names of errors on the wire (xs_wire.h, xsd_errors). */
export type StoreErrorName =
  | 'EINVAL'
  | 'EACCES'
  | 'EEXIST'
  | 'ENOENT'
  | 'ENOSPC'
  | 'ENOSYS'
  | 'EBUSY'
  | 'EAGAIN'
  | 'E2BIG'

export class StoreError {
  readonly code: StoreErrorName
  constructor(code: StoreErrorName) {
    this.code = code
  }
}

/** Quotas of an ordinary domain (xenstored's defaults). */
const NODES_PER_DOMAIN = 1000
const VALUE_MAX = 2048
const TRANSACTIONS_PER_DOMAIN = 10

type Change = (root: Node) => Node

interface Transaction {
  readonly domid: number
  root: Node
  /** What was seen by path when it was first looked at: undefined where nothing was. */
  readonly seen: Map<string, Node | undefined>
  readonly base: Node
  readonly changes: { change: Change; path: string }[]
}

/** Called with the path that changed. */
export type WatchListener = (path: string) => void

interface Watch {
  readonly path: string
  readonly listener: WatchListener
  readonly domid: number
}

export interface StoreState {
  root: SavedNode
  nextTransaction: number
}

/** Watches are their owners' to renew. */
export class Store implements Snapshotable<StoreState> {
  #root: Node = node('', [{ access: 'r', domid: BACKEND_DOMID }])
  readonly #transactions = new Map<number, Transaction>()
  #nextTransaction = 1
  readonly #watches = new Set<Watch>()

  /** Throws `PG_SNAPSHOT_MOMENT` in the middle of a transaction: what it saw cannot be told from what is there now. */
  save(): StoreState {
    const open = this.#transactions.size
    if (open > 0) {
      throw new ParagraftError('PG_SNAPSHOT_MOMENT', `the guest has ${open} transactions open in xenstore`, {
        fields: { transactions: open },
        hint: 'Save the machine a little later.',
      })
    }
    return { root: saveNode(this.#root), nextTransaction: this.#nextTransaction }
  }

  restore({ root, nextTransaction }: StoreState): void {
    this.#root = restoreNode(root)
    this.#nextTransaction = nextTransaction
  }

  /* ---- transactions ---- */

  begin(domid: number): number {
    const mine = [...this.#transactions.values()].filter(transaction => transaction.domid === domid)
    if (domid !== BACKEND_DOMID && mine.length >= TRANSACTIONS_PER_DOMAIN) throw new StoreError('ENOSPC')
    while (this.#nextTransaction === 0 || this.#transactions.has(this.#nextTransaction)) this.#advance()
    const id = this.#nextTransaction
    this.#advance()
    this.#transactions.set(id, { domid, root: this.#root, base: this.#root, seen: new Map(), changes: [] })
    return id
  }

  /** Ends a transaction; EAGAIN when what it saw has changed since. */
  end(domid: number, id: number, commit: boolean): void {
    const transaction = this.#transaction(domid, id)
    if (transaction === undefined) throw new StoreError('ENOENT')
    this.#transactions.delete(id)
    if (!commit) return
    for (const [path, seen] of transaction.seen) {
      if (!sameNode(find(this.#root, path), seen)) throw new StoreError('EAGAIN')
    }
    for (const { change } of transaction.changes) this.#root = change(this.#root)
    for (const { path } of transaction.changes) this.#fire(path)
  }

  #advance(): void {
    this.#nextTransaction = (this.#nextTransaction + 1) >>> 0
  }

  #transaction(domid: number, id: number): Transaction | undefined {
    if (id === 0) return undefined
    const transaction = this.#transactions.get(id)
    if (transaction === undefined || transaction.domid !== domid) throw new StoreError('ENOENT')
    return transaction
  }

  /* ---- what callers do; paths are canonical, `id` 0 is no transaction ---- */

  read(domid: number, path: string, id = 0): string {
    return this.#get(domid, path, id).value
  }

  directory(domid: number, path: string, id = 0): string[] {
    return [...this.#get(domid, path, id).children.keys()]
  }

  permissions(domid: number, path: string, id = 0): readonly Permission[] {
    return this.#get(domid, path, id).permissions
  }

  write(domid: number, path: string, value: string, id = 0): void {
    if (value.length > VALUE_MAX && domid !== BACKEND_DOMID) throw new StoreError('E2BIG')
    this.#edit(domid, path, id, true, at => ({ ...at, value }))
  }

  /** Makes a node if there is none. */
  mkdir(domid: number, path: string, id = 0): void {
    const root = this.#look(domid, path, id)
    if (find(root, path) !== undefined) {
      this.#get(domid, path, id, 'w')
      return
    }
    this.#edit(domid, path, id, true, at => at)
  }

  /** Removes a node with all below it. Fine when it is not there, but its parent is. */
  remove(domid: number, path: string, id = 0): void {
    const root = this.#look(domid, path, id)
    if (path === ROOT) throw new StoreError('EINVAL')
    if (find(root, path) === undefined) {
      if (find(root, parentOf(path)) === undefined) throw new StoreError('ENOENT')
      return
    }
    this.#get(domid, path, id, 'w')
    this.#change(domid, path, id, at => (find(at, path) === undefined ? at : replace(at, path, undefined)))
  }

  setPermissions(domid: number, path: string, permissions: readonly Permission[], id = 0): void {
    const owner = this.#get(domid, path, id, 'w').permissions[0]!.domid
    if (domid !== BACKEND_DOMID && (owner !== domid || permissions[0]?.domid !== domid)) throw new StoreError('EACCES')
    this.#edit(domid, path, id, false, at => ({ ...at, permissions }))
  }

  /* ---- watches ---- */

  /** Calls `listener` for every change at or below `path` that the domain may read. Returns what ends it. */
  watch(domid: number, path: string, listener: WatchListener): () => void {
    const watch = { domid, path, listener }
    this.#watches.add(watch)
    return () => this.#watches.delete(watch)
  }

  #fire(path: string): void {
    for (const { domid, path: watched, listener } of [...this.#watches]) {
      // A removed subtree concerns those who watch inside it, too.
      if (isWithin(path, watched)) {
        if (this.#mayHear(domid, path)) listener(path)
      } else if (isWithin(watched, path) && find(this.#root, watched) === undefined) listener(watched)
    }
  }

  /** Whoever may read the node hears of it; of one that is gone, whoever may read its directory. */
  #mayHear(domid: number, path: string): boolean {
    let at = path
    while (find(this.#root, at) === undefined) at = parentOf(at)
    return mayAccess(find(this.#root, at)!, domid, 'r')
  }

  /* ---- inside ---- */

  /** The tree of a transaction, or the one that everybody sees; notes what was looked at. */
  #look(domid: number, path: string, id: number): Node {
    const transaction = this.#transaction(domid, id)
    if (transaction === undefined) return this.#root
    if (!transaction.seen.has(path)) transaction.seen.set(path, find(transaction.base, path))
    return transaction.root
  }

  #get(domid: number, path: string, id: number, access: 'r' | 'w' = 'r'): Node {
    const root = this.#look(domid, path, id)
    const found = find(root, path)
    if (found === undefined) {
      // Nobody learns what is in a directory that he may not read.
      let at = parentOf(path)
      while (find(root, at) === undefined) at = parentOf(at)
      throw new StoreError(mayAccess(find(root, at)!, domid, 'r') ? 'ENOENT' : 'EACCES')
    }
    if (!mayAccess(found, domid, access)) throw new StoreError('EACCES')
    return found
  }

  /** Changes one node, after making it and its ancestors where they are missing and the caller may. */
  #edit(domid: number, path: string, id: number, create: boolean, edit: (at: Node) => Node): void {
    const root = this.#look(domid, path, id)
    let at = path
    while (find(root, at) === undefined) at = parentOf(at)
    if (!mayAccess(find(root, at)!, domid, 'w')) throw new StoreError('EACCES')
    if (at !== path) {
      if (!create) throw new StoreError('ENOENT')
      if (domid !== BACKEND_DOMID && ownedBy(root, domid) >= NODES_PER_DOMAIN) throw new StoreError('ENOSPC')
    }
    this.#change(domid, path, id, start => {
      const made = withNode(start, path, domid)
      return replace(made, path, edit(find(made, path)!))
    })
  }

  #change(domid: number, path: string, id: number, change: Change): void {
    const transaction = this.#transaction(domid, id)
    if (transaction !== undefined) {
      transaction.root = change(transaction.root)
      transaction.changes.push({ change, path })
      return
    }
    this.#root = change(this.#root)
    this.#fire(path)
  }
}

/** The tree with a node at `path`, made with its missing ancestors by `domid`. */
function withNode(root: Node, path: string, domid: number): Node {
  if (find(root, path) !== undefined) return root
  const parent = parentOf(path)
  const made = withNode(root, parent, domid)
  const [owner, ...others] = find(made, parent)!.permissions
  // Permissions are the directory's; an ordinary domain owns what it makes.
  const first = domid === BACKEND_DOMID ? owner! : { ...owner!, domid }
  return replace(made, path, node('', [first, ...others]))
}

function mayAccess({ permissions }: Node, domid: number, access: 'r' | 'w'): boolean {
  if (domid === BACKEND_DOMID || permissions[0]!.domid === domid) return true
  const mine: Access = (permissions.slice(1).find(entry => entry.domid === domid) ?? permissions[0]!).access
  return mine === 'b' || mine === access
}

/** Whether a transaction that saw one still stands with the other: the same value, permissions and names below. */
function sameNode(a: Node | undefined, b: Node | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  const [left, right] = [[...a.children.keys()], [...b.children.keys()]]
  return (
    a.value === b.value &&
    a.permissions === b.permissions &&
    left.length === right.length &&
    left.every(name => b.children.has(name))
  )
}
