/* One behaviour of one op, with a name: what packages/conformance reports by. */
#ifndef CONFORMANCE_CASE_H
#define CONFORMANCE_CASE_H

#include "io.h"
#include "kernel.h"
#include "mm.h"
#include "paravirt.h"
#include "sched.h"
#include "selfcheck.h"
#include "trap.h"

enum verdict { OK, REFUSED, FAILED };

/* 12 bytes; packages/conformance reads them from the image. */
struct op_case {
  u32 slot;
  const char *title;
  enum verdict (*run)(void);
};
extern const struct op_case __start_cases[], __stop_cases[];

#define PASTE(a, b) a##b
#define CASE_AT(line, op, title)                                                                                       \
  static enum verdict PASTE(case_, line)(void);                                                                        \
  static const struct op_case PASTE(record_, line)                                                                     \
    __attribute__((section("cases"), used)) = { PARAVIRT_SLOT(op), title, PASTE(case_, line) };                        \
  static enum verdict PASTE(case_, line)(void)
/* CASE(op, "what holds") { ...; return OK; } */
#define CASE_OF(line, op, title) CASE_AT(line, op, title)
#define CASE(op, title) CASE_OF(__LINE__, op, title)

/* Verdicts with a reason, for the report. Whether an op may be refused is the catalogue's to say, not ours. */
enum verdict failed(const char *why);
enum verdict refused(const char *why);

#define EXPECT(condition)                                                                                              \
  do {                                                                                                                 \
    if (!(condition))                                                                                                  \
      return failed(#condition);                                                                                       \
  } while (0)

#define FAULT(vector) ((vector) + 1)

/* Two pages that begin with these words. */
#define WORD_A 0xAAAA0001
#define WORD_B 0xBBBB0002
extern u32 *page_a, *page_b;

/* tools.c: accesses for trial(). */
void read_at(void *address);
void write_at(void *address);
static inline u32 word_at(u32 address) { return *(volatile u32 *)address; }
static inline u32 reading(u32 address) { return trial(read_at, (void *)address); }
static inline u32 writing(u32 address) { return trial(write_at, (void *)address); }

/* The windows at FIX_CHECK and FIX_CHECK2: their entries, and a page put into the first, which the caller flushes. */
pte_slot *window(u32 va);
void show(void *page, u32 extra_flags);
/* The first window shows page_a, and the processor has seen it. */
void remember_a(u32 extra_flags);

/* Interrupts that have arrived so far. */
u32 interrupts(void);
static inline int enabled(void) { return (save_fl() & X86_EFLAGS_IF) != 0; }
/* Sleeps until the next tick. */
void wait_tick(void);
/* Busy for more than a tick, whether or not interrupts are on. */
void outlast_a_tick(void);
/* Interrupts off, just after a tick, and the next one due: it waits at the processor's door. Yields interrupts() then. */
u32 let_one_wait(void);

/* An address space for program `null`, whose user half is empty but for what a case puts there. */
struct mm_struct *new_space(void);
void load_space(struct mm_struct *mm);
void load_kernel_space(void);
/* Where no space has a table yet, and how much one directory entry covers. */
#define FAR_ADDRESS 0x40000000
#define SUBDIRECTORY (pae_enabled ? 0x200000 : 0x400000)
/* `page` at FAR_ADDRESS of that space; its entry, or NULL. */
pte_slot *map_far(struct mm_struct *mm, void *page);
void unmap_far(struct mm_struct *mm);
/* The word at `va` in that space, 0 if it faults. */
u32 look(struct mm_struct *mm, u32 va);

/* Runs a program to its end: its exit code, negative when it could not start. */
int run_program(const char *name);

#endif
