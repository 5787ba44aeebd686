/* What the cases share. */
#include "case.h"

#define STRAY_PORT 0x80
#define TICK_NS 15000000
#define POLLS 16
#define MOST_POLLS 40000

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

/* A port access takes a microsecond of a machine's time, or the trouble of emulating it. */
void outlast_a_tick(void)
{
  u64 start = sched_clock();
  for (u32 polls = 0; polls < MOST_POLLS && sched_clock() - start < TICK_NS; polls += POLLS)
    for (u32 i = 0; i < POLLS; i++)
      inb(STRAY_PORT);
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
