/* Page-table entries: what is set is what is seen, once the translation is flushed. */
#include "check.h"
#include "sched.h"

#define FAR_ADDRESS 0x40000000
#define SUBDIRECTORY (pae_enabled ? 0x200000 : 0x400000)

/* Shows page_a in the window, reads it, replaces it by what `set` does, flushes, and reads again. */
static enum verdict replaced_by(void (*set)(pte_slot *, pteval_t))
{
  show(page_a, 0);
  flush_tlb_single(FIX_CHECK);
  u32 first = word_at(FIX_CHECK);
  set(window_slot(), make_pte(virt_to_phys(page_b) | PAGE_KERNEL));
  flush_tlb_single(FIX_CHECK);
  u32 second = word_at(FIX_CHECK);
  set_fixmap(FIX_CHECK, 0);
  EXPECT(first == WORD_A);
  EXPECT(second == WORD_B);
  return OK;
}

static void by_set_pte(pte_slot *p, pteval_t v) { set_pte(p, v); }
static void by_set_pte_at(pte_slot *p, pteval_t v) { set_pte_at(&init_mm, FIX_CHECK, p, v); }
static void by_set_pte_atomic(pte_slot *p, pteval_t v) { set_pte_atomic(p, v); }
static void by_set_pte_present(pte_slot *p, pteval_t v) { set_pte_present(&init_mm, FIX_CHECK, p, v); }

static enum verdict check_set_pte(void) { return replaced_by(by_set_pte); }
static enum verdict check_set_pte_at(void) { return replaced_by(by_set_pte_at); }
static enum verdict check_set_pte_atomic(void) { return replaced_by(by_set_pte_atomic); }
static enum verdict check_set_pte_present(void) { return replaced_by(by_set_pte_present); }

/* Takes the write permission away and says so: a write then faults, a read does not. */
static enum verdict write_protected(void (*say)(struct mm_struct *, u32, pte_slot *))
{
  show(page_a, 0);
  flush_tlb_single(FIX_CHECK);
  u32 before = trial(write_at, (void *)FIX_CHECK);
  set_pte(window_slot(), make_pte(virt_to_phys(page_a) | (PAGE_KERNEL & ~PAGE_RW)));
  say(&init_mm, FIX_CHECK, window_slot());
  flush_tlb_single(FIX_CHECK);
  u32 reading = trial(read_at, (void *)FIX_CHECK), writing = trial(write_at, (void *)FIX_CHECK);
  set_fixmap(FIX_CHECK, 0);
  EXPECT(!before && !reading);
  /* A 386 in ring 0 writes to read-only pages; everything later, with CR0.WP, does not. */
  EXPECT(writing == VECTOR_PF + 1);
  return OK;
}

static void say_update(struct mm_struct *mm, u32 va, pte_slot *p) { pte_update(mm, va, p); }
static void say_update_defer(struct mm_struct *mm, u32 va, pte_slot *p) { pte_update_defer(mm, va, p); }

static enum verdict check_pte_update(void) { return write_protected(say_update); }
static enum verdict check_pte_update_defer(void) { return write_protected(say_update_defer); }

static enum verdict check_pte_clear(void)
{
  show(page_a, 0);
  flush_tlb_single(FIX_CHECK);
  u32 before = trial(read_at, (void *)FIX_CHECK);
  pte_clear(&init_mm, FIX_CHECK, window_slot());
  flush_tlb_single(FIX_CHECK);
  EXPECT(!before);
  EXPECT(trial(read_at, (void *)FIX_CHECK) == VECTOR_PF + 1);
  EXPECT(!(read_pte(window_slot()) & PAGE_PRESENT));
  return OK;
}

/* The directory entry of `va`, found through its table: one table below, one entry up. */
static pte_slot *directory_entry(struct mm_struct *mm, u32 va)
{
  if (!pae_enabled)
    return (pte_slot *)((u32 *)mm->pgd + (va >> 22));
  u64 top = pgd_val(((u64 *)mm->pgd)[va >> 30]);
  return (pte_slot *)((u64 *)phys_to_virt(top & PAGE_FRAME) + (va >> 21 & 511));
}

