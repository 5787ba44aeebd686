/**
 * What an image says to Xen about itself: ELF notes of owner "Xen" (xen/include/public/elfnote.h), or the older string in
 * the section `__xen_guest`, `NAME=value` between commas. Only where there is no note the string is asked. For an image that says
 * nothing the ops module speaks that brings it a way in.
 */
import type { GuestImage } from '@paragraft/core/image'

/** Numbers of notes. */
export const XEN_ELFNOTE_ENTRY = 1
export const XEN_ELFNOTE_HYPERCALL_PAGE = 2
export const XEN_ELFNOTE_VIRT_BASE = 3
export const XEN_ELFNOTE_PADDR_OFFSET = 4
export const XEN_ELFNOTE_XEN_VERSION = 5
export const XEN_ELFNOTE_GUEST_OS = 6
export const XEN_ELFNOTE_LOADER = 8
export const XEN_ELFNOTE_PAE_MODE = 9
export const XEN_ELFNOTE_FEATURES = 10
export const XEN_ELFNOTE_BSD_SYMTAB = 11
export const XEN_ELFNOTE_MOD_START_PFN = 16
export const XEN_ELFNOTE_PHYS32_ENTRY = 18

/** What was found, as written. */
export interface XenDescription {
  readonly source: 'notes' | '__xen_guest' | 'module'
  readonly guestOs?: string
  readonly loader?: string
  readonly xenVersion?: string
  /** Virtual address, or none: then it has no PV entry of its own, or that of the ELF header. */
  readonly entry?: number
  readonly virtBase?: number
  /** What is subtracted from a physical address of the image to have the pseudo-physical one. */
  readonly paddrOffset?: number
  readonly hypercallPage?: number
  readonly pae?: string
  readonly features?: string
  /** It wants its symbol table loaded behind it. */
  readonly bsdSymtab?: string
  /** The ramdisk may be given by frame, unmapped. */
  readonly modStartPfn?: boolean
  /** Physical address of the PVH entry. */
  readonly phys32Entry?: number
}

/** The name of the paravirtual way in, as images' entries and heads have it. */
export const XEN_PV = 'xen-pv'

export function describeXen(image: GuestImage): XenDescription | undefined {
  const brought = image.entries.find(({ kind, module }) => kind === XEN_PV && module !== undefined)
  if (brought !== undefined) return fromModule(brought.says ?? {})
  const notes = image.notes.filter(note => note.owner === 'Xen')
  if (notes.length > 0) {
    const find = (type: number): Uint8Array | undefined => notes.find(note => note.type === type)?.desc
    return clean({
      source: 'notes',
      guestOs: text(find(XEN_ELFNOTE_GUEST_OS)),
      loader: text(find(XEN_ELFNOTE_LOADER)),
      xenVersion: text(find(XEN_ELFNOTE_XEN_VERSION)),
      entry: number(find(XEN_ELFNOTE_ENTRY)),
      virtBase: number(find(XEN_ELFNOTE_VIRT_BASE)),
      paddrOffset: number(find(XEN_ELFNOTE_PADDR_OFFSET)),
      hypercallPage: number(find(XEN_ELFNOTE_HYPERCALL_PAGE)),
      pae: text(find(XEN_ELFNOTE_PAE_MODE)),
      features: text(find(XEN_ELFNOTE_FEATURES)),
      bsdSymtab: text(find(XEN_ELFNOTE_BSD_SYMTAB)),
      modStartPfn: number(find(XEN_ELFNOTE_MOD_START_PFN)) === 1 ? true : undefined,
      phys32Entry: number(find(XEN_ELFNOTE_PHYS32_ENTRY)),
    })
  }
  const section = image.sections.find(({ name }) => name === '__xen_guest')
  return section === undefined ? undefined : fromString(text(section.bytes) ?? '')
}

/** What a module says for an image that it starts: `VIRT_BASE` and `PADDR_OFFSET` are numbers, as in notes; the rest goes without saying. */
function fromModule({ VIRT_BASE, PADDR_OFFSET }: Readonly<Record<string, number | string>>): XenDescription {
  return clean({
    source: 'module',
    loader: 'generic',
    xenVersion: 'xen-3.0',
    pae: 'yes',
    virtBase: VIRT_BASE === undefined ? undefined : Number(VIRT_BASE),
    paddrOffset: PADDR_OFFSET === undefined ? undefined : Number(PADDR_OFFSET),
  })
}

function fromString(string: string): XenDescription {
  const values = new Map(
    string.split(',').map(part => {
      const at = part.indexOf('=')
      return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
    }) as [string, string][],
  )
  const address = (name: string): number | undefined => {
    const value = values.get(name)
    return value !== undefined && /^(0x[0-9a-fA-F]{1,8}|\d{1,10})$/.test(value) ? Number(value) : undefined
  }
  const virtBase = address('VIRT_BASE')
  // The page is given by its number from VIRT_BASE.
  const page = address('HYPERCALL_PAGE')
  return clean({
    source: '__xen_guest',
    guestOs: values.get('GUEST_OS'),
    loader: values.get('LOADER'),
    xenVersion: values.get('XEN_VER'),
    entry: address('VIRT_ENTRY'),
    virtBase,
    paddrOffset: address('ELF_PADDR_OFFSET'),
    hypercallPage: page === undefined ? undefined : page * 4096 + (virtBase ?? 0),
    pae: values.get('PAE'),
    features: values.get('FEATURES'),
    bsdSymtab: values.get('BSD_SYMTAB'),
  })
}

/** Without the members that are undefined. */
function clean(description: { [Name in keyof XenDescription]: XenDescription[Name] | undefined }): XenDescription {
  return Object.fromEntries(Object.entries(description).filter(([, value]) => value !== undefined)) as never
}

function number(desc: Uint8Array | undefined): number | undefined {
  if (desc === undefined || desc.length < 4) return undefined
  const view = new DataView(desc.buffer, desc.byteOffset, desc.length)
  return desc.length >= 8 ? Number(view.getBigInt64(0, true)) : view.getUint32(0, true)
}

/** Up to the first NUL. */
function text(desc: Uint8Array | undefined): string | undefined {
  if (desc === undefined) return undefined
  const end = desc.indexOf(0)
  return String.fromCharCode(...desc.subarray(0, end < 0 ? Math.min(desc.length, 4096) : Math.min(end, 4096)))
}
