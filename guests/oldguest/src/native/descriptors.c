/* Descriptor tables, the task register and the kernel stack in the TSS. */
#include "desc.h"
#include "kernel.h"
#include "native.h"
#include "paravirt.h"
#include "sched.h"

void native_load_gdt(const struct Xgt_desc_struct *d) { asm volatile("lgdt %0" : : "m"(*d)); }
void native_load_idt(const struct Xgt_desc_struct *d) { asm volatile("lidt %0" : : "m"(*d)); }
void native_store_gdt(struct Xgt_desc_struct *d) { asm volatile("sgdt %0" : "=m"(*d)); }
void native_store_idt(struct Xgt_desc_struct *d) { asm volatile("sidt %0" : "=m"(*d)); }
void native_load_tr_desc(void) { asm volatile("ltr %w0" : : "q"(TSS_SELECTOR)); }

u32 native_store_tr(void)
{
  u32 tr;
  asm volatile("str %0" : "=r"(tr));
  return tr;
}

void native_write_dt_entry(struct desc_struct *table, int entry, u32 low, u32 high)
{
  table[entry].low = low;
  table[entry].high = high;
}

void native_set_ldt(const void *table, u32 entries)
{
  if (!entries) {
    asm volatile("lldt %w0" : : "q"(0));
    return;
  }
  u32 limit = entries * sizeof(struct desc_struct) - 1;
  write_gdt_entry(gdt_table, GDT_ENTRY_LDT, desc_low((u32)table, limit), desc_high((u32)table, limit, DESC_LDT, 0));
  asm volatile("lldt %w0" : : "q"(LDT_SELECTOR));
}

void native_load_tls(struct thread_struct *t, u32 cpu)
{
  (void)cpu; /* one processor, one GDT */
  for (u32 i = 0; i < TLS_ENTRIES; i++)
    gdt_table[GDT_ENTRY_TLS_MIN + i] = t->tls_array[i];
}

void native_load_esp0(struct tss_struct *to, struct thread_struct *t) { to->esp0 = t->esp0; }
