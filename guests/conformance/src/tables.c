/* Descriptor tables, the task register, and the kernel stack. */
#include "case.h"
#include "desc.h"

#define SPARE_GDT_ENTRY 20
#define SPARE_VECTOR 0x81
#define DATA_DPL3 0xF3
#define GDT_SELECTOR(entry) ((entry) * 8 + 3)
#define LDT_SELECTOR_OF(entry) ((entry) * 8 + 4 + 3)

static u32 magic = WORD_B;
static struct desc_struct ldt[512] __attribute__((aligned(PAGE_SIZE)));
static struct desc_struct other_idt[256] __attribute__((aligned(PAGE_SIZE)));

/* A segment of four bytes, which hold WORD_B. */
static u32 magic_low(void) { return desc_low((u32)&magic, 3); }
static u32 magic_high(void) { return desc_high((u32)&magic, 3, DATA_DPL3, 4); }

/* Loads GS and reads its first word. */
static u32 through_gs_result;
static void through_gs(void *selector)
{
  u32 value;
  asm volatile("mov %1, %%gs\nmovl %%gs:0, %0" : "=r"(value) : "r"(selector));
  through_gs_result = value;
}

static u32 read_through(u32 selector)
{
  through_gs_result = 0;
  u32 fault = trial(through_gs, (void *)selector);
  asm volatile("mov %0, %%gs" : : "r"(0));
  return fault;
}

static int reaches(u32 selector) { return !read_through(selector) && through_gs_result == WORD_B; }

CASE(load_gdt, "its segments load, and are what they were")
{
  load_gdt(&gdt_descr);
  asm volatile("mov %0, %%es" : : "r"(USER_DS));
  EXPECT(read_through(USER_DS) == FAULT(VECTOR_PF)); /* flat: address 0, which nothing maps */
  return OK;
}

static void breakpoint(void *unused)
{
  (void)unused;
  asm volatile("int3");
}

static void interrupt_81(void *unused)
{
  (void)unused;
  asm volatile("int $0x81");
}

static void interrupt_82(void *unused)
{
  (void)unused;
  asm volatile("int $0x82");
}

CASE(load_idt, "INT3 comes to its handler")
{
  load_idt(&idt_descr);
  EXPECT(trial(breakpoint, NULL) == FAULT(VECTOR_BP));
  return OK;
}

/* The same gates but for one vector, which this table alone has. */
CASE(load_idt, "with another table exceptions come to that one's handlers, and back")
{
  struct Xgt_desc_struct other = { sizeof other_idt - 1, (u32)other_idt, 0 };
  const u32 handler = (u32)spurious_entry;
  for (u32 n = 0; n < array_size(other_idt); n++)
    write_idt_entry(other_idt, n, idt_table[n].low, idt_table[n].high);
  write_idt_entry(other_idt, VECTOR_BP, kernel_cs() << 16 | (handler & 0xFFFF), (handler & 0xFFFF0000) | (GATE_INTERRUPT | GATE_DPL3) << 8);
  load_idt(&other);
  u32 there = trial(breakpoint, NULL);
  load_idt(&idt_descr);
  EXPECT(there == 0);
  EXPECT(trial(breakpoint, NULL) == FAULT(VECTOR_BP));
  return OK;
}

CASE(store_gdt, "base and limit are what load_gdt was given")
{
  struct Xgt_desc_struct got = { 0, 0, 0 };
  store_gdt(&got);
  if (!got.address)
    return refused("no answer");
  EXPECT(got.address == gdt_descr.address && got.size == gdt_descr.size);
  return OK;
}

CASE(store_idt, "base and limit are what load_idt was given")
{
  struct Xgt_desc_struct got = { 0, 0, 0 };
  store_idt(&got);
  if (!got.address)
    return refused("no answer");
  EXPECT(got.address == idt_descr.address && got.size == idt_descr.size);
  return OK;
}

/* A busy TSS cannot be loaded again, so it is written anew first. */
CASE(load_tr_desc, "a user program's trap finds the kernel stack")
{
  u32 before = wrong_stacks;
  tss_init();
  EXPECT(run_program("null") == 42);
  EXPECT(wrong_stacks == before);
  return OK;
}

CASE(store_tr, "it is the selector of the TSS")
{
  u32 tr = store_tr() & 0xFFFF;
  if (!tr)
    return refused("no answer");
  EXPECT(tr == TSS_SELECTOR);
  return OK;
}

/* The boot task's stack is what it was given last, and never the program's. */
CASE(load_esp0, "traps from user space arrive at the top of the task's stack")
{
  u32 before = wrong_stacks;
  load_esp0(&tss, &current->thread);
  EXPECT(run_program("null") == 42);
  EXPECT(wrong_stacks == before);
  return OK;
}

CASE(load_tls, "each of a thread's three segments reaches its base")
{
  struct thread_struct *t = &current->thread;
  int reached = 1;
  for (u32 n = 0; n < TLS_ENTRIES; n++) {
    t->tls_array[n] = (struct desc_struct){ magic_low(), magic_high() };
    load_tls(t, 0);
    reached &= reaches(GDT_SELECTOR(GDT_ENTRY_TLS_MIN + n));
    t->tls_array[n] = (struct desc_struct){ 0, 0 };
  }
  load_tls(t, 0);
  EXPECT(reached);
  return OK;
}

