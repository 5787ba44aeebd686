/* What the cases share. */
#include "case.h"

/* A tick and a half. */
#define LONG_NS (NS_PER_TICK * 3 / 2)
#define TURNS 2000
#define MOST_LOOKS 5000

u32 *page_a, *page_b;

void read_at(void *address) { (void)*(volatile u32 *)address; }
void write_at(void *address) { *(volatile u32 *)address = WORD_A; }

pte_slot *window(u32 va) { return pte_find(swapper_pg_dir, va); }
void show(void *page, u32 extra_flags) { set_pte(window(FIX_CHECK), make_pte(virt_to_phys(page) | PAGE_KERNEL | extra_flags)); }

void remember_a(u32 extra_flags)
{
  show(page_a, extra_flags);
  flush_tlb_kernel();
  (void)word_at(FIX_CHECK);
}

u32 interrupts(void)
{
  u32 sum = 0;
  for (u32 i = 0; i < IRQS; i++)
    sum += *(volatile u32 *)&irq_counts[i];
  return sum;
}

void wait_tick(void)
{
  u32 start = jiffies;
  while (jiffies == start)
    safe_halt();
}

/* Computes: nobody is asked for anything but the time. A clock that stands still ends it too. */
void outlast_a_tick(void)
{
  u64 start = sched_clock();
  for (u32 looks = 0; looks < MOST_LOOKS && sched_clock() - start < LONG_NS; looks++)
    for (u32 turn = 0; turn < TURNS; turn++)
      asm volatile("");
}

u32 let_one_wait(void)
{
  wait_tick();
  irq_disable();
  u32 count = interrupts();
  outlast_a_tick();
  return count;
}

struct mm_struct *new_space(void) { return mm_alloc(program_named("null")); }
void load_space(struct mm_struct *mm) { write_cr3(virt_to_phys(mm->pgd)); }
void load_kernel_space(void) { write_cr3(virt_to_phys(swapper_pg_dir)); }

pte_slot *map_far(struct mm_struct *mm, void *page)
{
  pte_slot *p = pte_make(mm, FAR_ADDRESS);
  if (p)
    set_pte_at(mm, FAR_ADDRESS, p, make_pte(virt_to_phys(page) | PAGE_KERNEL));
  return p;
}

void unmap_far(struct mm_struct *mm)
{
  pte_slot *p = pte_find(mm->pgd, FAR_ADDRESS);
  if (p)
    pte_clear(mm, FAR_ADDRESS, p);
}

u32 look(struct mm_struct *mm, u32 va)
{
  load_space(mm);
  u32 value = reading(va) ? 0 : word_at(va);
  load_kernel_space();
  return value;
}

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
