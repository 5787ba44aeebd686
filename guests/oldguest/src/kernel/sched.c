/*
 * Tasks, taking turns. Task 0 is the boot task, which becomes the idle one; it has no address space of its own.
 *
 * The kernel is not preempted: a tick sets need_resched, and the processor changes hands where the task returns to user
 * space, or gives up by itself. schedule() runs with interrupts off.
 */
#include "sched.h"
#include "kernel.h"
#include "paravirt.h"

extern u8 init_stack_top[];
void switch_to(u32 *keep, u32 next);
extern const u8 ret_from_fork[];

struct task tasks[TASKS_MAX];
struct task *current = &tasks[0];
int need_resched;
struct sched_counts sched_counts;
static int next_pid = 1;

void sched_init(void)
{
  current->name = "idle";
  current->state = TASK_RUNNABLE;
  current->thread.esp0 = (u32)init_stack_top;
}

static struct task *pick_next(void)
{
  u32 at = current - tasks;
  for (u32 i = 1; i <= TASKS_MAX; i++) {
    struct task *t = &tasks[(at + i) % TASKS_MAX];
    if (t != &tasks[0] && t->state == TASK_RUNNABLE)
      return t;
  }
  return &tasks[0];
}

/* Everything of `next` that the processor must know, in one batch for those backends that batch. */
static void load_task(struct task *prev, struct task *next)
{
  set_lazy_mode(PARAVIRT_LAZY_CPU);
  if (next->mm && next->mm != prev->mm)
    write_cr3(virt_to_phys(next->mm->pgd));
  load_esp0(&tss, &next->thread);
  load_tls(&next->thread, 0);
  if (next->thread.iopl != prev->thread.iopl)
    set_iopl_mask(next->thread.iopl << 12);
  fpu_ask();
  set_lazy_mode(PARAVIRT_LAZY_NONE);
}

void schedule(void)
{
  u32 flags = save_fl();
  irq_disable();
  need_resched = 0;
  struct task *prev = current, *next = pick_next();
  if (next != prev) {
    sched_counts.switches++;
    load_task(prev, next);
    current = next;
    switch_to(&prev->thread.esp, next->thread.esp);
  }
  restore_fl(flags);
}

/* The first thing a new task does, in place of the end of schedule(). */
void schedule_tail(void) { irq_enable(); }

void sched_tick(const struct pt_regs *regs)
{
  current->ticks++;
  for (u32 i = 1; i < TASKS_MAX; i++)
    if (tasks[i].state == TASK_SLEEPING && (s32)(jiffies - tasks[i].wake_at) >= 0)
      tasks[i].state = TASK_RUNNABLE;
  if (user_mode(regs))
    need_resched = 1;
}

static struct task *task_alloc(void)
{
  for (u32 i = 1; i < TASKS_MAX; i++)
    if (tasks[i].state == TASK_FREE) {
      struct task *t = &tasks[i];
      memset(t, 0, sizeof *t);
      /* Two pages side by side are not promised by the page allocator; a stack here is one page. */
      t->stack = page_alloc();
      if (!t->stack)
        return NULL;
      t->thread.esp0 = (u32)t->stack + PAGE_SIZE;
      t->pid = next_pid++;
      t->parent = current->pid;
      return t;
    }
  return NULL;
}

static void task_free(struct task *t)
{
  page_put(virt_to_pfn(t->stack));
  t->state = TASK_FREE;
}

/* A stack on which switch_to finds four registers and ret_from_fork, and ret_from_fork finds `regs`. */
static struct pt_regs *build_stack(struct task *t, const struct pt_regs *regs)
{
  struct pt_regs *frame = (struct pt_regs *)t->thread.esp0 - 1;
  *frame = *regs;
  u32 *sp = (u32 *)frame;
  *--sp = (u32)ret_from_fork;
  for (int i = 0; i < 4; i++)
    *--sp = 0;
  t->thread.esp = (u32)sp;
  return frame;
}

int spawn(const struct program *program)
{
  struct task *t = task_alloc();
  if (!t)
    return -EAGAIN;
  t->name = program->name;
  t->mm = mm_alloc(program);
  if (!t->mm) {
    task_free(t);
    return -ENOMEM;
  }
  struct pt_regs regs = {
    .ds = USER_DS,
    .es = USER_DS,
    .eip = program->image->entry,
    .cs = USER_CS,
    .eflags = X86_EFLAGS_IF | 2,
    .esp = USER_STACK_TOP - 16,
    .ss = USER_DS,
  };
  build_stack(t, &regs);
  activate_mm(current->mm ? current->mm : &init_mm, t->mm);
  t->state = TASK_RUNNABLE;
  return t->pid;
}

int fork_task(const struct pt_regs *regs)
{
  struct task *t = task_alloc();
  if (!t)
    return -EAGAIN;
  t->name = current->name;
  t->mm = mm_copy(current->mm);
  if (!t->mm) {
    task_free(t);
    return -ENOMEM;
  }
  fpu_save(current);
  t->thread.fpu_used = current->thread.fpu_used;
  memcpy(t->thread.fpu, current->thread.fpu, sizeof t->thread.fpu);
  memcpy(t->thread.tls_array, current->thread.tls_array, sizeof t->thread.tls_array);
  build_stack(t, regs)->eax = 0;
  sched_counts.forks++;
  t->state = TASK_RUNNABLE;
  return t->pid;
}

void exit_task(int code)
{
  irq_disable();
  fpu_drop(current);
  write_cr3(virt_to_phys(swapper_pg_dir));
  struct mm_struct *mm = current->mm;
  current->mm = NULL;
  mm_free(mm);
  current->exit_code = code;
  current->state = TASK_ZOMBIE;
  sched_counts.exits++;
  for (u32 i = 0; i < TASKS_MAX; i++)
    if (tasks[i].state == TASK_WAITING && tasks[i].pid == current->parent)
      tasks[i].state = TASK_RUNNABLE;
  schedule();
  panic("a dead task runs");
}

static struct task *child(int pid)
{
  for (u32 i = 1; i < TASKS_MAX; i++)
    if (tasks[i].state != TASK_FREE && tasks[i].pid == pid && tasks[i].parent == current->pid)
      return &tasks[i];
  return NULL;
}

int wait_task(int pid, int *code)
{
  struct task *t = child(pid);
  if (!t)
    return -ECHILD;
  while (t->state != TASK_ZOMBIE) {
    if (current == &tasks[0]) {
      /* The idle task does not sleep in the queue: it halts until there is something to do. */
      irq_disable();
      if (pick_next() != &tasks[0])
        schedule();
      else
        safe_halt();
      irq_enable();
    } else {
      irq_disable();
      current->state = TASK_WAITING;
      schedule();
      irq_enable();
    }
  }
  *code = t->exit_code;
  task_free(t);
  return pid;
}

void sleep_ticks(u32 ticks)
{
  irq_disable();
  current->wake_at = jiffies + ticks;
  current->state = TASK_SLEEPING;
  schedule();
  irq_enable();
}
