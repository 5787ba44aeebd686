/*
 * Finding the ROM: among the option ROMs, at steps of 2 KiB, with the checks of Linux 2.6.21 (arch/i386/kernel/vmi.c) and,
 * as the specification's "Detection" wants, the checksum of every option ROM.
 */
#include "vmi.h"
#include "kernel.h"
#include "mm.h"
#include "types.h"

/* PCI data structure and PnP expansion header (PCI Firmware Specification; Plug and Play BIOS Specification 1.0A). */
struct pci_header {
  u32 signature;
  u16 vendor, device;
  u16 vpd, size;
  u8 revision, class, subclass, interface;
  u16 chunks;
  u8 rom_version_min, rom_version_maj;
} packed;
struct pnp_header {
  u32 signature;
  u8 revision, size;
  u16 next, reserved;
  u32 device;
  u16 manufacturer_offs, product_offs;
} packed;

static const char *at(const struct vrom_header *rom, u32 offset) { return (const char *)rom + offset; }

static int text_is(const char *text, const char *wanted) { return !strncmp(text, wanted, strlen(wanted) + 1); }

static u32 checksum(const struct vrom_header *rom)
{
  u8 sum = 0;
  for (u32 i = 0; i < rom->rom_length * VMI_ROM_BLOCK; i++)
    sum += (u8)*at(rom, i);
  return sum;
}

/* Names within the ROM, or a word for their absence. */
static const char *name_at(const struct vrom_header *rom, u32 offset)
{
  return offset && offset < rom->rom_length * VMI_ROM_BLOCK ? at(rom, offset) : "unknown";
}

static int usable(const struct vrom_header *rom)
{
  u32 bytes = rom->rom_length * VMI_ROM_BLOCK;
  if (rom->rom_signature != VMI_ROM_SIGNATURE || rom->vrom_signature != VMI_SIGNATURE)
    return 0;
  u32 base = virt_to_phys(rom);
  if (bytes < sizeof *rom || base + bytes > VMI_ROM_PROBE_END) {
    printk("VMI: ROM at %05x: length %u\n", base, bytes);
    return 0;
  }
  if (checksum(rom)) {
    printk("VMI: ROM at %05x: checksum %02x\n", base, checksum(rom));
    return 0;
  }
  if (rom->api_version_maj != VMI_API_MAJOR || rom->api_version_min + 1 < VMI_API_MINOR + 1) {
    printk("VMI: ROM at %05x: API version %u.%u\n", base, rom->api_version_maj, rom->api_version_min);
    return 0;
  }
  if (!rom->pci_header_offs || rom->pci_header_offs + sizeof(struct pci_header) > bytes) {
    printk("VMI: ROM at %05x: no PCI header\n", base);
    return 0;
  }
  const struct pci_header *pci = (const void *)at(rom, rom->pci_header_offs);
  if (pci->vendor != VMI_PCI_VENDOR_ID || pci->device != VMI_PCI_DEVICE_ID)
    printk("VMI: ROM at %05x: of an unknown device %04x:%04x\n", base, pci->vendor, pci->device);
  const char *license = name_at(rom, rom->license_offs);
  if (!text_is(license, "GPL") && !text_is(license, "GPL v2")) {
    printk("VMI: ROM at %05x: its licence is '%s'\n", base, license);
    return 0;
  }
  const char *maker = "unknown", *product = "unknown";
  if (rom->pnp_header_offs && rom->pnp_header_offs + sizeof(struct pnp_header) <= bytes) {
    const struct pnp_header *pnp = (const void *)at(rom, rom->pnp_header_offs);
    maker = name_at(rom, pnp->manufacturer_offs);
    product = name_at(rom, pnp->product_offs);
  }
  printk("VMI: ROM at %05x: %s %s, API version %u.%u, ROM version %u.%u\n", base, maker, product, rom->api_version_maj,
         rom->api_version_min, pci->rom_version_maj, pci->rom_version_min);
  return 1;
}

const struct vrom_header *vmi_probe(void)
{
  for (u32 base = VMI_ROM_PROBE_START; base < VMI_ROM_PROBE_END; base += VMI_ROM_PROBE_STEP)
    if (usable(phys_to_virt(base)))
      return phys_to_virt(base);
  return NULL;
}
