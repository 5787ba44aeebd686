/*
 * A kernel that wishes its hypervisor ill. What it does depends on MODE; SEED makes it do the same again.
 *
 *   TAME       COUNT random calls with random arguments, of the kind that this kernel survives; it must come to its end
 *   WILD       anything: every call, any pointer, the ROM overwritten, hypercalls by hand
 *   EARLY      calls before vmi_init
 *   RING3      calls, and every byte of the ROM as an entry, from ring 3 (built with ROM_ACCESS=7)
 *   STACK      calls with a stack that is none
 *   ALARMS     alarms of extreme values, interrupts on
 */
#include "vmi.h"

enum { TAME, WILD, EARLY, RING3, STACK, ALARMS };
#ifndef SEED
#define SEED 1
#endif
#ifndef COUNT
#define COUNT 1000
#endif

/* xorshift32 (Marsaglia, "Xorshift RNGs", 2003). */
static u32 state = SEED * 2654435761u | 1;
static u32 any(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}
static u32 below(u32 n) { return any() % n; }

static u8 arena[16 * PAGE] __attribute__((aligned(PAGE)));
static const u32 edges[] = {0, 1, 2, 3, 0x1F, 0x40, 0x200, 0xFFF, 0x1000, 0x7FFFFFFF, 0x80000000, 0xFFFFF000, 0xFFFFFFFC, 0xFFFFFFFF};
static u32 edge(void) { return edges[below(sizeof edges / sizeof *edges)]; }
static u32 value(void) { return below(3) ? any() : edge(); }
/* Into the arena, odd addresses and page crossings too; or to where nothing is mapped. */
static u32 pointer(void) { return below(4) ? (u32)arena + PAGE + below(14 * PAGE) : 0xE0000000 + below(0x10000000); }
static u32 frame(void) { return below(3) ? (u32)arena / PAGE + below(16) : value(); }
static u32 other_msr(void) {
  u32 index = below(2) ? 0x170 + below(0x20) : value();
  return index == 0x1B || index == 0xC0000080 ? 0x174 : index;
}

/* Arguments EAX, EDX, ECX and two words of the stack, such that whatever the call does, this kernel goes on. */
static int tame_arguments(u32 number, u32 *a) {
  for (u32 i = 0; i < 5; i++) a[i] = value();
  switch (number) {
    case VMI_CALL_SetGDT:
    case VMI_CALL_SetIDT:
    case VMI_CALL_IRET:
    case VMI_CALL_SYSEXIT:
    case VMI_CALL_Halt:
    case VMI_CALL_Reboot:
    case VMI_CALL_Shutdown: return 0;
    case VMI_CALL_WRMSR:
    case VMI_CALL_RDMSR: a[2] = other_msr(); break;
    case VMI_CALL_GetGDT:
    case VMI_CALL_GetIDT:
    case VMI_CALL_UpdatePxE:
    case VMI_CALL_UpdatePxELong:
    case VMI_CALL_SetInitialAPState: a[0] = pointer(); break;
    case VMI_CALL_WriteGDTEntry:
    case VMI_CALL_WriteLDTEntry:
    case VMI_CALL_WriteIDTEntry: a[0] = pointer() - a[1] * 8; break;
    case VMI_CALL_SetCR0: a[0] = below(4) ? cr0() ^ (any() & 0x4002A) : (any() & ~1u) | 0x80000000; break;
    case VMI_CALL_SetCR3: a[0] = cr3() | (any() & 0x18); break;
    case VMI_CALL_SetCR4: a[0] = below(4) ? cr4() ^ (any() & 0x14F) : cr4() | 0x80000000; break;
    case VMI_CALL_SetDR:
      if ((a[0] & 7) == 7 || (a[0] & 7) == 5) a[0] = below(4);
      break;
    case VMI_CALL_SetPxE: a[1] = pointer(); break;
    case VMI_CALL_SetPxELong: a[2] = pointer(); break;
    case VMI_CALL_AllocatePage:
    case VMI_CALL_ReleasePage: a[0] = frame(), a[2] = frame(); break;
    case VMI_CALL_APICWrite: a[0] = below(2) ? pointer() : APIC_VA + 0x80; break;
    case VMI_CALL_APICRead: a[0] = below(2) ? pointer() : APIC_VA + below(0x400); break;
  }
  return 1;
}

static void raw_call(u32 target) {
  in_target = target;
  in_segments = KDATA;
  in_eflags = (flags() & ~0x4D5) | (any() & 0x8D5);
  pushed = 8;
  call_rom();
}

/* Reached by attempt(), so that faults come back here. */
static void call_with(const u32 *a, u32 target) {
  for (u32 r = 0; r < 8; r++) in[r] = value();
  in[AX] = a[0], in[DX] = a[1], in[CX] = a[2];
  words[0] = a[3], words[1] = a[4];
  attempt(raw_call, target);
}

static u32 entries[VMI_CALL_LIMIT], entry_kinds[VMI_CALL_LIMIT];
static void ask_all(void) {
  for (u32 n = 0; n < VMI_CALL_LIMIT; n++) entries[n] = get_reloc(n, &entry_kinds[n]);
}
static int can_call(u32 n) { return entry_kinds[n] == VMI_RELOCATION_CALL || entry_kinds[n] == VMI_RELOCATION_JUMP; }

