/* Page-table entries: what is set is what the processor walks, and nothing else changes. */
#include "case.h"

static void by_set_pte(pte_slot *p, pteval_t v) { set_pte(p, v); }
static void by_set_pte_at(pte_slot *p, pteval_t v) { set_pte_at(&init_mm, FIX_CHECK, p, v); }
static void by_set_pte_atomic(pte_slot *p, pteval_t v) { set_pte_atomic(p, v); }
static void by_set_pte_present(pte_slot *p, pteval_t v) { set_pte_present(&init_mm, FIX_CHECK, p, v); }

typedef void setter(pte_slot *, pteval_t);

/* page_a is in the window and has been seen; `set` puts page_b there. */
static enum verdict replaces(setter *set)
{
  remember_a(0);
  set(window(FIX_CHECK), make_pte(virt_to_phys(page_b) | PAGE_KERNEL));
  flush_tlb_single(FIX_CHECK);
  EXPECT(word_at(FIX_CHECK) == WORD_B);
  return OK;
}

/* A translation that is not present is never remembered (SDM vol. 3, 4.10.2.3), so no flush follows. */
static enum verdict makes_present(setter *set)
{
  EXPECT(reading(FIX_CHECK) == FAULT(VECTOR_PF));
  set(window(FIX_CHECK), make_pte(virt_to_phys(page_b) | PAGE_KERNEL));
  EXPECT(!reading(FIX_CHECK) && word_at(FIX_CHECK) == WORD_B);
  return OK;
}

/* Both neighbours, the one above is the second window. */
static enum verdict changes_no_other(setter *set)
{
  pte_slot *below = window(FIX_CHECK - PAGE_SIZE), *above = window(FIX_CHECK2);
  set_pte(above, make_pte(virt_to_phys(page_a) | PAGE_KERNEL));
  u64 low = read_pte(below);
  set(window(FIX_CHECK), make_pte(virt_to_phys(page_b) | PAGE_KERNEL));
  EXPECT(read_pte(below) == low);
  flush_tlb_single(FIX_CHECK2);
  EXPECT(!reading(FIX_CHECK2) && word_at(FIX_CHECK2) == WORD_A);
  return OK;
}

static enum verdict takes_write_away(setter *set)
{
  remember_a(0);
  EXPECT(!writing(FIX_CHECK));
  set(window(FIX_CHECK), make_pte(virt_to_phys(page_a) | (PAGE_KERNEL & ~PAGE_RW)));
  flush_tlb_single(FIX_CHECK);
  EXPECT(!reading(FIX_CHECK));
  /* A 386 in ring 0 writes to read-only pages; everything later, with CR0.WP, does not. */
  EXPECT(writing(FIX_CHECK) == FAULT(VECTOR_PF));
  return OK;
}

#define SEEN "after a flush the new page is seen"
#define FRESH "a page where none was needs no flush"
#define OTHERS "no other entry changes"
#define READ_ONLY "a page made read-only faults when written, not when read"

CASE(set_pte, SEEN) { return replaces(by_set_pte); }
CASE(set_pte, FRESH) { return makes_present(by_set_pte); }
CASE(set_pte, OTHERS) { return changes_no_other(by_set_pte); }
CASE(set_pte, READ_ONLY) { return takes_write_away(by_set_pte); }
CASE(set_pte_at, SEEN) { return replaces(by_set_pte_at); }
CASE(set_pte_at, FRESH) { return makes_present(by_set_pte_at); }
CASE(set_pte_at, OTHERS) { return changes_no_other(by_set_pte_at); }
CASE(set_pte_atomic, SEEN) { return replaces(by_set_pte_atomic); }
CASE(set_pte_atomic, FRESH) { return makes_present(by_set_pte_atomic); }
CASE(set_pte_atomic, OTHERS) { return changes_no_other(by_set_pte_atomic); }
CASE(set_pte_present, SEEN) { return replaces(by_set_pte_present); }
CASE(set_pte_present, READ_ONLY) { return takes_write_away(by_set_pte_present); }

