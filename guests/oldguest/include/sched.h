/* Tasks and the scheduler. */
#ifndef OLDGUEST_SCHED_H
#define OLDGUEST_SCHED_H

#include "desc.h"
#include "mm.h"
#include "trap.h"

#define TLS_ENTRIES 3

/* What the processor needs to know of a task. `esp0` and `tls_array` come first: the ops load_esp0 and load_tls read them. */
struct thread_struct {
  u32 esp0;
  struct desc_struct tls_array[TLS_ENTRIES];
  u32 esp;
  u32 iopl;
  u32 fpu_used;
  u8 fpu[108]; /* FNSAVE's image in 32-bit protected mode */
};

enum task_state { TASK_FREE, TASK_RUNNABLE, TASK_SLEEPING, TASK_WAITING, TASK_ZOMBIE };

struct task {
  struct thread_struct thread;
  enum task_state state;
  int pid, parent, exit_code;
  const char *name;
  struct mm_struct *mm;
  void *stack;
  u32 wake_at;
  u32 ticks, preempted;
};

#define TASKS_MAX 16
extern struct task tasks[TASKS_MAX];
extern struct task *current;
extern int need_resched;

void sched_init(void);
/* Gives the processor to the next runnable task; returns when it is our turn again. */
void schedule(void);
/* One timer tick has passed. */
void sched_tick(const struct pt_regs *regs);
/* A process that runs `program`; its pid, or a negated error. */
int spawn(const struct program *program);
int fork_task(const struct pt_regs *regs);
void exit_task(int code) __attribute__((noreturn));
/* Waits for child `pid`, frees it, and gives its exit code through *code; its pid, or a negated error. */
int wait_task(int pid, int *code);
void sleep_ticks(u32 ticks);
/* fpu.c: the FPU belongs to the current task from here on; the next FPU instruction asks whose it is. */
void fpu_take(void);
void fpu_ask(void);
/* A task's registers, if the FPU holds them, are put into its thread_struct, or forgotten. */
void fpu_save(struct task *t);
void fpu_drop(struct task *t);
/* Set while nobody wants to read how a process died. */
extern int quiet_faults;
/* Traps from user space that did not arrive at the top of the task's kernel stack. */
extern u32 wrong_stacks;

extern const struct program programs[];
const struct program *program_named(const char *name);

struct sched_counts {
  u32 switches, preemptions, forks, exits;
};
extern struct sched_counts sched_counts;

#endif
