/**
 * The ROM as a guest sees it: header, PCI and PnP structures, relocation answers, where it is looked for. Linux
 * 2.6.21–2.6.36 asm/vmi.h (struct vrom_header, pci_header, pnp_header) and vmi.c; PCI Firmware Specification 3.0, 5.1
 * (expansion ROM header and data structure); Plug and Play BIOS Specification 1.0A, 3.2 (expansion header).
 */

/** A field: its offset and its bytes. */
export interface Field {
  readonly at: number
  readonly size: number
}

const field = (at: number, size: number): Field => ({ at, size })

/** The version of the interface, VMI_API_REV_MAJOR and _MINOR. A guest takes a ROM of its own major and at least its minor. */
export const VMI_API_MAJOR = 3
export const VMI_API_MINOR = 0

/** 55h AAh, the mark of an option ROM, as a little-endian word. */
export const ROM_SIGNATURE = 0xaa55
/** `cVmi`. */
export const VMI_SIGNATURE = 0x696d_5663
/** The unit of the length byte. The bytes of all units add up to 0 modulo 256. */
export const ROM_BLOCK = 512
/** A length byte's largest value. */
export const ROM_MAX_BLOCKS = 255

/** Option ROMs lie in here, at multiples of {@link ROM_PROBE_STEP}. */
export const ROM_PROBE_START = 0xc_0000
export const ROM_PROBE_END = 0xe_0000
export const ROM_PROBE_STEP = 2048

/** struct vrom_header. Offsets in it count from the ROM's first byte. */
export const HEADER = {
  romSignature: field(0, 2),
  romLength: field(2, 1),
  romEntry: field(3, 4),
  vromSignature: field(8, 4),
  apiVersionMinor: field(12, 1),
  apiVersionMajor: field(13, 1),
  jumpSlots: field(14, 1),
  virtualTop: field(16, 4),
  licenseOffset: field(22, 2),
  pciHeaderOffset: field(24, 2),
  pnpHeaderOffset: field(26, 2),
  /** Reserved for headers: the standard option-ROM header's end, and what a ROM's maker keeps there. */
  reserved: field(32, 96),
  vmiInit: field(128, 8),
  getReloc: field(136, 8),
} as const
export const HEADER_SIZE = 144

/** struct pci_header: the PCI data structure, `PCIR`. */
export const PCI_HEADER = {
  signature: field(0, 4),
  vendorId: field(4, 2),
  deviceId: field(6, 2),
  vitalProductData: field(8, 2),
  length: field(10, 2),
  revision: field(12, 1),
  classCode: field(13, 3),
  imageLength: field(16, 2),
  romVersionMinor: field(18, 1),
  romVersionMajor: field(19, 1),
  codeType: field(20, 1),
  indicator: field(21, 1),
} as const
export const PCI_HEADER_SIZE = 24
export const PCI_SIGNATURE = 'PCIR'
/** The function that carries the ROM: VMware's VMI option ROM. */
export const PCI_VENDOR_ID = 0x15ad
export const PCI_DEVICE_ID = 0x0801
/** Base system peripheral, other (PCI Local Bus 2.3, appendix D). */
export const PCI_CLASS_CODE = 0x08_8000
/** Bit 7 of the indicator: this is the last image in the ROM. */
export const PCI_LAST_IMAGE = 0x80

/** struct pnp_header: the PnP expansion header, `$PnP`. Its bytes add up to 0 modulo 256. */
export const PNP_HEADER = {
  signature: field(0, 4),
  revision: field(4, 1),
  /** In units of 16 bytes. */
  length: field(5, 1),
  next: field(6, 2),
  checksum: field(9, 1),
  deviceId: field(10, 4),
  manufacturer: field(14, 2),
  product: field(16, 2),
} as const
export const PNP_HEADER_SIZE = 32
export const PNP_SIGNATURE = '$PnP'

/** The licences that guests accept, by the string at `licenseOffset`. */
export const LICENSES = ['GPL', 'GPL v2'] as const

/** Answers of `get_reloc`: DL of EDX:EAX; EAX is the address for call and jump. */
export const RELOCATIONS = { none: 0, call: 1, jump: 2, nop: 3 } as const
/** What a guest does with its call site: leaves its native code, calls, jumps, or erases it. */
export type Relocation = keyof typeof RELOCATIONS

/** struct vmi_ap_state, the argument of SetInitialAPState; naturally aligned for i386. */
export const AP_STATE = {
  cr0: field(0, 4),
  cr2: field(4, 4),
  cr3: field(8, 4),
  cr4: field(12, 4),
  efer: field(16, 8),
  eip: field(24, 4),
  eflags: field(28, 4),
  eax: field(32, 4),
  ebx: field(36, 4),
  ecx: field(40, 4),
  edx: field(44, 4),
  esp: field(48, 4),
  ebp: field(52, 4),
  esi: field(56, 4),
  edi: field(60, 4),
  cs: field(64, 2),
  ss: field(66, 2),
  ds: field(68, 2),
  es: field(70, 2),
  fs: field(72, 2),
  gs: field(74, 2),
  ldtr: field(76, 2),
  gdtrLimit: field(78, 2),
  gdtrBase: field(80, 4),
  idtrBase: field(84, 4),
  idtrLimit: field(88, 2),
} as const
export const AP_STATE_SIZE = 92
