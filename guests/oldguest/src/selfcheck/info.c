/* The data slots. */
#include "check.h"
#include "sched.h"

static u32 current_cs(void)
{
  u32 cs;
  asm("mov %%cs, %0" : "=r"(cs));
  return cs;
}

static enum verdict check_kernel_rpl(void)
{
  EXPECT(paravirt_ops.kernel_rpl < 3);
  EXPECT((current_cs() & 3) == paravirt_ops.kernel_rpl);
  return OK;
}

/* When kernel directories are shared, what the kernel maps later appears in every address space; else it is copied. */
static enum verdict check_shared_kernel_pmd(void)
{
  EXPECT(paravirt_ops.shared_kernel_pmd == 0 || paravirt_ops.shared_kernel_pmd == 1);
  struct mm_struct *mm = mm_alloc(program_named("null"));
  EXPECT(mm);
  pte_slot *in_space = pte_find(mm->pgd, (u32)&page_a);
  int same = in_space == pte_find(swapper_pg_dir, (u32)&page_a);
  mm_free(mm);
  EXPECT(same);
  return OK;
}

static enum verdict check_paravirt_enabled(void)
{
  EXPECT(paravirt_ops.paravirt_enabled == 0 || paravirt_ops.paravirt_enabled == 1);
  EXPECT(paravirt_ops.kernel_rpl == 0 || paravirt_ops.paravirt_enabled);
  return OK;
}

static enum verdict check_name(void)
{
  EXPECT(paravirt_ops.name && paravirt_ops.name[0]);
  EXPECT(strlen(paravirt_ops.name) < 128);
  return OK;
}

static const struct check checks[] = {
  MUST(kernel_rpl),
  MUST(shared_kernel_pmd),
  MUST(paravirt_enabled),
  MUST(name),
};
const struct check_group check_info = { "info", checks, array_size(checks) };
