/* The interrupt mask, waiting, and the two returns. */
#include "vmi.h"

#define TICKS 1000 /* of the 8254: most of a millisecond */
#define ARITHMETIC 0x8D5

/* An interrupt that is due and cannot come in: the 8259 shows its request (OCW3, read IRR). */
static void make_due(void) {
  cli();
  unmask_timer(1);
  interrupts = 0;
  pit_once(TICKS);
  do outb(0x20, 0x0A);
  while (!(inb(0x20) & 1));
}
static void quiet(void) {
  cli();
  unmask_timer(0);
}

static void test_enable(void) {
  u32 mask = VMI_INTERRUPT_MASK;
  make_due();
  vmi(mask, 0, 0, 0, 0);
  expect_is("interrupts taken when the call is over", interrupts, 1);
  expect_is("IF", out_eflags & 0x200, 0x200);
  quiet();
}

static void test_disable(void) {
  unmask_timer(0);
  sti();
  vmi(0, 0, 0, 0, 0);
  u32 after = out_eflags;
  cli();
  expect_is("IF", after & 0x200, 0);
  vmi(0, 0, 0, 0, 0);
  expect_is("IF, off already", out_eflags & 0x200, 0);
}

static void test_get_mask(void) {
  unmask_timer(0);
  expect_is("the mask with interrupts off", vmi(0, 0, 0, 0, 0), 0);
  sti();
  u32 on = vmi(0, 0, 0, 0, 0);
  cli();
  expect_is("the mask with interrupts on", on, VMI_INTERRUPT_MASK);
}

static void test_set_mask(void) {
  unmask_timer(0);
  vmi(VMI_INTERRUPT_MASK, 0, 0, 0, 0);
  expect_is("IF", out_eflags & 0x200, 0x200);
  sti();
  vmi(~VMI_INTERRUPT_MASK, 0, 0, 0, 0);
  u32 after = out_eflags;
  cli();
  expect_is("IF after a mask of all other bits", after & 0x200, 0);
  expect_is("IOPL after it", after & 0x3000, 0);
  test_enable();
}

static void test_halt(void) {
  cli();
  unmask_timer(1);
  interrupts = 0;
  pit_once(TICKS);
  vmi(0, 0, 0, 0, 0);
  expect_is("interrupts that came", interrupts, 1);
  expect_is("IF", out_eflags & 0x200, 0x200);
  quiet();
}

/* Registers and frame for a return; it is entered as get_reloc said. */
static void prepare(const u32 *frame, u32 count) {
  static const u32 values[8] = {0x1A1A1A1A, 0x2C2C2C2C, 0x3D3D3D3D, 0x4B4B4B4B, 0, 0x5E5E5E5E, 0x61616161, 0x71717171};
  for (u32 r = 0; r < 8; r++) in[r] = pass ? ~values[r] : values[r];
  for (u32 i = 0; i < count; i++) words[i] = frame[i];
  pushed = count;
  in_segments = 0;
  in_eflags = (flags() & ~ARITHMETIC) | (pass ? 0 : ARITHMETIC);
  in_target = reloc_at;
  in_jump = (u32)(reloc_kind == VMI_RELOCATION_CALL ? call_there : jump_there);
}

static void expect_registers(void) {
  static const char *const names[8] = {"EAX", "ECX", "EDX", "EBX", "", "EBP", "ESI", "EDI"};
  for (u32 r = 0; r < 8; r++)
    if (r != SP) expect_is(names[r], out[r], in[r]);
}

static void iret_to_kernel(u32 eflags) {
  const u32 frame[] = {(u32)kernel_landing, KCODE, eflags};
  prepare(frame, 3);
  return_by_rom();
  expect_registers();
  expect_is("ESP behind the frame", out[SP], esp_before + 12);
  expect_is("IF of the frame", out_eflags & 0x200, eflags & 0x200);
  expect_is("IOPL after a frame that has another", out_eflags & 0x3000, 0);
}

/* What a trap from ring 3 shows. */
static struct frame at_trap;
static int keep_frame(struct frame *f) {
  at_trap = *f;
  return 0;
}
static int to_user(void) {
  trap_hook = keep_frame;
  int vector = attempt((void (*)(u32))return_by_rom, 0);
  trap_hook = 0;
  const u32 regs[8] = {at_trap.eax, at_trap.ecx, at_trap.edx, at_trap.ebx, 0, at_trap.ebp, at_trap.esi, at_trap.edi};
  for (u32 r = 0; r < 8; r++) out[r] = regs[r];
  return vector;
}

static void iret_to_user(u32 eflags) {
  const u32 frame[] = {(u32)user_landing, UCODE, eflags, (u32)user_stack_top - 64, UDATA};
  prepare(frame, 5);
  expect_is("the trap after the return", to_user(), DONE);
  expect_registers();
  expect_is("the user's CS", at_trap.cs, UCODE);
  expect_is("the user's SS", at_trap.ss & 0xFFFF, UDATA);
  expect_is("the user's ESP", at_trap.esp, (u32)user_stack_top - 64);
  expect_is("the user's EIP", at_trap.eip, (u32)user_landing + 2);
  expect_is("the user's flags", at_trap.eflags & (ARITHMETIC | 0x200), eflags & (ARITHMETIC | 0x200));
  expect_is("IOPL after a frame that has another", at_trap.eflags & 0x3000, 0);
}

static void test_iret(void) {
  unmask_timer(0);
  iret_to_kernel(2);
  iret_to_kernel(0x202);
  iret_to_kernel(0x3002);
  iret_to_user(0x202);
  iret_to_user(0x202 | ARITHMETIC);
  iret_to_user(0x3202);
  /* A selector that cannot be loaded is the guest's own fault, and comes to it. */
  const u32 frame[] = {(u32)user_landing, 0x7F8 | 3, 2, (u32)user_stack_top, UDATA};
  prepare(frame, 5);
  expect_is("the trap of a bad frame", to_user(), 13);
}

/* SYSENTER_CS, +16 and +24 (SDM vol. 2, SYSEXIT); this kernel's user segments happen to lie there. */
static void test_sysexit(void) {
  wrmsr(0x174, KCODE);
  unmask_timer(0);
  prepare(0, 0);
  in[DX] = (u32)user_landing;
  in[CX] = (u32)user_stack_top - 128;
  expect_is("the trap after the return", to_user(), DONE);
  expect_registers();
  expect_is("the user's CS", at_trap.cs, UCODE);
  expect_is("the user's SS", at_trap.ss & 0xFFFF, UDATA);
  expect_is("the user's ESP", at_trap.esp, (u32)user_stack_top - 128);
  expect_is("IF", at_trap.eflags & 0x200, 0x200);
  wrmsr(0x174, 0);
}

int test_interrupts(void) {
  switch (at_hand->number) {
    case VMI_CALL_EnableInterrupts: test_enable(); return 1;
    case VMI_CALL_DisableInterrupts: test_disable(); return 1;
    case VMI_CALL_GetInterruptMask: test_get_mask(); return 1;
    case VMI_CALL_SetInterruptMask: test_set_mask(); return 1;
    case VMI_CALL_Halt: test_halt(); return 1;
    case VMI_CALL_IRET: test_iret(); return 1;
    case VMI_CALL_SYSEXIT: test_sysexit(); return 1;
    default: return 0;
  }
}
