/*
 * A paravirtual kernel gone mad: hypercalls with numbers, arguments and structures made up from a seed, each trap answered by going
 * on with the next. SEED and CALLS are the build's. Every 4096 calls it says how many it has made.
 */
#include "xen.h"

static u32 state = SEED;
static u32 random(void) {
  state ^= state << 13, state ^= state >> 17, state ^= state << 5;
  return state;
}

static u32 buffer[2048] __attribute__((aligned(4096)));

/* Frames that are not the kernel's own: to lose those is soon the end. */
enum { FIRST = 256, FRAMES = 4096 };
static u32 frames[FRAMES];

static u32 word(void) {
  switch (random() % 10) {
  case 0: return random() % 64;
  case 1: return random();
  case 2: return (u32)(buffer + random() % 2048);
  case 3: return frames[random() % FRAMES] << 12 | (random() & 0xfff);
  case 4: return frames[random() % FRAMES];
  case 5: return 0xC0200000u + (random() % 0x200000);
  case 6: return 0x7ff0;
  case 7: return 0xffffffffu << random() % 32;
  case 8: return random() % 8;
  default: return 1u << random() % 32;
  }
}

u32 on_trap(struct frame *frame) {
  if (frame->vector >= 0x100) {
    upcall_pending = 0;
    return 2;
  }
  __asm__ volatile("jmp attempt_ended" ::"a"(frame->vector));
  __builtin_unreachable();
}

static void traps(void) {
  static struct trap_info table[33];
  for (u32 v = 0; v < 32; v++) table[v] = (struct trap_info){v, 4, CS1, (u32)stubs + v * 16};
  call(set_trap_table, table, 0, 0);
  call(stack_switch, DS1, trap_stack_top, 0);
  call4(set_callbacks, CS1, event_callback, CS1, failsafe_callback);
}

/* Not the end of the domain: that is no news. Nor what would take its own console away from it. */
static int ends(u32 number, u32 command) {
  if (number == sched_op || number == sched_op_compat) return command != 0;
  return number == iret || number == console_io;
}

static void one(u32 unused) {
  (void)unused;
  u32 number = random() % 48, arguments[5];
  for (u32 i = 0; i < 5; i++) arguments[i] = random() % 3 ? word() : (u32)(buffer + random() % 512);
  for (u32 i = 0; i < 12; i++) buffer[random() % 512] = word();
  /* Commands are small, and come first. */
  if (random() % 4) arguments[0] = random() % 24;
  if (number == multicall) {
    for (u32 i = 0; i < 16; i++) {
      u32 op = random() % 48, command = random() % 24;
      buffer[i * 8] = ends(op, command) ? 0 : op, buffer[i * 8 + 2] = command;
    }
    arguments[0] = (u32)buffer, arguments[1] = random() % 16;
  }
  /* The tables under its feet: those it may try to change, but not to give away. */
  if (number == memory_op && arguments[0] < 3) arguments[0] = 7;
  if (ends(number, arguments[0])) return;
  call5(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
  if (number == set_trap_table || number == stack_switch || number == set_callbacks || number == callback_op ||
      number == nmi_op || number == multicall)
    traps(), upcall_mask = 0;
  if (number == set_debugreg || number == multicall) WRITE(dr7, 0);
}

static void privileged(u32 a) {
  switch (random() % 12) {
  case 0: WRITE(cr0, 0x80050033 ^ (random() % 4 ? 8 : word())); break;
  case 1: WRITE(cr3, word()); break;
  case 2: WRITE(cr4, word()); break;
  case 3: WRITE(dr7, word()); WRITE(dr7, 0); break;
  case 4: WRITE(dr0, word()); break;
  case 5: __asm__ volatile("wrmsr" ::"a"(word()), "d"(0), "c"(word())); break;
  case 6: { u32 l, h; __asm__ volatile("rdmsr" : "=a"(l), "=d"(h) : "c"(word())); } break;
  case 7: __asm__ volatile("rep outsb" ::"S"(word()), "c"(random() % 100), "d"(random())); break;
  case 8: __asm__ volatile("movl %0, %%gs" ::"r"(word())); break;
  case 9: __asm__ volatile("lldt %w0" ::"r"(word())); break;
  case 10: { u32 v = random() % 64; if (v) *(volatile u32 *)word() = word(); } break;
  default: __asm__ volatile("int $0x77" ::"a"(a));
  }
}

void kernel(struct start_info *start) {
  for (u32 i = 0; i < FRAMES; i++) frames[i] = ((u32 *)start->mfn_list)[FIRST + i % (start->nr_pages - FIRST)];
  u32 own[2];
  for (u32 i = 0; i < 2; i++) own[i] = ((u32 *)start->mfn_list)[((u32)(buffer + i * 1024) - 0xC0000000u) >> 12];
  call4(update_va_mapping, shared_page, start->shared_info | 3, 0, UVMF_INVLPG);
  traps(), upcall_mask = 0;
  for (u32 made = 1; made <= CALLS; made++) {
    /* It may have unmapped its own memory. */
    if (attempt(random() % 8 ? one : privileged, made) == 14)
      for (u32 i = 0; i < 2; i++) call4(update_va_mapping, buffer + i * 1024, own[i] << 12 | 3, 0, UVMF_INVLPG);
    call(vm_assist, 1, 2, 0);
    if (made % 4096 == 0) call(console_io, 0, 1, ".");
  }
  call(sched_op, 2, &(u32){0}, 0);
}
