/* Page faults that are made good: demand paging, copy on write, exception tables, and ring 3's. */
#include "machine.h"

#define PAGES 16
#define SYS_EXIT 0
#define ERROR_W 2

extern const u8 user_touches[];
void leave_user(u32 value) __attribute__((noreturn));

static pte_t *ptes[PAGES];
static u32 frames[PAGES], base, was;

/* 16 pages at `va`, none of them present. */
static void prepare(u32 va)
{
  static u32 kept[PAGES];
  base = va;
  was = PAGES;
  for (u32 i = 0; i < PAGES; i++) {
    if (!kept[i]) kept[i] = alloc_page();
    frames[i] = kept[i];
    ptes[i] = pte_of(&kernel_space, va + i * PAGE_SIZE);
    set_pte(ptes[i], 0, 0);
    invlpg(va + i * PAGE_SIZE);
    memset(linear(frames[i]), 0, PAGE_SIZE);
  }
}

static u32 page_of_fault(struct regs *regs)
{
  u32 page = (read_cr2() - base) / PAGE_SIZE;
  if (page >= PAGES) panic("page fault at", regs->eip);
  return page;
}

/* Maps what was touched. */
static void map_handler(struct regs *regs)
{
  u32 page = page_of_fault(regs);
  set_pte(ptes[page], frames[page], PTE_KERNEL);
}

/* A page touched, mapped, and unmapped again. */
KERNEL(fault_map)
{
  u32 sum = 0;
  prepare(VOLATILE_BASE);
  set_handler(VECTOR_PF, map_handler);
  for (u32 i = 0; i < n; i++) {
    u32 page = i % PAGES;
    volatile u32 *at = (volatile u32 *)(VOLATILE_BASE + page * PAGE_SIZE);
    *at += i;
    sum = mix(sum, *at);
    set_pte(ptes[page], 0, 0);
    invlpg((u32)at);
  }
  set_handler(VECTOR_PF, 0);
  return sum;
}

static void write_handler(struct regs *regs)
{
  u32 page = page_of_fault(regs);
  if (!(regs->error & ERROR_W)) panic("not a write, at", regs->eip);
  set_pte(ptes[page], frames[page], PTE_KERNEL);
  invlpg(base + page * PAGE_SIZE);
}

/* A write to a page that may only be read, which is then allowed, and forbidden again. */
KERNEL(fault_write)
{
  u32 sum = 0;
  prepare(VOLATILE_BASE);
  set_handler(VECTOR_PF, write_handler);
  for (u32 i = 0; i < n; i++) {
    u32 page = i % PAGES;
    volatile u32 *at = (volatile u32 *)(VOLATILE_BASE + page * PAGE_SIZE);
    set_pte(ptes[page], frames[page], PTE_P | PTE_A);
    invlpg((u32)at);
    sum = mix(sum, *at);
    *at += i;
  }
  set_handler(VECTOR_PF, 0);
  return sum;
}

/* The way on after a fault, found by its address. */
static u32 fixup;
static void fixup_handler(struct regs *regs)
{
  page_of_fault(regs);
  regs->eip = fixup;
  regs->eax = -14;
}

/* A read where nothing is mapped, and an exception table's answer. */
KERNEL(fault_fixup)
{
  u32 sum = 0;
  prepare(VOLATILE_BASE);
  set_handler(VECTOR_PF, fixup_handler);
  for (u32 i = 0; i < n; i++) {
    u32 value = 0;
    asm volatile("movl $1f, %1; movl (%2), %0; 1:"
                 : "+a"(value), "=m"(fixup) : "r"(VOLATILE_BASE + i % PAGES * PAGE_SIZE) : "memory");
    sum += value;
  }
  set_handler(VECTOR_PF, 0);
  return sum;
}

/* Maps what ring 3 touched and takes away what it had. */
static void user_handler(struct regs *regs)
{
  u32 page = page_of_fault(regs);
  if (was < PAGES) {
    set_pte(ptes[was], 0, 0);
    invlpg(base + was * PAGE_SIZE);
  }
  set_pte(ptes[page], frames[page], PTE_KERNEL | PTE_U);
  was = page;
}

static void exit_handler(struct regs *regs)
{
  if (regs->eax == SYS_EXIT) leave_user(regs->edi);
}

/* Ring 3 writes to one page after the other, of which one is there at a time. */
KERNEL(fault_user)
{
  prepare(USER_DATA + PAGE_SIZE);
  set_handler(VECTOR_SYSCALL, exit_handler);
  set_handler(VECTOR_PF, user_handler);
  u32 sum = run_user(user_touches, n);
  set_handler(VECTOR_PF, 0);
  for (u32 i = 0; i < PAGES; i++) sum = mix(sum, *(u32 *)linear(frames[i]));
  return sum;
}
