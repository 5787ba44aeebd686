/* Address spaces: made, copied on write, and undone. Two regions each: the program's image with its BSS, and the stack. */
#include "mm.h"
#include "paravirt.h"
#include "sched.h"

#define SPACES_MAX TASKS_MAX
static struct mm_struct spaces[SPACES_MAX];

static struct mm_struct *space_free_slot(void)
{
  for (u32 i = 0; i < SPACES_MAX; i++)
    if (!spaces[i].pgd)
      return &spaces[i];
  return NULL;
}

struct mm_struct *mm_alloc(const struct program *program)
{
  struct mm_struct *mm = space_free_slot();
  if (!mm || !(mm->pgd = pgd_alloc()))
    return NULL;
  mm->program = program;
  return mm;
}

/* Calls visit(mm, to, address) for every page that the two regions may have. */
static int for_each_page(struct mm_struct *mm, struct mm_struct *to, int (*visit)(struct mm_struct *, struct mm_struct *, u32))
{
  u32 image_end = mm->program->image->mem_end;
  for (u32 va = USER_IMAGE_BASE; va < image_end; va += PAGE_SIZE)
    if (visit(mm, to, va))
      return -ENOMEM;
  for (u32 i = 1; i <= USER_STACK_PAGES; i++)
    if (visit(mm, to, USER_STACK_TOP - i * PAGE_SIZE))
      return -ENOMEM;
  return 0;
}

/* Writable pages lose their write permission on both sides, and the first to write gets a copy. */
static int share_page(struct mm_struct *from, struct mm_struct *to, u32 va)
{
  pte_slot *source = pte_find(from->pgd, va);
  u64 value = source ? read_pte(source) : 0;
  if (!(value & PAGE_PRESENT))
    return 0;
  pte_slot *target = pte_make(to, va);
  if (!target)
    return -ENOMEM;
  if (value & PAGE_RW) {
    value = (value & ~(u64)PAGE_RW) | PAGE_COW;
    set_pte_at(from, va, source, make_pte(value));
    pte_update(from, va, source);
  }
  page_get((value & PAGE_FRAME) >> 12);
  set_pte_at(to, va, target, make_pte(value & ~(u64)PAGE_DIRTY));
  return 0;
}

static int drop_page(struct mm_struct *mm, struct mm_struct *unused, u32 va)
{
  (void)unused;
  pte_slot *p = pte_find(mm->pgd, va);
  u64 value = p ? read_pte(p) : 0;
  if (value & PAGE_PRESENT) {
    pte_clear(mm, va, p);
    page_put((value & PAGE_FRAME) >> 12);
  }
  return 0;
}

struct mm_struct *mm_copy(struct mm_struct *from)
{
  struct mm_struct *to = mm_alloc(from->program);
  if (!to)
    return NULL;
  set_lazy_mode(PARAVIRT_LAZY_MMU);
  int failed = for_each_page(from, to, share_page);
  set_lazy_mode(PARAVIRT_LAZY_NONE);
  flush_tlb_user();
  if (failed) {
    mm_free(to);
    return NULL;
  }
  dup_mmap(from, to);
  return to;
}

/* The address space must not be the loaded one. */
void mm_free(struct mm_struct *mm)
{
  exit_mmap(mm);
  set_lazy_mode(PARAVIRT_LAZY_MMU);
  for_each_page(mm, NULL, drop_page);
  set_lazy_mode(PARAVIRT_LAZY_NONE);
  pgd_free(mm->pgd);
  mm->pgd = NULL;
}
