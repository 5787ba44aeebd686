/* Address spaces and page tables as wholes: their hooks must leave them working, and give back what they took. */
#include "check.h"
#include "sched.h"

#define STACK_PAGE (USER_STACK_TOP - PAGE_SIZE)
/* Where no space has a table yet. */
#define FAR_ADDRESS 0x40000000

static struct mm_struct *new_space(void) { return mm_alloc(program_named("null")); }

/* What is at `va` in that space; *fault is 0 or 1 + the vector. */
static u32 look(struct mm_struct *mm, u32 va, u32 *fault)
{
  write_cr3(virt_to_phys(mm->pgd));
  *fault = trial(read_at, (void *)va);
  u32 value = *fault ? 0 : word_at(va);
  write_cr3(virt_to_phys(swapper_pg_dir));
  return value;
}

static enum verdict check_activate_mm(void)
{
  struct mm_struct *mm = new_space();
  u32 fault;
  EXPECT(mm);
  activate_mm(&init_mm, mm);
  int made = !handle_mm_fault(mm, STACK_PAGE, 1);
  look(mm, STACK_PAGE, &fault);
  mm_free(mm);
  EXPECT(made && !fault);
  return OK;
}

/* After the copy, a write on one side is not seen on the other. */
static enum verdict check_dup_mmap(void)
{
  struct mm_struct *mm = new_space();
  u32 fault[2], value[2];
  EXPECT(mm && !handle_mm_fault(mm, STACK_PAGE, 1));
  struct mm_struct *copy = mm_copy(mm);
  EXPECT(copy && !handle_mm_fault(copy, STACK_PAGE, 1));
  write_cr3(virt_to_phys(copy->pgd));
  u32 wrote = trial(write_at, (void *)STACK_PAGE);
  write_cr3(virt_to_phys(swapper_pg_dir));
  value[0] = look(mm, STACK_PAGE, &fault[0]);
  value[1] = look(copy, STACK_PAGE, &fault[1]);
  mm_free(copy);
  mm_free(mm);
  EXPECT(!wrote && !fault[0] && !fault[1]);
  EXPECT(value[0] == 0 && value[1] == WORD_A);
  return OK;
}

static enum verdict check_exit_mmap(void)
{
  u32 before = free_pages;
  struct mm_struct *mm = new_space();
  EXPECT(mm && !handle_mm_fault(mm, STACK_PAGE, 1));
  mm_free(mm);
  EXPECT(free_pages == before);
  return OK;
}

/* A page that was a table, or a directory, and is no longer, is memory like any other. */
static enum verdict check_ordinary_again(u32 *page)
{
  page[0] = WORD_B;
  int kept = page[0] == WORD_B;
  page_put(virt_to_pfn(page));
  EXPECT(kept);
  return OK;
}

/* Maps page_a where the space has no table: the new table must be walked. */
static enum verdict check_alloc_pt(void)
{
  struct mm_struct *mm = new_space();
  u32 fault;
  EXPECT(mm && !pte_find(mm->pgd, FAR_ADDRESS));
  pte_slot *p = pte_make(mm, FAR_ADDRESS);
  EXPECT(p);
  set_pte_at(mm, FAR_ADDRESS, p, make_pte(virt_to_phys(page_a) | PAGE_KERNEL));
  u32 value = look(mm, FAR_ADDRESS, &fault);
  pte_clear(mm, FAR_ADDRESS, p);
  look(mm, FAR_ADDRESS, &(u32){ 0 });
  mm_free(mm);
  EXPECT(!fault && value == WORD_A);
  return OK;
}

static enum verdict check_release_pt(void)
{
  u32 *page = page_alloc();
  EXPECT(page);
  alloc_pt(&init_mm, virt_to_pfn(page));
  release_pt(virt_to_pfn(page));
  return check_ordinary_again(page);
}

/* A space's top level (two-level tables) or directories (PAE) are announced with alloc_pd; the space must load. */
static enum verdict check_alloc_pd(void)
{
  struct mm_struct *mm = new_space();
  EXPECT(mm);
  write_cr3(virt_to_phys(mm->pgd));
  u32 fault = trial(read_at, page_a), value = fault ? 0 : page_a[0];
  write_cr3(virt_to_phys(swapper_pg_dir));
  mm_free(mm);
  EXPECT(!fault && value == WORD_A);
  return OK;
}

/* A directory that begins as a copy of the kernel's: announcing it must not change what it says. */
static enum verdict check_alloc_pd_clone(void)
{
  u32 *page = page_alloc();
  EXPECT(page);
  u32 *kernel = (u32 *)swapper_pg_dir;
  u32 first = pae_enabled ? 0 : PAGE_OFFSET >> 22, count = pae_enabled ? 4 : 1024 - first;
  u32 words = pae_enabled ? 8 : 1024, from = pae_enabled ? 0 : first;
  for (u32 i = from; i < words; i++)
    page[i] = kernel[i];
  alloc_pd_clone(virt_to_pfn(page), virt_to_pfn(swapper_pg_dir), first, count);
  int same = !memcmp(page + from, kernel + from, (words - from) * 4);
  release_pd(virt_to_pfn(page));
  page_put(virt_to_pfn(page));
  EXPECT(same);
  return OK;
}

static enum verdict check_release_pd(void)
{
  u32 *page = page_alloc();
  EXPECT(page);
  alloc_pd(virt_to_pfn(page));
  release_pd(virt_to_pfn(page));
  return check_ordinary_again(page);
}

static const struct check checks[] = {
  MUST(activate_mm), MUST(dup_mmap),       MUST(exit_mmap),  MUST(alloc_pt),
  MUST(alloc_pd),    MUST(alloc_pd_clone), MUST(release_pt), MUST(release_pd),
};
const struct check_group check_mm = { "mm", checks, array_size(checks) };
