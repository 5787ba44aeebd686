/* Interrupt lines over event channels: a line is a port, masked and acknowledged in shared_info. */
#include "guest.h"

#define LINES 16
#define LINE_TIMER 0
#define STUB_BYTES 16

/* What the kernel wants of an interrupt controller, and where interrupts of each line go. */
struct irq_chip {
  const char *name;
  void (*mask)(u32 line);
  void (*unmask)(u32 line);
  s32 (*ack)(u32 line);
};
extern const struct irq_chip *pg_guest_irq_chip;
extern const u8 pg_guest_irq_entries[];

void timer_acknowledged(void);

/* Port of each line; 0 is no port. */
static u32 ports[LINES];

static u32 bit(u32 base, u32 port) { return shared_word(base + port / 32 * 4) >> port % 32 & 1; }

static void set_bit(u32 base, u32 port)
{
  asm volatile("lock btsl %1, %0" : "+m"(shared_word(base + port / 32 * 4)) : "Ir"(port % 32) : "cc");
}

static void clear_bit(u32 base, u32 port)
{
  asm volatile("lock btrl %1, %0" : "+m"(shared_word(base + port / 32 * 4)) : "Ir"(port % 32) : "cc");
}

static int is_due(u32 port) { return port && bit(SHARED_EVTCHN_PENDING, port) && !bit(SHARED_EVTCHN_MASK, port); }

static void mask(u32 line)
{
  if (ports[line])
    set_bit(SHARED_EVTCHN_MASK, ports[line]);
}

static void unmask(u32 line)
{
  struct evtchn_port op = { .port = ports[line] };
  if (op.port)
    hypercall2(event_channel_op, EVTCHNOP_UNMASK, &op);
}

static s32 acknowledge(u32 line)
{
  u32 port = ports[line];
  if (!port || !bit(SHARED_EVTCHN_PENDING, port))
    return 1;
  mask(line);
  clear_bit(SHARED_EVTCHN_PENDING, port);
  if (line == LINE_TIMER)
    timer_acknowledged();
  return 0;
}

/*
 * For the upcall (entry.S): where the kernel takes interrupts of the first line that is due; where nothing is, the return. What is
 * left is delivered when the kernel returns, for then the flag says that something is.
 */
const void *next_line(void)
{
  const void *to = xen_ops_iret;
  vcpu_byte(VCPU_UPCALL_PENDING) = 0;
  /* Xen says again that something is due only when a word is marked that was not. */
  u32 none = 0;
  asm volatile("xchgl %0, %1" : "+m"(shared_word(VCPU_PENDING_SEL)), "+r"(none));
  for (u32 line = LINES; line-- > 0;) {
    if (!is_due(ports[line]))
      continue;
    if (to != xen_ops_iret)
      vcpu_byte(VCPU_UPCALL_PENDING) = 1;
    to = pg_guest_irq_entries + line * STUB_BYTES;
  }
  return to;
}

u32 bind_timer(void)
{
  struct evtchn_bind_virq op = { .virq = VIRQ_TIMER };
  if (hypercall2(event_channel_op, EVTCHNOP_BIND_VIRQ, &op))
    die("Xen refuses the timer's event channel\n");
  ports[LINE_TIMER] = op.port;
  return LINE_TIMER;
}

void xen_ops_init_IRQ(void)
{
  static const struct irq_chip chip = { "Xen events", mask, unmask, acknowledge };
  pg_guest_irq_chip = &chip;
}

void xen_ops_safe_halt(void) { hypercall2(sched_op, SCHEDOP_BLOCK, NULL); }

/* With events masked nothing may wake the processor: it polls no port, without an end. */
void xen_ops_halt(void)
{
  if (vcpu_byte(VCPU_UPCALL_MASK)) {
    struct sched_poll nothing = { 0 };
    hypercall2(sched_op, SCHEDOP_POLL, &nothing);
  } else {
    xen_ops_safe_halt();
  }
}
