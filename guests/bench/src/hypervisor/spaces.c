/* Address translation that changes: one page, all pages, and the tasks of two address spaces. */
#include "machine.h"

#define PAGES 64

static u32 frames[PAGES];

static void take_frames(void)
{
  for (u32 i = 0; i < PAGES; i++) {
    if (!frames[i]) frames[i] = alloc_page();
    *(u32 *)linear(frames[i]) = i * 2654435761u;
  }
}

/* A page mapped to another frame, INVLPG, and a read through it. */
KERNEL(invlpg)
{
  u32 sum = 0;
  take_frames();
  pte_t *pte = pte_of(&kernel_space, VOLATILE_BASE + 0x100000);
  for (u32 i = 0; i < n; i++) {
    set_pte(pte, frames[i % PAGES], PTE_KERNEL);
    invlpg(VOLATILE_BASE + 0x100000);
    sum = mix(sum, *(volatile u32 *)(VOLATILE_BASE + 0x100000));
  }
  return sum;
}

static u32 reload(u32 n, u32 used)
{
  u32 sum = 0, cr3;
  take_frames();
  for (u32 i = 0; i < PAGES; i++)
    set_pte(pte_of(&kernel_space, VOLATILE_BASE + 0x200000 + i * PAGE_SIZE), frames[i], PTE_KERNEL);
  asm volatile("movl %%cr3, %0" : "=r"(cr3));
  while (n--) {
    write_cr3(cr3);
    for (u32 i = 0; i < used; i++) sum = mix(sum, *(volatile u32 *)(VOLATILE_BASE + 0x200000 + i * PAGE_SIZE));
  }
  return sum;
}

/* CR3 reloaded, then 4 or 64 pages read that are not global. */
KERNEL(cr3_few) { return reload(n, 4); }
KERNEL(cr3_many) { return reload(n, PAGES); }

#define TASK_PAGES 8
#define STACK_BYTES 4096

struct task {
  u32 esp, cr3, esp0, left, sum;
};

static struct task tasks[2], idle, *current;
static struct space spaces[2];
static u8 stacks[2][STACK_BYTES] __attribute__((aligned(16)));

/* EAX: previous, EDX: next. Its address space first: the linear map is in both. */
void switch_stacks(struct task *previous, struct task *next);
asm(".text; .balign 16; .globl switch_stacks\n"
    "switch_stacks: pushl %ebp; pushl %ebx; pushl %esi; pushl %edi\n"
    "  movl %esp, (%eax)\n"
    "  movl (%edx), %esp\n"
    "  popl %edi; popl %esi; popl %ebx; popl %ebp; ret\n");

static void switch_to(struct task *next)
{
  struct task *previous = current;
  current = next;
  set_esp0(next->esp0);
  write_cr3(next->cr3);
  switch_stacks(previous, next);
}

/* Works on its own pages, which are at the same place in both spaces, and lets the other one go on. */
static void task_body(void)
{
  for (;;) {
    struct task *self = current;
    for (u32 i = 0; i < TASK_PAGES; i++) {
      volatile u32 *at = (volatile u32 *)(PRIVATE_BASE + i * PAGE_SIZE);
      self->sum = mix(self->sum, *at);
      *at += self->left;
    }
    if (self->left-- == 0) switch_to(&idle);
    switch_to(&tasks[self == tasks]);
  }
}

/* Two tasks with address spaces and stacks of their own that call each other: 1 is a switch there and a switch back. */
KERNEL(context_switch)
{
  take_frames();
  for (u32 t = 0; t < 2; t++) {
    if (!spaces[t].pdpt[3]) space_init(&spaces[t]);
    for (u32 i = 0; i < TASK_PAGES; i++)
      set_pte(pte_of(&spaces[t], PRIVATE_BASE + i * PAGE_SIZE), frames[t * TASK_PAGES + i], PTE_KERNEL);
    u32 *esp = (u32 *)(stacks[t] + STACK_BYTES) - 5;
    for (u32 i = 0; i < 4; i++) esp[i] = 0;
    esp[4] = (u32)task_body;
    tasks[t] = (struct task){(u32)esp, physical(&spaces[t]), (u32)(stacks[t] + STACK_BYTES), n, t};
  }
  idle.cr3 = physical(&kernel_space);
  current = &idle;
  switch_to(&tasks[0]);
  return mix(tasks[0].sum, tasks[1].sum);
}
