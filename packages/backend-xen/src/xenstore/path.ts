/**
 * Paths of xenstore (docs/misc/xenstore.txt of Xen, "Xenstore paths"): absolute, or relative to the caller's domain
 * directory; no empty components, no slash at the end.
 */

/** Longest absolute and relative path (xs_wire.h). */
const ABSOLUTE_MAX = 3072
const RELATIVE_MAX = 2048
const COMPONENT = /^[A-Za-z0-9\-_@]+$/

/** The root's own path. */
export const ROOT = '/'

/** The domain's directory. */
export function domainPath(domid: number): string {
  return `/local/domain/${domid}`
}

/** An absolute path for what a caller wrote; undefined when that is no path. */
export function canonical(path: string, caller: number): string | undefined {
  if (path === ROOT) return path
  const absolute = path.startsWith('/')
  if (path.length > (absolute ? ABSOLUTE_MAX : RELATIVE_MAX)) return undefined
  const parts = (absolute ? path.slice(1) : path).split('/')
  if (!parts.every(part => COMPONENT.test(part))) return undefined
  return absolute ? path : `${domainPath(caller)}/${path}`
}

/** The components below the root. */
export function components(path: string): string[] {
  return path === ROOT ? [] : path.slice(1).split('/')
}

/** The directory that a path is in; the root is in itself. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf('/')
  return at <= 0 ? ROOT : path.slice(0, at)
}

/** True when `path` is `ancestor` or below it. */
export function isWithin(path: string, ancestor: string): boolean {
  return ancestor === ROOT || path === ancestor || path.startsWith(`${ancestor}/`)
}
