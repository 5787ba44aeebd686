/* How a check is written: a function that tries one op and says how it went. */
#ifndef OLDGUEST_CHECK_H
#define OLDGUEST_CHECK_H

#include "kernel.h"
#include "mm.h"
#include "paravirt.h"
#include "trap.h"

enum verdict { OK, REFUSED, FAILED };

struct check {
  u8 slot;
  /* Whether OPS.md permits this op to be refused. */
  u8 may_refuse;
  const char *op;
  enum verdict (*run)(void);
};

struct check_group {
  const char *name;
  const struct check *checks;
  u32 count;
};

/* In the tables of the groups; the test beside OPS.md reads these lines. */
#define MUST(op) { PARAVIRT_SLOT(op), 0, #op, check_##op }
#define MAY_REFUSE(op) { PARAVIRT_SLOT(op), 1, #op, check_##op }

extern const struct check_group check_info, check_init, check_time, check_irq, check_cpu, check_tables, check_apic, check_mm,
  check_pages, check_tlb;

/* Verdicts with a reason, for the report. */
enum verdict failed(const char *why);
enum verdict refused(const char *why);

#define EXPECT(condition)                                                                                              \
  do {                                                                                                                 \
    if (!(condition))                                                                                                  \
      return failed(#condition);                                                                                       \
  } while (0)

#define WORD_A 0xAAAA0001
#define WORD_B 0xBBBB0002

/* Two pages that begin with those words. */
extern u32 *page_a, *page_b;

/* Accesses for trial(). */
void read_at(void *address);
void write_at(void *address);
static inline u32 word_at(u32 address) { return *(volatile u32 *)address; }

/* The window at FIX_CHECK shows this page; the caller flushes. */
pte_slot *window_slot(void);
void show(void *page, u32 extra_flags);

/* Runs a program to its end: its exit code, negative when it could not start. */
int run_program(const char *name);
/* Waits for the next tick. */
void wait_tick(void);

#endif
