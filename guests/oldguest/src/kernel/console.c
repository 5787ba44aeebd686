/*
 * The console: the first serial port (16550 at 0x3F8, 115200 8N1, polled), or with `console=e9` the debug port 0xE9.
 *
 * Port I/O, hence the same on every backend that lets or emulates it. Nothing is ever awaited without a bound: a machine
 * with no UART reads all ones, which looks like "ready".
 */
#include "io.h"
#include "kernel.h"

#define COM1 0x3F8
#define THR (COM1 + 0)
#define DLL (COM1 + 0)
#define DLM (COM1 + 1)
#define IER (COM1 + 1)
#define FCR (COM1 + 2)
#define LCR (COM1 + 3)
#define MCR (COM1 + 4)
#define LSR (COM1 + 5)
#define LSR_THRE 0x20
#define LCR_8N1 0x03
#define LCR_DLAB 0x80
#define THRE_POLLS 100000

#define DEBUG_PORT 0xE9

static int use_debug_port;

void console_init(void)
{
  const char *value = option_value("console");
  use_debug_port = value && !strncmp(value, "e9", 2);
  if (use_debug_port)
    return;
  outb(0, IER);
  outb(LCR_DLAB, LCR);
  outb(1, DLL);
  outb(0, DLM);
  outb(LCR_8N1, LCR);
  outb(0x07, FCR);
  outb(0x03, MCR);
}

const char *console_route(void)
{
  return use_debug_port ? "debug port 0xE9, port I/O" : "COM1 at 0x3F8, 115200 8N1, port I/O";
}

void console_putc(char c)
{
  if (use_debug_port) {
    outb(c, DEBUG_PORT);
    return;
  }
  for (int i = 0; i < THRE_POLLS && !(inb(LSR) & LSR_THRE); i++)
    ;
  outb(c, THR);
}
