/*
 * What the VMI test kernels share: paging, the ROM, calls with every register watched, and a report. On top of the
 * processor test kernels' lib.h: traps that can be attempted, ring 3, the debug console.
 */
#pragma once
#include "../../system/lib.h"
#include "vmi-abi.h"

/* Where this kernel has the ROM area and the local APIC; the ROM is not mapped where it lies. */
#ifndef ROM_VA
#define ROM_VA 0xC0000000
#endif
#ifndef ROM_ACCESS
#define ROM_ACCESS 3 /* present, writable; 7: for ring 3 too */
#endif
#define WINDOW_VA 0xB0000000 /* a directory of its own, for pages that come and go */
#define PAGE 4096
#define ROM_AREA_BYTES (VMI_ROM_PROBE_END - VMI_ROM_PROBE_START)

enum { AX, CX, DX, BX, SP, BP, SI, DI };

/* call.S */
extern u32 in[8], in_eflags, in_segments, in_target, in_jump, words[16], words_after[16], pushed;
extern u32 out[8], out_eflags, out_segments[4], esp_before;
extern volatile u32 interrupts, local_interrupts;
extern u8 interrupt_entry[], local_interrupt_entry[], jump_there[], call_there[], kernel_landing[], user_landing[];
void call_rom(void);
void return_by_rom(void);

/* One call as the interface has it: from VMI_CALLS. */
struct call {
  u32 number;
  const char *name;
  u32 arguments, stack, results, changed;
  enum { kind_c, kind_cpuid, kind_iret, kind_sysexit } kind;
};
extern const struct call calls[];
extern const u32 call_count;
const struct call *call_numbered(u32 number);

/* Paging on, interrupt controllers set up and masked. */
void machine_init(void);
/* The ROM at our own mapping; 0: there is none. */
extern const u8 *rom;
int find_rom(void);
u32 rom_init(void);
/* get_reloc: the address, and the kind in *kind. */
u32 get_reloc(u32 number, u32 *kind);

/* A run of the same test with other values in the registers that nobody should look at or change. */
extern u32 pass;
extern const struct call *at_hand;
/* The answer of get_reloc for the call at hand. */
extern u32 reloc_kind, reloc_at;
/*
 * Makes the call at hand; what changed that must not have is noted. Arguments in the order of the registers EAX, EDX, ECX, then
 * the stack; EAX is the result, *high EDX where it is one too.
 */
u32 vmi(u32 a, u32 b, u32 c, u32 d, u32 e);
u64 vmi64(u32 a, u32 b, u32 c, u32 d, u32 e);
/* The same for another call, by name: `other(VMI_CALL_GetCR0, …)`. The call at hand stays. */
u32 other(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e);
/* The call as an attempt: -1, or the vector of the trap that it raised. */
int vmi_attempt(u32 a, u32 b, u32 c, u32 d, u32 e);
void expect_is(const char *what, u32 value, u32 wanted);
void expect_that(const char *what, int holds);

/* A page of the window: its entry, in either format, and its memory. */
u32 *window_entry(u32 page);
void window_set(u32 page, u32 pa_and_flags);
u32 window_word(u32 page);
extern u32 page_one[PAGE / 4], page_two[PAGE / 4], spare_table[PAGE / 4];
void load_window_cr3(void);
extern u32 top_level[PAGE / 4];

/* The tests, by group; each returns non-zero if it has one for the call at hand. */
int test_cpu(void);
int test_tables(void);
int test_interrupts(void);
int test_mmu(void);
int test_time(void);

/* The first 8254 counter: one interrupt after so many of its 1193182 ticks a second. */
void pit_once(u32 ticks);
void unmask_timer(int on);
static inline void cli(void) { __asm__ volatile("cli" ::: "memory"); }
static inline void sti(void) { __asm__ volatile("sti" ::: "memory"); }
static inline u8 inb(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
