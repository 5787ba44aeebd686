/*
 * GDT, IDT, TSS: the kernel's own, loaded through the ops.
 *
 * The kernel's segments get the kernel's privilege as their DPL, so that they can be loaded in whatever ring we run.
 * Everything is written with write_*_entry: tables may be out of our reach once they are loaded.
 */
#include "desc.h"
#include "kernel.h"
#include "paravirt.h"
#include "sched.h"
#include "trap.h"

#define CODE 0x9B /* present, code, readable, accessed */
#define DATA 0x93 /* present, data, writable, accessed */
#define FLAT 0xC  /* 4 KiB granularity, 32-bit */
#define DPL(n) ((n) << 5)

struct desc_struct gdt_table[GDT_ENTRIES] __attribute__((aligned(PAGE_SIZE))) = {
  [GDT_ENTRY_KERNEL_CS] = { 0x0000FFFF, 0x00CF9B00 },
  [GDT_ENTRY_KERNEL_DS] = { 0x0000FFFF, 0x00CF9300 },
  [GDT_ENTRY_USER_CS] = { 0x0000FFFF, 0x00CFFB00 },
  [GDT_ENTRY_USER_DS] = { 0x0000FFFF, 0x00CFF300 },
};
struct desc_struct idt_table[256] __attribute__((aligned(PAGE_SIZE)));
struct tss_struct tss __attribute__((aligned(128)));

struct Xgt_desc_struct gdt_descr = { sizeof gdt_table - 1, (u32)gdt_table, 0 };
struct Xgt_desc_struct idt_descr = { sizeof idt_table - 1, (u32)idt_table, 0 };

static void reload_segments(void)
{
  asm volatile("mov %0, %%ss\n"
               "mov %1, %%ds\n"
               "mov %1, %%es\n"
               "mov %2, %%fs\n"
               "mov %2, %%gs\n"
               "pushl %3\n"
               "pushl $1f\n"
               "lret\n"
               "1:"
               :
               : "r"(kernel_ds()), "r"(USER_DS), "r"(0), "r"(kernel_cs())
               : "memory");
}

void gdt_init(void)
{
  u32 dpl = DPL(kernel_rpl());
  write_gdt_entry(gdt_table, GDT_ENTRY_KERNEL_CS, desc_low(0, 0xFFFFF), desc_high(0, 0xFFFFF, CODE | dpl, FLAT));
  write_gdt_entry(gdt_table, GDT_ENTRY_KERNEL_DS, desc_low(0, 0xFFFFF), desc_high(0, 0xFFFFF, DATA | dpl, FLAT));
  load_gdt(&gdt_descr);
  reload_segments();
}

void set_gate(int vector, u8 type, const void *handler)
{
  u32 address = (u32)handler;
  write_idt_entry(idt_table, vector, kernel_cs() << 16 | (address & 0xFFFF), (address & 0xFFFF0000) | (u32)type << 8);
}

void idt_init(void)
{
  for (int i = 0; i < 32; i++) {
    /* Interrupt gates where a second trap would lose CR2 or DR6; INT3 and INTO may be executed by users. */
    u8 type = i == VECTOR_PF || i == VECTOR_DB || i == 2 || i == VECTOR_BP ? GATE_INTERRUPT : GATE_TRAP;
    if (i == VECTOR_BP || i == 4)
      type |= GATE_DPL3;
    set_gate(i, type, exception_entries + i * ENTRY_STUB_BYTES);
  }
  set_gate(VECTOR_SYSCALL, GATE_TRAP | GATE_DPL3, syscall_entry);
  load_idt(&idt_descr);
}

void tss_init(void)
{
  tss.ss0 = kernel_ds();
  tss.esp0 = current->thread.esp0;
  tss.io_bitmap_base = sizeof tss;
  u32 limit = sizeof tss - 1;
  write_gdt_entry(gdt_table, GDT_ENTRY_TSS, desc_low((u32)&tss, limit), desc_high((u32)&tss, limit, DESC_TSS, 0));
  load_tr_desc();
  set_ldt(NULL, 0);
  load_esp0(&tss, &current->thread);
}
