/* The boot hooks: called once, long ago; what they should have left behind is looked at. And the patcher, tried in a corner. */
#include "check.h"

extern const u8 _end[];

/* A call of save_fl with a return behind it, patched where nobody runs, and then run: it must still be save_fl. */
static u8 scratch[8] __attribute__((aligned(8)));

static enum verdict check_patch(void)
{
  u32 table = (u32)&paravirt_ops.save_fl, flags;
  scratch[0] = 0xFF;
  scratch[1] = 0x15;
  memcpy(scratch + 2, &table, 4);
  scratch[6] = 0xC3;
  u32 used = pv_patch(PARAVIRT_SLOT(save_fl), CLBR_ANY, scratch, 6);
  EXPECT(used <= 6);
  for (u32 i = used; i < 6; i++)
    scratch[i] = 0x90;
  u32 expected = save_fl() & X86_EFLAGS_IF;
  asm volatile("call *%1" : "=a"(flags) : "r"(scratch) : "ecx", "edx", "memory", "cc");
  EXPECT((flags & X86_EFLAGS_IF) == expected);
  return OK;
}

static enum verdict check_arch_setup(void) { return OK; }
static enum verdict check_banner(void) { return OK; }

/* The map must call the kernel's own memory RAM. */
static enum verdict check_memory_setup(void)
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

static enum verdict check_post_allocator_init(void)
{
  u32 *page = page_alloc();
  EXPECT(page);
  page[1023] = WORD_A;
  int kept = page[1023] == WORD_A;
  page_put(virt_to_pfn(page));
  EXPECT(kept);
  return OK;
}

/* The kernel's mapping is in the kernel's own tables, at its linked address. */
static enum verdict check_pagetable_setup_start(void)
{
  pte_slot *p = pte_find(swapper_pg_dir, (u32)&scratch);
  EXPECT(p && (read_pte(p) & PAGE_PRESENT));
  EXPECT((read_pte(p) & PAGE_FRAME) == (virt_to_phys(scratch) & ~4095u));
  return OK;
}

/* Nothing is left where user space will be. */
static enum verdict check_pagetable_setup_done(void)
{
  EXPECT(trial(read_at, (void *)0x1000) == VECTOR_PF + 1);
  EXPECT(trial(read_at, (void *)KERNEL_PADDR) == VECTOR_PF + 1);
  return OK;
}

static const struct check checks[] = {
  MUST(patch),
  MUST(arch_setup),
  MUST(memory_setup),
  MUST(post_allocator_init),
  MUST(pagetable_setup_start),
  MUST(pagetable_setup_done),
  MUST(banner),
};
const struct check_group check_init = { "init", checks, array_size(checks) };
