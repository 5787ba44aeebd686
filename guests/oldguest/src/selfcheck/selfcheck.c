/*
 * The self-check: each of the 92 ops against its meaning, as OPS.md has it, whoever answers it.
 *
 * It runs twice: through the table, and again when the sites are patched. A refusal counts as such only where OPS.md
 * permits one; a fault in an op that the check did not foresee is fatal.
 */
#include "check.h"
#include "sched.h"
#include "selfcheck.h"

#define SLOTS (sizeof(struct paravirt_ops) / 4)

static const struct check_group *const groups[] = {
  &check_info, &check_init, &check_time, &check_irq, &check_cpu, &check_tables, &check_apic, &check_mm, &check_pages, &check_tlb,
};

u32 *page_a, *page_b;
static const char *note;

enum verdict failed(const char *why)
{
  note = why;
  return FAILED;
}

enum verdict refused(const char *why)
{
  note = why;
  return REFUSED;
}

void read_at(void *address) { (void)*(volatile u32 *)address; }
void write_at(void *address) { *(volatile u32 *)address = WORD_A; }

pte_slot *window_slot(void) { return pte_find(swapper_pg_dir, FIX_CHECK); }
void show(void *page, u32 extra_flags) { set_pte(window_slot(), make_pte(virt_to_phys(page) | PAGE_KERNEL | extra_flags)); }

int run_program(const char *name)
{
  int code, pid;
  quiet_faults = 1;
  pid = spawn(program_named(name));
  if (pid >= 0 && wait_task(pid, &code) < 0)
    pid = -1;
  quiet_faults = 0;
  return pid < 0 ? pid : code;
}

void wait_tick(void)
{
  u32 start = jiffies;
  while (jiffies == start)
    safe_halt();
}

static enum verdict run_one(const struct check *c)
{
  if (c->slot > PARAVIRT_SLOT(name) && !((u32 *)&paravirt_ops)[c->slot])
    return failed("the slot is empty");
  note = "";
  enum verdict v = c->run();
  return v == REFUSED && !c->may_refuse ? FAILED : v;
}

void selfcheck(const char *title, int full)
{
  u32 totals[3] = { 0 };
  u8 seen[SLOTS] = { 0 };
  page_a = page_alloc();
  page_b = page_alloc();
  page_a[0] = WORD_A;
  page_b[0] = WORD_B;
  for (u32 g = 0; g < array_size(groups); g++) {
    u32 counts[3] = { 0 };
    for (u32 i = 0; i < groups[g]->count; i++) {
      const struct check *c = &groups[g]->checks[i];
      enum verdict v = run_one(c);
      counts[v]++;
      seen[c->slot]++;
      if (v == FAILED)
        printk("%s: FAILED %s (slot %u): %s\n", title, c->op, c->slot, note);
      else if (v == REFUSED && full)
        printk("%s: refused %s (slot %u): %s\n", title, c->op, c->slot, note);
    }
    if (full)
      printk("%s: %s: %u ok, %u refused, %u failed\n", title, groups[g]->name, counts[OK], counts[REFUSED], counts[FAILED]);
    for (u32 v = OK; v <= FAILED; v++)
      totals[v] += counts[v];
  }
  for (u32 slot = 0; slot < SLOTS; slot++)
    if (seen[slot] != 1)
      panic("slot %u is checked %u times", slot, seen[slot]);
  page_put(virt_to_pfn(page_a));
  page_put(virt_to_pfn(page_b));
  printk("%s: %u ops ok, %u refused (allowed), %u failed\n", title, totals[OK], totals[REFUSED], totals[FAILED]);
}
