/* COM1, polled: 16550 registers as the data sheet (PC16550D, section 8) has them. */
#include "bench.h"

#define COM1 0x3F8
#define IER (COM1 + 1)
#define FCR (COM1 + 2)
#define LCR (COM1 + 3)
#define MCR (COM1 + 4)
#define LSR (COM1 + 5)
#define LSR_THRE 0x20

void console_init(void)
{
  outb(0, IER);
  outb(0x80, LCR);
  outb(1, COM1); /* divisor 1: 115200 baud */
  outb(0, COM1 + 1);
  outb(0x03, LCR); /* 8 data bits, no parity, one stop bit */
  outb(0x01, FCR);
  outb(0x0B, MCR); /* DTR, RTS, OUT2: interrupts reach the 8259 */
}

static void put(char c)
{
  while (!(inb(LSR) & LSR_THRE))
    ;
  outb(c, COM1);
}

void print(const char *text)
{
  for (; *text; text++) {
    if (*text == '\n') put('\r');
    put(*text);
  }
}

void print_hex(u32 value)
{
  for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
}

void print_decimal(u32 value)
{
  char digits[11];
  char *at = digits + sizeof(digits) - 1;
  *at = 0;
  do *--at = '0' + value % 10;
  while (value /= 10);
  print(at);
}

#define DEBUG_EXIT 0x501

void panic(const char *why, u32 value)
{
  print("bench: panic: ");
  print(why);
  print(" ");
  print_hex(value);
  print("\n");
  outl(1, DEBUG_EXIT);
  for (;;) asm volatile("cli; hlt");
}
