/*
 * Page faults on purpose: demand-zero pages, a growing stack, copies after a fork on both sides, and a child that touches
 * what it must not.
 */
#include "lib.h"

#define PAGES 24
static u8 area[PAGES][4096];
static u32 initialised = 0x12345678;

static u32 sum(void)
{
  u32 total = 0;
  for (u32 i = 0; i < PAGES; i++)
    total += area[i][0] + area[i][4095] * 256;
  return total;
}

static u32 deep(u32 n)
{
  volatile u8 room[2048];
  room[0] = n;
  return n ? deep(n - 1) + room[0] : 0;
}

static void report(const char *what, int good)
{
  struct line l = { .length = 0 };
  put(&l, "pager: ");
  put(&l, what);
  put(&l, good ? ": ok" : ": FAILED");
  end_line(&l);
  if (!good)
    exit(1);
}

static int wait_for(int pid)
{
  int status = -1;
  return waitpid(pid, &status) == pid ? status : -1;
}

int main(void)
{
  report("fresh pages are zero", sum() == 0);
  for (u32 i = 0; i < PAGES; i++) {
    area[i][0] = 1;
    area[i][4095] = i;
  }
  report("pages keep what is written", sum() == PAGES + 256 * (PAGES * (PAGES - 1) / 2));
  report("the stack grows", deep(20) == 210);

  int child = fork();
  if (!child) {
    for (u32 i = 0; i < PAGES; i += 2)
      area[i][0] = 3;
    initialised = 0;
    exit(sum() == PAGES * 2 + 256 * (PAGES * (PAGES - 1) / 2) ? 42 : 1);
  }
  for (u32 i = 1; i < PAGES; i += 2)
    area[i][0] = 5;
  report("the child has its own copies", wait_for(child) == 42);
  report("so has the parent", sum() == PAGES * 3 + 256 * (PAGES * (PAGES - 1) / 2) && initialised == 0x12345678);

  child = fork();
  if (!child) {
    *(volatile u32 *)0xC0100000 = 0;
    exit(0);
  }
  report("kernel memory is out of reach", wait_for(child) == 128 + 14);
  child = fork();
  if (!child) {
    *(volatile u32 *)main = 0;
    exit(0);
  }
  report("program text is read-only", wait_for(child) == 128 + 14);
  child = fork();
  if (!child) {
    asm volatile("hlt");
    exit(0);
  }
  report("privileged instructions fault", wait_for(child) == 128 + 13);
  return 0;
}
