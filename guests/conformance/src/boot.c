/* The data slots, and the boot hooks: what they should have left behind is looked at. And the patcher, in a corner. */
#include "case.h"

extern const u8 _end[];

static u32 current_cs(void)
{
  u32 cs;
  asm("mov %%cs, %0" : "=r"(cs));
  return cs;
}

CASE(kernel_rpl, "it is below 3, and the RPL of CS")
{
  EXPECT(paravirt_ops.kernel_rpl < 3);
  EXPECT((current_cs() & 3) == paravirt_ops.kernel_rpl);
  return OK;
}

/* When kernel directories are shared, what the kernel maps later appears in every address space; else it is copied. */
CASE(shared_kernel_pmd, "a new address space has the kernel's mappings")
{
  EXPECT(paravirt_ops.shared_kernel_pmd == 0 || paravirt_ops.shared_kernel_pmd == 1);
  struct mm_struct *mm = new_space();
  EXPECT(mm);
  int same = pte_find(mm->pgd, (u32)&page_a) == pte_find(swapper_pg_dir, (u32)&page_a);
  mm_free(mm);
  EXPECT(same);
  return OK;
}

CASE(paravirt_enabled, "it is 0 or 1, and 1 outside ring 0")
{
  EXPECT(paravirt_ops.paravirt_enabled == 0 || paravirt_ops.paravirt_enabled == 1);
  EXPECT(paravirt_ops.kernel_rpl == 0 || paravirt_ops.paravirt_enabled);
  return OK;
}

CASE(name, "it is a string of 1 to 127 characters")
{
  EXPECT(paravirt_ops.name && paravirt_ops.name[0]);
  EXPECT(strlen(paravirt_ops.name) < 128);
  return OK;
}

/* A call site with a return behind it, patched where nobody runs. */
static u8 scratch[8] __attribute__((aligned(8)));

static u32 patch_scratch(u32 slot)
{
  u32 table = (u32)&paravirt_ops + 4 * slot;
  memset(scratch, 0xCC, sizeof scratch);
  scratch[0] = 0xFF;
  scratch[1] = 0x15;
  memcpy(scratch + 2, &table, 4);
  scratch[6] = 0xC3;
  return pv_patch(slot, CLBR_ANY, scratch, 6);
}

CASE(patch, "a patched call of save_fl is still save_fl")
{
  u32 flags, used = patch_scratch(PARAVIRT_SLOT(save_fl));
  EXPECT(used <= 6);
  for (u32 i = used; i < 6; i++)
    scratch[i] = 0x90;
  u32 expected = save_fl() & X86_EFLAGS_IF;
  asm volatile("call *%1" : "=a"(flags) : "r"(scratch) : "ecx", "edx", "memory", "cc");
  EXPECT((flags & X86_EFLAGS_IF) == expected);
  return OK;
}

CASE(patch, "it writes nothing beyond a site of 6 bytes, whatever the op")
{
  for (u32 slot = PARAVIRT_SLOT(patch); slot <= PARAVIRT_SLOT(iret); slot++) {
    u32 used = patch_scratch(slot);
    EXPECT(used <= 6);
    EXPECT(scratch[6] == 0xC3 && scratch[7] == 0xCC);
  }
  return OK;
}

CASE(arch_setup, "the boot has passed it") { return OK; }
CASE(banner, "the boot has passed it") { return OK; }

CASE(memory_setup, "1 to 32 ranges, and the kernel itself lies in RAM")
{
  int found = 0;
  EXPECT(e820.nr_map > 0 && e820.nr_map <= E820_MAX);
  for (u32 i = 0; i < e820.nr_map; i++) {
    struct e820entry *e = &e820.map[i];
    found |= e->type == 1 && e->addr <= KERNEL_PADDR && e->addr + e->size >= virt_to_phys(_end);
  }
  EXPECT(found);
  return OK;
}

CASE(memory_setup, "no byte is in two ranges of RAM")
{
  for (u32 i = 0; i < e820.nr_map; i++)
    for (u32 j = 0; j < i; j++) {
      struct e820entry *a = &e820.map[i], *b = &e820.map[j];
      if (a->type == 1 && b->type == 1)
        EXPECT(a->addr + a->size <= b->addr || b->addr + b->size <= a->addr);
    }
  return OK;
}

CASE(post_allocator_init, "a page can be had, written, and given back")
{
  u32 *page = page_alloc();
  EXPECT(page);
  page[1023] = WORD_A;
  int kept = page[1023] == WORD_A;
  page_put(virt_to_pfn(page));
  EXPECT(kept);
  return OK;
}

CASE(pagetable_setup_start, "the kernel's tables map the kernel where it is linked")
{
  pte_slot *p = pte_find(swapper_pg_dir, (u32)&scratch);
  EXPECT(p && (read_pte(p) & PAGE_PRESENT));
  EXPECT((read_pte(p) & PAGE_FRAME) == (virt_to_phys(scratch) & ~4095u));
  return OK;
}

CASE(pagetable_setup_done, "nothing is left where user space will be")
{
  EXPECT(reading(0x1000) == FAULT(VECTOR_PF));
  EXPECT(reading(KERNEL_PADDR) == FAULT(VECTOR_PF));
  return OK;
}
