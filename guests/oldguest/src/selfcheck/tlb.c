/* Flushes, and batching: what was seen before a change must not be seen after it. */
#include "check.h"

/* A page is read, so that its translation is remembered; it is changed; `flush` makes that known. */
static enum verdict forgets(void (*flush)(void), u32 extra_flags)
{
  show(page_a, extra_flags);
  flush_tlb_kernel();
  u32 first = word_at(FIX_CHECK);
  show(page_b, extra_flags);
  flush();
  u32 second = word_at(FIX_CHECK);
  set_fixmap(FIX_CHECK, 0);
  EXPECT(first == WORD_A);
  EXPECT(second == WORD_B);
  return OK;
}

static void by_user(void) { flush_tlb_user(); }
static void by_kernel(void) { flush_tlb_kernel(); }
static void by_single(void) { flush_tlb_single(FIX_CHECK); }

static enum verdict check_flush_tlb_user(void) { return forgets(by_user, 0); }
static enum verdict check_flush_tlb_kernel(void) { return forgets(by_kernel, pge_enabled ? PAGE_GLOBAL : 0); }
static enum verdict check_flush_tlb_single(void) { return forgets(by_single, pge_enabled ? PAGE_GLOBAL : 0); }

/* For nobody else: it must come back, and our own translations stay usable. */
static enum verdict check_flush_tlb_others(void)
{
  cpumask_t nobody = { { 0 } };
  show(page_a, 0);
  flush_tlb_single(FIX_CHECK);
  flush_tlb_others(&nobody, &init_mm, FIX_CHECK);
  u32 value = word_at(FIX_CHECK);
  set_fixmap(FIX_CHECK, 0);
  EXPECT(value == WORD_A);
  return OK;
}

/* Inside a batch nothing is promised; after it, or after a flush of it, everything is. */
static enum verdict check_set_lazy_mode(void)
{
  show(page_a, 0);
  flush_tlb_single(FIX_CHECK);
  u32 first = word_at(FIX_CHECK);
  set_lazy_mode(PARAVIRT_LAZY_MMU);
  show(page_b, 0);
  set_lazy_mode(PARAVIRT_LAZY_FLUSH);
  flush_tlb_single(FIX_CHECK);
  set_lazy_mode(PARAVIRT_LAZY_FLUSH);
  u32 second = word_at(FIX_CHECK);
  show(page_a, 0);
  flush_tlb_single(FIX_CHECK);
  set_lazy_mode(PARAVIRT_LAZY_NONE);
  u32 third = word_at(FIX_CHECK);
  set_fixmap(FIX_CHECK, 0);
  EXPECT(first == WORD_A && second == WORD_B && third == WORD_A);
  return OK;
}

static const struct check checks[] = {
  MUST(flush_tlb_user), MUST(flush_tlb_kernel), MUST(flush_tlb_single), MUST(flush_tlb_others), MUST(set_lazy_mode),
};
const struct check_group check_tlb = { "tlb", checks, array_size(checks) };