static u32 made, faulted;
static void tame(u32 count) {
  while (made < count) {
    u32 a[5], n = below(VMI_CALL_LIMIT);
    if (!can_call(n) || !tame_arguments(n, a)) continue;
    trap.vector = 0xFF;
    call_with(a, entries[n]);
    if (trap.vector != 0xFF) faulted++;
    made++;
    cli();
  }
}

static void by_hand(u32 unused) {
  (void)unused;
  u32 a = value(), b = value(), c = value(), d = value();
  __asm__ volatile("pushal; vmcall; popal" ::"a"(a), "b"(b), "c"(c), "d"(d) : "memory");
}

static void wild(void) {
  for (u32 i = 0; i < COUNT; i++) {
    u32 a[5], n = below(VMI_CALL_LIMIT);
    switch (below(16)) {
      case 0: attempt(by_hand, 0); break;
      case 1: /* the ROM, if it can be written */
        *((volatile u8 *)rom + below(rom[VMI_ROM_AT_ROM_LENGTH] * VMI_ROM_BLOCK)) = any();
        break;
      case 3: { /* the ROM's way out of the guest, with any number */
        volatile u8 *at = (u8 *)rom + 1024 + below(1024);
        u32 number = below(2) ? below(256) : any();
        at[0] = 0x0F, at[1] = 0x3F, at[2] = number, at[3] = number >> 8, at[4] = 0xC3;
        for (u32 k = 0; k < 5; k++) a[k] = below(2) ? pointer() : value();
        call_with(a, (u32)at);
        break;
      }
      case 2: /* somewhere into the ROM */
        for (u32 k = 0; k < 5; k++) a[k] = below(2) ? pointer() : value();
        call_with(a, (u32)rom + below(rom[VMI_ROM_AT_ROM_LENGTH] * VMI_ROM_BLOCK));
        break;
      default:
        if (!can_call(n)) break;
        for (u32 k = 0; k < 5; k++) a[k] = below(3) ? value() : pointer();
        call_with(a, entries[n]);
    }
  }
}

/* Ring 3: a call of the address in `user_target` with what is in the registers. */
u32 user_target;
__asm__(".globl user_call\nuser_call: call *user_target\nint $0x40\n");
extern u8 user_call[];
static void ring3(void) {
  u32 bytes = rom[VMI_ROM_AT_ROM_LENGTH] * VMI_ROM_BLOCK;
  u32 came_back = 0, privileged = 0;
  for (u32 n = 0; n < VMI_CALL_LIMIT + bytes; n++) {
    if (n < VMI_CALL_LIMIT && !can_call(n)) continue;
    user_target = n < VMI_CALL_LIMIT ? entries[n] : (u32)rom + n - VMI_CALL_LIMIT;
    if (USER(user_call) == DONE) came_back++;
    else privileged++;
  }
  put("came back "), hex(came_back), put(", faulted "), hex(privileged), put("\n");
}

static void broken_stack(void) {
  static const u32 stacks[] = {0, 2, 4, 0xFFF, 0xE0000000, 0xE0000004, 0xFFFFFFFF, 0xFFFFFFFC, ROM_VA + 16, 0x80000000};
  u32 n;
  do n = below(VMI_CALL_LIMIT);
  while (!can_call(n));
  u32 stack_pointer = stacks[SEED % (sizeof stacks / sizeof *stacks)];
  put("call "), hex(n), put(" at stack "), hex(stack_pointer), put("\n");
  __asm__ volatile("movl %0, %%esp; jmp *%1" ::"r"(stack_pointer), "r"(entries[n]), "a"(value()), "d"(pointer()), "c"(pointer()));
}

/* With interrupts on, so that every one that goes off is delivered. */
static void alarms(void) {
  static const u64 times[] = {0, 1, 2, 0xFFFFFFFF, 1ull << 32, 1ull << 52, 1ull << 53, (1ull << 53) + 1, 1ull << 63, ~0ull - 1, ~0ull};
  unmask_timer(1);
  *(volatile u32 *)(APIC_VA + 0x320) = 0x50;
  for (u32 i = 0; i < COUNT; i++) {
    u64 expiry = times[below(sizeof times / sizeof *times)], period = times[below(sizeof times / sizeof *times)];
    u32 how = below(4) | (below(2) ? VMI_ALARM_IS_PERIODIC : 0) | (below(2) ? VMI_ALARM_WIRED_LVTT : 0) | (below(8) ? 0 : any());
    /* A clock that ticks faster than it can be heard is the guest's own misery: not as a rule. */
    if (period && period < 0x10000 && below(64)) period = 0x10000;
    u32 a[5] = {how, (u32)expiry, (u32)(expiry >> 32), (u32)period, (u32)(period >> 32)};
    u32 n = below(4) ? VMI_CALL_SetAlarm : VMI_CALL_CancelAlarm;
    if (!can_call(n)) continue;
    sti();
    call_with(a, entries[n]);
    made++;
  }
  cli();
}

void main(void) {
  machine_init();
  if (!find_rom()) {
    put("no ROM\n");
    return;
  }
  if (MODE == EARLY) {
    ask_all();
    tame(COUNT);
    put("before\n");
  }
  if (rom_init()) {
    put("the ROM does not start\n");
    return;
  }
  ask_all();
  switch (MODE) {
    case EARLY:
    case TAME: tame(COUNT); break;
    case WILD: wild(); break;
    case RING3: ring3(); break;
    case STACK: broken_stack(); break;
    case ALARMS: alarms(); break;
  }
  put("made "), hex(made), put(", faults "), hex(faulted), put("\n");
}