CASE(set_pte_at, "in a space that is not loaded, it is there once it is")
{
  struct mm_struct *mm = new_space();
  EXPECT(mm && map_far(mm, page_a));
  look(mm, FAR_ADDRESS);
  set_pte_at(mm, FAR_ADDRESS, pte_find(mm->pgd, FAR_ADDRESS), make_pte(virt_to_phys(page_b) | PAGE_KERNEL));
  u32 value = look(mm, FAR_ADDRESS);
  unmap_far(mm);
  mm_free(mm);
  EXPECT(value == WORD_B);
  return OK;
}

/* Takes the write permission away and says so. */
static enum verdict write_protected(void (*say)(struct mm_struct *, u32, pte_slot *))
{
  remember_a(0);
  set_pte(window(FIX_CHECK), make_pte(virt_to_phys(page_a) | (PAGE_KERNEL & ~PAGE_RW)));
  say(&init_mm, FIX_CHECK, window(FIX_CHECK));
  flush_tlb_single(FIX_CHECK);
  EXPECT(!reading(FIX_CHECK));
  EXPECT(writing(FIX_CHECK) == FAULT(VECTOR_PF));
  return OK;
}

static void say_update(struct mm_struct *mm, u32 va, pte_slot *p) { pte_update(mm, va, p); }
static void say_update_defer(struct mm_struct *mm, u32 va, pte_slot *p) { pte_update_defer(mm, va, p); }

CASE(pte_update, READ_ONLY) { return write_protected(say_update); }
CASE(pte_update_defer, READ_ONLY) { return write_protected(say_update_defer); }

CASE(pte_clear, "the page faults")
{
  remember_a(0);
  pte_clear(&init_mm, FIX_CHECK, window(FIX_CHECK));
  flush_tlb_single(FIX_CHECK);
  EXPECT(reading(FIX_CHECK) == FAULT(VECTOR_PF));
  EXPECT(!(read_pte(window(FIX_CHECK)) & PAGE_PRESENT));
  return OK;
}

CASE(pte_clear, OTHERS)
{
  set_pte(window(FIX_CHECK2), make_pte(virt_to_phys(page_b) | PAGE_KERNEL));
  show(page_a, 0);
  pte_clear(&init_mm, FIX_CHECK, window(FIX_CHECK));
  flush_tlb_kernel();
  EXPECT(!reading(FIX_CHECK2) && word_at(FIX_CHECK2) == WORD_B);
  return OK;
}

/* The directory entry of `va`, one table up. */
static pte_slot *directory_entry(struct mm_struct *mm, u32 va)
{
  if (!pae_enabled)
    return (pte_slot *)((u32 *)mm->pgd + (va >> 22));
  u64 top = pgd_val(((u64 *)mm->pgd)[va >> 30]);
  return (pte_slot *)((u64 *)phys_to_virt(top & PAGE_FRAME) + (va >> 21 & 511));
}

/* Moves a table, with page_a in it, to the next directory entry; whether it arrived there, and is gone from here. */
static enum verdict move_table(int *moved, int *gone)
{
  struct mm_struct *mm = new_space();
  u32 there = FAR_ADDRESS + SUBDIRECTORY;
  EXPECT(mm && map_far(mm, page_a));
  pte_slot *from = directory_entry(mm, FAR_ADDRESS), *to = directory_entry(mm, there);
  u64 raw = pae_enabled ? *(u64 *)from : *(u32 *)from;
  u64 value = pae_enabled ? pmd_val(raw) : pgd_val(raw);
  load_space(mm);
  (void)reading(FAR_ADDRESS);
  set_pmd(to, pae_enabled ? make_pmd(value) : make_pgd(value));
  pmd_clear(from);
  flush_tlb_user();
  *moved = !reading(there) && word_at(there) == WORD_A;
  *gone = reading(FAR_ADDRESS) == FAULT(VECTOR_PF);
  if (*moved)
    pte_clear(mm, there, pte_find(mm->pgd, there));
  load_kernel_space();
  mm_free(mm);
  return OK;
}

