/* Descriptor tables, the task register, and the kernel stack. */
#include "check.h"
#include "desc.h"
#include "sched.h"

#define SPARE_GDT_ENTRY 20
#define SPARE_VECTOR 0x81
#define DATA_DPL3 0xF3

static u32 magic = WORD_B;
static struct desc_struct ldt[2] __attribute__((aligned(PAGE_SIZE)));

static u32 magic_low(void) { return desc_low((u32)&magic, 3); }
static u32 magic_high(void) { return desc_high((u32)&magic, 3, DATA_DPL3, 4); }

/* Loads GS and reads its first word into *result. */
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

static enum verdict check_load_gdt(void)
{
  load_gdt(&gdt_descr);
  asm volatile("mov %0, %%es" : : "r"(USER_DS));
  EXPECT(read_through(USER_DS) == VECTOR_PF + 1); /* flat: address 0, which nothing maps */
  return OK;
}

static void breakpoint(void *unused)
{
  (void)unused;
  asm volatile("int3");
}

/* What is loaded are exceptions: they come to the handlers of this table. */
static enum verdict check_load_idt(void)
{
  load_idt(&idt_descr);
  EXPECT(trial(breakpoint, NULL) == VECTOR_BP + 1);
  return OK;
}

static enum verdict check_store_gdt(void)
{
  struct Xgt_desc_struct got = { 0, 0, 0 };
  store_gdt(&got);
  if (!got.address)
    return refused("no answer");
  EXPECT(got.address == gdt_descr.address && got.size == gdt_descr.size);
  return OK;
}

static enum verdict check_store_idt(void)
{
  struct Xgt_desc_struct got = { 0, 0, 0 };
  store_idt(&got);
  if (!got.address)
    return refused("no answer");
  EXPECT(got.address == idt_descr.address && got.size == idt_descr.size);
  return OK;
}

/* A busy TSS cannot be loaded again, so it is written anew first. Then a user's trap must find the kernel stack. */
static enum verdict check_load_tr_desc(void)
{
  tss_init();
  EXPECT(run_program("null") == 42);
  return OK;
}

static enum verdict check_store_tr(void)
{
  u32 tr = store_tr() & 0xFFFF;
  if (!tr)
    return refused("no answer");
  EXPECT(tr == TSS_SELECTOR);
  return OK;
}

static enum verdict check_load_esp0(void)
{
  u32 before = wrong_stacks;
  load_esp0(&tss, &current->thread);
  EXPECT(run_program("null") == 42);
  EXPECT(wrong_stacks == before);
  return OK;
}

static enum verdict check_load_tls(void)
{
  struct thread_struct *t = &current->thread;
  u32 selector = GDT_ENTRY_TLS_MIN * 8 + 3;
  t->tls_array[0] = (struct desc_struct){ magic_low(), magic_high() };
  load_tls(t, 0);
  u32 fault = read_through(selector), got = through_gs_result;
  t->tls_array[0] = (struct desc_struct){ 0, 0 };
  load_tls(t, 0);
  EXPECT(!fault && got == WORD_B);
  EXPECT(read_through(selector) == VECTOR_GP + 1);
  return OK;
}

static enum verdict check_write_gdt_entry(void)
{
  u32 selector = SPARE_GDT_ENTRY * 8 + 3;
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY, magic_low(), magic_high());
  u32 fault = read_through(selector), got = through_gs_result;
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY, 0, 0);
  EXPECT(!fault && got == WORD_B);
  EXPECT(read_through(selector) == VECTOR_GP + 1);
  return OK;
}

static enum verdict check_write_ldt_entry(void)
{
  set_ldt(ldt, array_size(ldt));
  write_ldt_entry(ldt, 1, magic_low(), magic_high());
  u32 fault = read_through(1 * 8 + 4 + 3), got = through_gs_result;
  write_ldt_entry(ldt, 1, 0, 0);
  set_ldt(NULL, 0);
  if (fault)
    return refused("the entry cannot be loaded");
  EXPECT(got == WORD_B);
  return OK;
}

/* An empty LDT has nothing to load; one of two entries has no third. */
static enum verdict check_set_ldt(void)
{
  EXPECT(read_through(4 + 3) == VECTOR_GP + 1);
  ldt[0] = (struct desc_struct){ magic_low(), magic_high() };
  set_ldt(ldt, array_size(ldt));
  u32 first = read_through(0 * 8 + 4 + 3), got = through_gs_result, third = read_through(2 * 8 + 4 + 3);
  set_ldt(NULL, 0);
  u32 after = read_through(4 + 3);
  ldt[0] = (struct desc_struct){ 0, 0 };
  EXPECT(third == VECTOR_GP + 1 && after == VECTOR_GP + 1);
  if (first)
    return refused("the entry cannot be loaded");
  EXPECT(got == WORD_B);
  return OK;
}

static void interrupt_81(void *unused)
{
  (void)unused;
  asm volatile("int $0x81");
}

static enum verdict check_write_idt_entry(void)
{
  EXPECT(trial(interrupt_81, NULL) == VECTOR_GP + 1);
  set_gate(SPARE_VECTOR, GATE_TRAP | GATE_DPL3, spurious_entry);
  u32 fault = trial(interrupt_81, NULL);
  write_idt_entry(idt_table, SPARE_VECTOR, 0, 0);
  EXPECT(fault == 0);
  EXPECT(trial(interrupt_81, NULL) == VECTOR_GP + 1);
  return OK;
}

static const struct check checks[] = {
  MUST(load_tr_desc),
  MUST(load_gdt),
  MUST(load_idt),
  MAY_REFUSE(store_gdt),
  MAY_REFUSE(store_idt),
  MAY_REFUSE(set_ldt),
  MAY_REFUSE(store_tr),
  MUST(load_tls),
  MAY_REFUSE(write_ldt_entry),
  MUST(write_gdt_entry),
  MUST(write_idt_entry),
  MUST(load_esp0),
};
const struct check_group check_tables = { "tables", checks, array_size(checks) };
