/*
 * VMI, for the variant of this kernel that looks for a VMI ROM by itself (CONFIG_VMI; oldguest-vmi.elf).
 *
 * The interface is that of Linux 2.6.21 to 2.6.36 (API 3.0): a ROM among the option ROMs says, call by call, where it
 * wants to be called instead of native code.
 */
#ifndef OLDGUEST_VMI_H
#define OLDGUEST_VMI_H

#include "vmi-abi.h"

#ifndef __ASSEMBLER__
#include "kernel.h"
#include "paravirt_ops.h"

struct vrom_header {
  u16 rom_signature;
  u8 rom_length; /* in units of 512 bytes */
  u8 rom_entry[4];
  u8 rom_pad0;
  u32 vrom_signature;
  u8 api_version_min, api_version_maj;
  u8 jump_slots;
  u8 reserved1;
  u32 virtual_top; /* the hypervisor's part of the address space begins here */
  u16 reserved2;
  u16 license_offs, pci_header_offs, pnp_header_offs;
  u32 rom_pad3;
  u8 reserved[96];
  u8 vmi_init[8], get_reloc[8]; /* code, to be called where it lies */
} packed;
_Static_assert(offsetof(struct vrom_header, vmi_init) == 128, "header of API 3.0");

struct vmi_relocation {
  u32 eip;
  u8 type;
};

/* probe.c: the first ROM that this kernel would use, or NULL; says why others were left. */
const struct vrom_header *vmi_probe(void);
/* What the ROM answers for a call; one of an unknown kind is taken for none, and said. */
struct vmi_relocation vmi_relocation(u32 call);
/* The ROM's function for a call; NULL where native code is to stay. Jumps are not functions: panics. */
void *vmi_function(u32 call);

/* top.c: everything from -`bytes` on is somebody else's. Before the fixed mappings are used. */
void reserve_top_address(u32 bytes);

/* ops.c: looks for a ROM, reserves the hypervisor's addresses, fills the table, patches. Before paging_init. */
void vmi_setup(void);
extern const struct vrom_header *vmi_rom;

/* patch.c */
u32 vmi_patch(u8 type, u16 clobbers, void *site, u32 len);

/* mmu.c, clock.c: the wrapped groups. Each fills its slots as far as the ROM has functions for them. */
void vmi_fill_mmu(void);
/* Tells the ROM of the page tables that start-of-day has built. */
void vmi_announce_tables(void);
void vmi_fill_clock(void);

#endif
#endif