CASE(load_tls, "a segment that the thread does not have is #GP")
{
  struct thread_struct *t = &current->thread;
  t->tls_array[0] = (struct desc_struct){ magic_low(), magic_high() };
  load_tls(t, 0);
  t->tls_array[0] = (struct desc_struct){ 0, 0 };
  load_tls(t, 0);
  for (u32 n = 0; n < TLS_ENTRIES; n++)
    EXPECT(read_through(GDT_SELECTOR(GDT_ENTRY_TLS_MIN + n)) == FAULT(VECTOR_GP));
  return OK;
}

CASE(write_gdt_entry, "the entry can be loaded and reaches its base")
{
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY, magic_low(), magic_high());
  int reached = reaches(GDT_SELECTOR(SPARE_GDT_ENTRY));
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY, 0, 0);
  EXPECT(reached);
  return OK;
}

CASE(write_gdt_entry, "cleared, it is #GP")
{
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY, magic_low(), magic_high());
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY, 0, 0);
  EXPECT(read_through(GDT_SELECTOR(SPARE_GDT_ENTRY)) == FAULT(VECTOR_GP));
  return OK;
}

CASE(write_gdt_entry, "its neighbours stay")
{
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY + 1, magic_low(), magic_high());
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY, 0, 0);
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY + 2, 0, 0);
  int kept = reaches(GDT_SELECTOR(SPARE_GDT_ENTRY + 1));
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY + 1, 0, 0);
  EXPECT(kept);
  return OK;
}

CASE(write_ldt_entry, "the entry can be loaded and reaches its base")
{
  set_ldt(ldt, array_size(ldt));
  write_ldt_entry(ldt, 1, magic_low(), magic_high());
  u32 fault = read_through(LDT_SELECTOR_OF(1)), got = through_gs_result;
  write_ldt_entry(ldt, 1, 0, 0);
  set_ldt(NULL, 0);
  if (fault)
    return refused("the entry cannot be loaded");
  EXPECT(got == WORD_B);
  return OK;
}

CASE(write_ldt_entry, "cleared, it is #GP")
{
  set_ldt(ldt, array_size(ldt));
  write_ldt_entry(ldt, 1, magic_low(), magic_high());
  write_ldt_entry(ldt, 1, 0, 0);
  u32 fault = read_through(LDT_SELECTOR_OF(1));
  set_ldt(NULL, 0);
  EXPECT(fault == FAULT(VECTOR_GP));
  return OK;
}

CASE(set_ldt, "entries within its limit can be loaded")
{
  ldt[2] = (struct desc_struct){ magic_low(), magic_high() };
  set_ldt(ldt, 3);
  u32 fault = read_through(LDT_SELECTOR_OF(2)), got = through_gs_result;
  set_ldt(NULL, 0);
  ldt[2] = (struct desc_struct){ 0, 0 };
  if (fault)
    return refused("the entry cannot be loaded");
  EXPECT(got == WORD_B);
  return OK;
}

CASE(set_ldt, "entries beyond its limit are #GP")
{
  ldt[2] = (struct desc_struct){ magic_low(), magic_high() };
  set_ldt(ldt, 2);
  u32 fault = read_through(LDT_SELECTOR_OF(2));
  set_ldt(NULL, 0);
  ldt[2] = (struct desc_struct){ 0, 0 };
  EXPECT(fault == FAULT(VECTOR_GP));
  return OK;
}

CASE(set_ldt, "with no entries every selector of it is #GP")
{
  ldt[0] = (struct desc_struct){ magic_low(), magic_high() };
  set_ldt(ldt, 2);
  set_ldt(NULL, 0);
  u32 fault = read_through(LDT_SELECTOR_OF(0));
  ldt[0] = (struct desc_struct){ 0, 0 };
  EXPECT(fault == FAULT(VECTOR_GP));
  return OK;
}

CASE(write_idt_entry, "the vector comes to its handler")
{
  set_gate(SPARE_VECTOR, GATE_TRAP | GATE_DPL3, spurious_entry);
  u32 fault = trial(interrupt_81, NULL);
  write_idt_entry(idt_table, SPARE_VECTOR, 0, 0);
  EXPECT(fault == 0);
  return OK;
}

CASE(write_idt_entry, "cleared, it is #GP")
{
  set_gate(SPARE_VECTOR, GATE_TRAP | GATE_DPL3, spurious_entry);
  write_idt_entry(idt_table, SPARE_VECTOR, 0, 0);
  EXPECT(trial(interrupt_81, NULL) == FAULT(VECTOR_GP));
  return OK;
}

CASE(write_idt_entry, "its neighbours stay")
{
  set_gate(SPARE_VECTOR, GATE_TRAP | GATE_DPL3, spurious_entry);
  set_gate(SPARE_VECTOR + 1, GATE_TRAP | GATE_DPL3, spurious_entry);
  u32 below = trial(interrupt_81, NULL);
  write_idt_entry(idt_table, SPARE_VECTOR, 0, 0);
  u32 above = trial(interrupt_82, NULL);
  write_idt_entry(idt_table, SPARE_VECTOR + 1, 0, 0);
  EXPECT(below == 0 && above == 0);
  return OK;
}