CASE(set_pmd, "a table moved to another entry is walked there")
{
  int moved = 0, gone = 0;
  EXPECT(move_table(&moved, &gone) == OK);
  EXPECT(moved);
  return OK;
}

CASE(pmd_clear, "all pages of the table fault")
{
  int moved = 0, gone = 0;
  EXPECT(move_table(&moved, &gone) == OK);
  EXPECT(gone);
  return OK;
}

CASE(set_pud, "two quarters of a space are exchanged before it is loaded")
{
  if (!pae_enabled)
    return refused("two-level tables");
  struct mm_struct *mm = new_space();
  EXPECT(mm && map_far(mm, page_a));
  u64 *top = mm->pgd, first = top[0], second = top[1];
  set_pud((pte_slot *)&top[0], second);
  set_pud((pte_slot *)&top[1], first);
  u32 value = look(mm, FAR_ADDRESS & 0x3FFFFFFF), old = look(mm, FAR_ADDRESS);
  pte_clear(mm, 0, pte_find(mm->pgd, FAR_ADDRESS & 0x3FFFFFFF));
  mm_free(mm);
  EXPECT(value == WORD_A);
  EXPECT(old == 0);
  return OK;
}

/* make and val undo each other, for entries that are present and for those that are not. */
static enum verdict round_trip(u64 (*val)(pteval_t), pteval_t (*make)(u64))
{
  u64 page = virt_to_phys(page_a);
  const u64 values[] = { 0, page | PAGE_KERNEL, page | PAGE_PRESENT, page | TABLE_USER, PAGE_COW };
  for (u32 i = 0; i < array_size(values); i++)
    EXPECT(val(make(values[i])) == values[i]);
  return OK;
}

static u64 by_pte_val(pteval_t v) { return pte_val(v); }
static u64 by_pmd_val(pteval_t v) { return pmd_val(v); }
static u64 by_pgd_val(pteval_t v) { return pgd_val(v); }
static pteval_t by_make_pte(u64 v) { return make_pte(v); }
static pteval_t by_make_pmd(u64 v) { return make_pmd(v); }
static pteval_t by_make_pgd(u64 v) { return make_pgd(v); }

CASE(pte_val, "it undoes make_pte") { return round_trip(by_pte_val, by_make_pte); }
CASE(pmd_val, "it undoes make_pmd") { return round_trip(by_pmd_val, by_make_pmd); }
CASE(pgd_val, "it undoes make_pgd") { return round_trip(by_pgd_val, by_make_pgd); }

CASE(make_pte, "the entry maps the page that it names")
{
  set_pte(window(FIX_CHECK), make_pte(virt_to_phys(page_b) | PAGE_KERNEL));
  flush_tlb_single(FIX_CHECK);
  EXPECT(word_at(FIX_CHECK) == WORD_B);
  EXPECT((read_pte(window(FIX_CHECK)) & PAGE_FRAME) == virt_to_phys(page_b));
  return OK;
}

CASE(make_pmd, "the entry leads to the table that it names")
{
  int moved = 0, gone = 0;
  if (!pae_enabled)
    return round_trip(by_pmd_val, by_make_pmd);
  EXPECT(move_table(&moved, &gone) == OK);
  EXPECT(moved);
  return OK;
}

CASE(make_pgd, "the space that it makes loads")
{
  struct mm_struct *mm = new_space();
  EXPECT(mm && map_far(mm, page_b));
  u32 value = look(mm, FAR_ADDRESS);
  unmap_far(mm);
  mm_free(mm);
  EXPECT(value == WORD_B);
  return OK;
}
