/**
 * What the services of a domain need of the world, as narrow as each needs it. Nothing here says whether a guest's frame
 * numbers are RAM's own (PVH) or pseudo-physical: that is the business of whoever implements {@link Frames}.
 */

/** The guest's frames, as it names them in grants and physmap calls. */
export interface Frames {
  /** RAM address of the page that the guest calls `gfn`; undefined when there is none. */
  address(gfn: number): number | undefined
  /**
   * Somebody begins to use the page that the guest calls `gfn`: while he does it is not given back, and, for writing, is plain
   * memory and nothing else. False: it cannot be had so.
   */
  hold(gfn: number, write: boolean): boolean
  release(gfn: number, write: boolean): void
}

/** Guest memory by guest pointers, through the guest's own translation. Nothing throws: a bad pointer is an answer. */
export interface GuestPointers {
  /** A copy of what is there; undefined when any byte cannot be read. */
  copyFrom(address: number, length: number): Uint8Array | undefined
  /** False when any byte cannot be written; those before it are, as in Xen. */
  copyTo(address: number, bytes: Uint8Array): boolean
}

/** Event channels as a backend of the guest sees them: the far ends. */
export interface BackendEvents {
  /**
   * Connects to a port that the guest left unbound for the backend domain. `onEvent` runs at every notification of the
   * guest; `label` names it in counts. Returns the channel, or undefined when there is no such port.
   */
  connect(port: number, onEvent: () => void, label?: string): BackendChannel | undefined
  /** After a restore: the same end of a channel that was connected with this label. One that the guest had closed since is closed. */
  resume(port: number, onEvent: () => void, label: string): BackendChannel
}

export interface BackendChannel {
  /** Raises the guest's end. */
  notify(): void
  /** The guest's end becomes unbound again. */
  close(): void
}

/** Grants as a backend of the guest uses them. */
export interface BackendGrants {
  /** RAM address of the granted page, marked in use; undefined when the guest has not granted that. */
  map(ref: number, write: boolean): number | undefined
  /** Takes back what {@link map} marked. */
  unmap(ref: number, write: boolean): void
}
