/* I/O privilege: with iopl(3) an IN works, and with iopl(0) it is a fault. Exits 1 when it survives the second. */
#include "lib.h"

static void touch_port(void)
{
  u8 value;
  asm volatile("inb $0x80, %0" : "=a"(value));
}

int main(void)
{
  int status = 0, child = fork();
  if (!child) {
    if (!iopl(3))
      touch_port();
    exit(7);
  }
  if (waitpid(child, &status) != child || status != 7)
    return 2;
  if (iopl(3) || iopl(0))
    return 3;
  touch_port();
  return 1;
}
