/*
 * Descriptor tables. Xen wants the pages of a table for itself, checked and read-only; a kernel's tables share theirs with other
 * data. So Xen has copies, here, and the kernel's own go on being what it reads and its native functions write.
 */
#include "guest.h"

#define PER_PAGE (PAGE_SIZE / sizeof(struct descriptor))
#define LDT_MOST 8192
#define HIGH_S 0x1000u
#define HIGH_PRESENT 0x8000u
/* Entries for thread-local storage (Linux's, asm-i386/segment.h). */
#define TLS_FIRST 6
#define TLS_ENTRIES 3

struct descriptor {
  u32 low, high;
};

void pg_native_cpu_load_tls(void *thread, u32 cpu);
void pg_native_cpu_load_sp0(u32 *tss, void *thread);

static struct descriptor gdt[PER_PAGE] page_aligned, ldt[LDT_MOST] page_aligned;
/* The kernel's tables that they are copies of, and how many entries those have. */
static struct table_register kernel_gdt;
static struct descriptor *kernel_ldt;
static u32 gdt_entries, ldt_entries;

/* Segments are the kernel's; TSS and LDT are named to Xen by calls of their own, and their descriptors have no place in a table. */
static struct descriptor allowed(struct descriptor d)
{
  return d.high & HIGH_PRESENT && !(d.high & HIGH_S) ? (struct descriptor){ 0, 0 } : d;
}

static void update(const struct descriptor *at, struct descriptor to)
{
  to = allowed(to);
  if (at->low == to.low && at->high == to.high)
    return;
  u64 machine = machine_address(at);
  if (hypercall4(update_descriptor, machine, machine >> 32, to.low, to.high))
    die("Xen refuses a descriptor\n");
}

void xen_ops_load_gdt(const struct table_register *table)
{
  const struct descriptor *from = (const struct descriptor *)table->address;
  u32 entries = (table->size + 1) / sizeof *from;
  if (entries > PER_PAGE)
    die("a GDT of more than a page\n");
  kernel_gdt = *table;
  for (u32 n = 0; n < PER_PAGE; n++) {
    struct descriptor d = n < entries ? from[n] : (struct descriptor){ 0, 0 };
    if (gdt_entries)
      update(&gdt[n], d);
    else
      gdt[n] = allowed(d);
  }
  if (entries == gdt_entries)
    return;
  u32 frame = mfn_of_pfn(pfn_of(gdt));
  if (!gdt_entries)
    make_readonly(pfn_of(gdt));
  if (hypercall2(set_gdt, &frame, entries))
    die("Xen refuses the GDT\n");
  gdt_entries = entries;
}

void xen_ops_store_gdt(struct table_register *to) { *to = kernel_gdt; }

void xen_ops_write_gdt_entry(struct descriptor *table, u32 n, u32 low, u32 high)
{
  struct descriptor d = { low, high };
  table[n] = d;
  if (table == (struct descriptor *)kernel_gdt.address && n < gdt_entries)
    update(&gdt[n], d);
}

void xen_ops_load_tls(void *thread, u32 cpu)
{
  const struct descriptor *from = (const struct descriptor *)kernel_gdt.address;
  pg_native_cpu_load_tls(thread, cpu);
  for (u32 n = TLS_FIRST; n < TLS_FIRST + TLS_ENTRIES; n++)
    update(&gdt[n], from[n]);
}

static void use_ldt(u32 entries)
{
  mmuext(MMUEXT_SET_LDT, entries ? (u32)ldt : 0, entries);
  ldt_entries = entries;
}

void xen_ops_set_ldt(struct descriptor *table, u32 entries)
{
  if (ldt_entries)
    use_ldt(0);
  if (!entries)
    return;
  if (entries > LDT_MOST)
    die("an LDT of more than 64 KiB\n");
  u32 pages = (entries + PER_PAGE - 1) / PER_PAGE;
  for (u32 page = 0; page < pages; page++)
    make_writable(pfn_of(ldt) + page);
  for (u32 n = 0; n < pages * PER_PAGE; n++)
    ldt[n] = n < entries ? allowed(table[n]) : (struct descriptor){ 0, 0 };
  for (u32 page = 0; page < pages; page++)
    make_readonly(pfn_of(ldt) + page);
  kernel_ldt = table;
  use_ldt(entries);
}

void xen_ops_write_ldt_entry(struct descriptor *table, u32 n, u32 low, u32 high)
{
  struct descriptor d = { low, high };
  table[n] = d;
  if (table == kernel_ldt && n < ldt_entries)
    update(&ldt[n], d);
}

/* The task register and its TSS are Xen's; what a kernel has it for is the stack that traps of users arrive on. */
void xen_ops_load_tr_desc(void) {}
u32 xen_ops_store_tr(void) { return 0; }

/* The kernel writes its TSS (link, esp0 …, Intel SDM vol. 3, figure 8-2), and Xen is told what it wrote. */
void xen_ops_load_esp0(u32 *tss, void *thread)
{
  u32 ss;
  pg_native_cpu_load_sp0(tss, thread);
  asm("mov %%ss, %0" : "=r"(ss));
  if (hypercall2(stack_switch, ss, tss[1]))
    die("Xen refuses the kernel's stack\n");
}