/* Moves a table to the next directory entry and back again: its page moves with it. */
static enum verdict directory_moves(int *moved, int *gone)
{
  struct mm_struct *mm = mm_alloc(program_named("null"));
  EXPECT(mm);
  u32 there = FAR_ADDRESS + SUBDIRECTORY;
  pte_slot *p = pte_make(mm, FAR_ADDRESS);
  EXPECT(p);
  set_pte_at(mm, FAR_ADDRESS, p, make_pte(virt_to_phys(page_a) | PAGE_KERNEL));
  pte_slot *from = directory_entry(mm, FAR_ADDRESS), *to = directory_entry(mm, there);
  u64 raw = pae_enabled ? *(u64 *)from : *(u32 *)from;
  u64 value = pae_enabled ? pmd_val(raw) : pgd_val(raw);
  write_cr3(virt_to_phys(mm->pgd));
  set_pmd(to, pae_enabled ? make_pmd(value) : make_pgd(value));
  pmd_clear(from);
  flush_tlb_user();
  *moved = !trial(read_at, (void *)there) && word_at(there) == WORD_A;
  *gone = trial(read_at, (void *)FAR_ADDRESS) == VECTOR_PF + 1;
  pte_clear(mm, there, pte_find(mm->pgd, there));
  write_cr3(virt_to_phys(swapper_pg_dir));
  mm_free(mm);
  return OK;
}

static enum verdict check_set_pmd(void)
{
  int moved = 0, gone;
  enum verdict v = directory_moves(&moved, &gone);
  if (v != OK)
    return v;
  EXPECT(moved);
  return OK;
}

static enum verdict check_pmd_clear(void)
{
  int moved, gone = 0;
  enum verdict v = directory_moves(&moved, &gone);
  if (v != OK)
    return v;
  EXPECT(gone);
  return OK;
}

/* Exchanges two quarters of a space that is not loaded, and loads it. */
static enum verdict check_set_pud(void)
{
  if (!pae_enabled)
    return refused("two-level tables");
  struct mm_struct *mm = mm_alloc(program_named("null"));
  EXPECT(mm);
  pte_slot *p = pte_make(mm, FAR_ADDRESS);
  EXPECT(p);
  set_pte_at(mm, FAR_ADDRESS, p, make_pte(virt_to_phys(page_a) | PAGE_KERNEL));
  u64 *top = mm->pgd, first = top[0], second = top[1];
  set_pud((pte_slot *)&top[0], second);
  set_pud((pte_slot *)&top[1], first);
  write_cr3(virt_to_phys(mm->pgd));
  u32 there = trial(read_at, (void *)0), gone = trial(read_at, (void *)FAR_ADDRESS);
  u32 value = there ? 0 : word_at(0);
  write_cr3(virt_to_phys(swapper_pg_dir));
  pte_clear(mm, 0, pte_find(mm->pgd, 0));
  mm_free(mm);
  EXPECT(!there && value == WORD_A);
  EXPECT(gone == VECTOR_PF + 1);
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

static enum verdict check_pte_val(void) { return round_trip(by_pte_val, by_make_pte); }
static enum verdict check_pmd_val(void) { return round_trip(by_pmd_val, by_make_pmd); }
static enum verdict check_pgd_val(void) { return round_trip(by_pgd_val, by_make_pgd); }

/* What make gives is what the processor walks: the kernel's own tables, read back, say where the kernel is. */
static enum verdict check_make_pte(void)
{
  pte_slot *p = window_slot();
  set_pte(p, make_pte(virt_to_phys(page_b) | PAGE_KERNEL));
  flush_tlb_single(FIX_CHECK);
  u32 value = word_at(FIX_CHECK);
  u64 back = read_pte(p);
  set_fixmap(FIX_CHECK, 0);
  EXPECT(value == WORD_B);
  EXPECT((back & PAGE_FRAME) == virt_to_phys(page_b));
  return OK;
}

static enum verdict check_make_pmd(void)
{
  if (!pae_enabled)
    return round_trip(by_pmd_val, by_make_pmd);
  return check_set_pmd();
}

static enum verdict check_make_pgd(void)
{
  struct mm_struct *mm = mm_alloc(program_named("null"));
  EXPECT(mm);
  write_cr3(virt_to_phys(mm->pgd));
  u32 fault = trial(read_at, page_a);
  write_cr3(virt_to_phys(swapper_pg_dir));
  mm_free(mm);
  EXPECT(!fault);
  return round_trip(by_pgd_val, by_make_pgd);
}

static const struct check checks[] = {
  MUST(set_pte),         MUST(set_pte_at), MUST(set_pmd),   MUST(pte_update), MUST(pte_update_defer), MUST(set_pte_atomic),
  MUST(set_pte_present), MAY_REFUSE(set_pud), MUST(pte_clear), MUST(pmd_clear),  MUST(pte_val),          MUST(pmd_val),
  MUST(pgd_val),         MUST(make_pte),   MUST(make_pmd),  MUST(make_pgd),
};
const struct check_group check_pages = { "pages", checks, array_size(checks) };
