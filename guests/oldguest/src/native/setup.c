/* The boot hooks of bare hardware. */
#include "io.h"
#include "kernel.h"
#include "layout.h"
#include "mm.h"
#include "native.h"
#include "paravirt.h"

/* Any write takes about a microsecond there; port 0x80 is the POST code display, which nobody misses. */
void native_io_delay(void) { outb(0, 0x80); }

void native_banner(void) { printk("paravirt: booting on %s\n", paravirt_ops.name); }

char *native_memory_setup(void) { return multiboot_memory_setup(); }

/*
 * Takes over the page tables that are in force. Usually they are the head's, which are pgd_base already; a kernel that
 * was entered with paging on finds the top level of somebody else's, and keeps what it maps.
 */
void native_pagetable_setup_start(void *pgd_base)
{
  u32 cr3 = read_cr3();
  void *current_pgd = phys_to_virt(cr3 & ~31);
  if (current_pgd != pgd_base)
    memcpy(pgd_base, current_pgd, pae_enabled ? 4 * 8 : PAGE_SIZE);
}

/* The head's map at address 0 has served; user space will live there. */
void native_pagetable_setup_done(void *pgd_base)
{
  for (u32 i = 0; i < pgd_user_entries(); i++)
    set_pgd_entry(pgd_base, i, 0);
}
