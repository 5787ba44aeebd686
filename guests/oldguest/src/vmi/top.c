/* Where the fixed mappings are: in the last 4 MiB of the address space, or below what a hypervisor keeps for itself. */
#include "kernel.h"
#include "layout.h"
#include "vmi.h"

#define FIXMAP_BYTES 0x400000

u32 fixmap_base = -FIXMAP_BYTES;

void reserve_top_address(u32 bytes)
{
  u32 base = (-bytes - FIXMAP_BYTES) & -FIXMAP_BYTES;
  if (base >= fixmap_base)
    return;
  if (base < PAGE_OFFSET + LINEAR_MAX)
    panic("%u bytes reserved at the top leave no room for the fixed mappings", bytes);
  fixmap_base = base;
}
