/* Ends that are asked for: a guest to test a machine's handling of guests that go wrong. */
#include "desc.h"
#include "io.h"
#include "kernel.h"
#include "paravirt.h"

/* With no IDT an exception is a double fault, and that a shutdown. */
static void triple_fault(void)
{
  struct Xgt_desc_struct none = { 0, 0, 0 };
  load_idt(&none);
  asm volatile("int3");
}

/* `debugexit=PORT:VALUE`, as QEMU's isa-debug-exit takes it. */
static void debug_exit(const char *value)
{
  const char *end;
  u16 port = parse_number(value, &end);
  outb(*end == ':' ? parse_number(end + 1, NULL) : 0, port);
}

void fail_on_purpose(void)
{
  if (option("tripleflt"))
    triple_fault();
  if (option("panic"))
    panic("asked for");
  if (option("runoff"))
    ((void (*)(void))(FIXMAP_BASE + 0x100000))();
  if (option("loop")) {
    irq_disable();
    for (;;)
      ;
  }
  if (option_value("debugexit"))
    debug_exit(option_value("debugexit"));
}
