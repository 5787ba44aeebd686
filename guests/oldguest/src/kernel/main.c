/* The boot, in order. */
#include "desc.h"
#include "kernel.h"
#include "paravirt.h"
#include "sched.h"
#include "selfcheck.h"
#include "trap.h"
#ifdef CONFIG_VMI
#include "vmi.h"
#endif

#define VERSION "1.0"

static void patch_sites(void)
{
  struct patch_counts counts;
#ifdef CONFIG_VMI
  if (vmi_rom) {
    printk("paravirt: the sites are patched already\n");
    return;
  }
#endif
  apply_paravirt(&counts);
  printk("paravirt: %u sites: %u inlined, %u calls, %u jumps, %u erased, %u left\n", counts.sites, counts.inlined, counts.calls,
         counts.jumps, counts.erased, counts.untouched);
}

/* Before the sites are patched, or, with `register=late`, when it is too late. */
enum registration { NEVER, EARLY, LATE };

static enum registration registration(void)
{
  const char *when = option_value("register");
  if (when && !strncmp(when, "late", 4))
    return LATE;
  return option("register") ? EARLY : NEVER;
}

static void ask_for_ops(void)
{
  register_ops();
  if (!option("noselfcheck"))
    selfcheck("selfcheck, ops registered", 0);
}

static void run_processes(void)
{
  static const char *const names[] = { "counter", "pager", "compute" };
  int pids[array_size(names)], codes[array_size(names)];
  for (u32 i = 0; i < array_size(names); i++) {
    pids[i] = spawn(program_named(names[i]));
    if (pids[i] < 0)
      panic("cannot start %s: %d", names[i], pids[i]);
  }
  for (u32 i = 0; i < array_size(names); i++)
    if (wait_task(pids[i], &codes[i]) < 0)
      panic("lost %s", names[i]);
  for (u32 i = 0; i < array_size(names); i++)
    printk("process %s: exit %d\n", names[i], codes[i]);
}

static void summary(void)
{
  printk("summary: %u exits, %u forks, faults %u demand %u copied %u reused\n", sched_counts.exits, sched_counts.forks,
         fault_counts.demand, fault_counts.copied, fault_counts.reused);
  printk("summary: %u switches, %u preemptions, %u ticks, %u free pages\n", sched_counts.switches, sched_counts.preemptions,
         jiffies, free_pages);
}

void start_kernel(void)
{
  bootinfo_init();
  console_init();
  printk("oldguest " VERSION ", console: %s\n", console_route());
  printk("command line: %s\n", command_line);
  sched_init();
  pv_arch_setup();
  gdt_init();
  idt_init();
  cpu_init();
  pv_banner();
  printk("memory map: %s\n", pv_memory_setup());
  memory_init();
#ifdef CONFIG_VMI
  vmi_setup();
#endif
  paging_init();
  pv_post_allocator_init();
  printk("memory: %u KiB mapped, %u pages free\n", max_pfn * 4, free_pages);
  tss_init();
  sysenter_init();
  pv_init_IRQ();
  pv_time_init();
  if (cpu_has(FEATURE_APIC))
    setup_boot_clock();
  printk("irq: %s; cpu %u kHz; wall clock %u\n", irq_chip->name, cpu_khz, get_wallclock());
  irq_enable();
  fail_on_purpose();
  enum registration when = registration();
  if (!option("noselfcheck"))
    selfcheck("selfcheck", 1);
  if (when == EARLY)
    ask_for_ops();
  if (!option("nopatch")) {
    patch_sites();
    if (!option("noselfcheck"))
      selfcheck("selfcheck, sites patched", 0);
  }
  if (when == LATE)
    ask_for_ops();
  run_processes();
  summary();
  power_off();
}
