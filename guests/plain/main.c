/*
 * Runs the cases and reports them on COM1, or on port 0xE9 where there is no such thing; then ends as the command line says: halted
 * for ever, or by a triple fault (`triple`).
 *   conformance: plain: case N: TITLE
 *   conformance: plain: ok N | refused N: WHY | FAILED N: WHY
 *   conformance: plain: done
 * `plain=N` begins with case N.
 */
#include "plain.h"

#define COM1 0x3F8
#define COM1_LSR (COM1 + 5)
#define COM1_SCRATCH (COM1 + 7)
#define LSR_THRE 0x20
#define DEBUG_PORT 0xE9
#define SELECTOR_CODE 0x08
#define GATE_INTERRUPT 0x8E00

static const char *note;
static int has_uart;

enum verdict failed(const char *why)
{
  note = why;
  return FAILED;
}

enum verdict refused(const char *why)
{
  note = why;
  return REFUSED;
}

static void put(const char *text)
{
  for (; *text; text++) {
    if (!has_uart) {
      outb(*text, DEBUG_PORT);
      continue;
    }
    while (!(inb(COM1_LSR) & LSR_THRE))
      ;
    outb(*text, COM1);
  }
}

static void put_number(u32 value)
{
  char digits[11];
  int at = 10;
  digits[10] = 0;
  do
    digits[--at] = '0' + value % 10;
  while (value /= 10);
  put(digits + at);
}

static void say(const char *what, u32 n, const char *why)
{
  put("conformance: plain: ");
  put(what);
  put(" ");
  put_number(n);
  if (why) {
    put(": ");
    put(why);
  }
  put("\r\n");
}

static struct {
  u16 limit;
  u32 base;
} __attribute__((packed)) idt_pointer;
static u32 idt[64];

static void idt_init(void)
{
  for (u32 n = 0; n < 32; n++) {
    u32 handler = (u32)stubs + n * STUB_BYTES;
    idt[2 * n] = SELECTOR_CODE << 16 | (handler & 0xFFFF);
    idt[2 * n + 1] = (handler & 0xFFFF0000) | GATE_INTERRUPT;
  }
  idt_pointer.limit = sizeof idt - 1;
  idt_pointer.base = (u32)idt;
  asm volatile("lidt %0" : : "m"(idt_pointer));
}

void main(void)
{
  outb(0x5A, COM1_SCRATCH);
  has_uart = inb(COM1_SCRATCH) == 0x5A;
  boot_init();
  idt_init();
  u32 count = __stop_cases - __start_cases;
  for (u32 n = number_after("plain", 0); n < count; n++) {
    const struct plain_case *c = &__start_cases[n];
    say("case", n, c->title);
    enum verdict v = c->run();
    say(v == OK ? "ok" : v == REFUSED ? "refused" : "FAILED", n, v == OK ? 0 : note);
  }
  put("conformance: plain: done\r\n");
  if (!option("triple"))
    return;
  idt_pointer.limit = 0;
  asm volatile("lidt %0\nint3" : : "m"(idt_pointer));
}
