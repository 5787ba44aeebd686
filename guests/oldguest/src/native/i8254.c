/*
 * Time on a PC: the 8254's channel 0 ticks at HZ; the processor's counter, measured against channel 2, tells nanoseconds
 * between ticks.
 */
#include "io.h"
#include "kernel.h"
#include "native.h"
#include "paravirt.h"
#include "trap.h"

#define PIT_HZ 1193182
#define LATCH ((PIT_HZ + HZ / 2) / HZ)
#define PIT_CH0 0x40
#define PIT_CH2 0x42
#define PIT_MODE 0x43
#define CH0_LOHI_MODE2 0x34
#define CH2_LOHI_MODE0 0xB0
#define PORT_B 0x61
#define PORT_B_GATE2 0x01
#define PORT_B_SPEAKER 0x02
#define PORT_B_OUT2 0x20

#define CALIBRATE_MS 2
#define CALIBRATE_COUNT (PIT_HZ * CALIBRATE_MS / 1000)
#define CALIBRATE_POLLS 5000000

/* Cycles to nanoseconds, times 2^10. */
static u32 cyc2ns;

/* Counts cycles while channel 2 counts down once. 0 when there is no counter, or the output never rises. */
u32 native_get_cpu_khz(void)
{
  if (!cpu_has(FEATURE_TSC))
    return 0;
  u8 port_b = inb(PORT_B);
  outb((port_b & ~PORT_B_SPEAKER) | PORT_B_GATE2, PORT_B);
  outb(CH2_LOHI_MODE0, PIT_MODE);
  outb(CALIBRATE_COUNT & 0xFF, PIT_CH2);
  outb(CALIBRATE_COUNT >> 8, PIT_CH2);
  u64 start = read_tsc();
  u32 polls = 0;
  while (!(inb(PORT_B) & PORT_B_OUT2) && ++polls < CALIBRATE_POLLS)
    ;
  u64 cycles = read_tsc() - start;
  outb(port_b, PORT_B);
  return polls == CALIBRATE_POLLS ? 0 : (u32)div64(cycles, CALIBRATE_MS, NULL);
}

void native_time_init(void)
{
  cpu_khz = get_cpu_khz();
  if (cpu_khz)
    cyc2ns = (1000000u << 10) / cpu_khz;
  outb(CH0_LOHI_MODE2, PIT_MODE);
  io_delay();
  outb(LATCH & 0xFF, PIT_CH0);
  io_delay();
  outb(LATCH >> 8, PIT_CH0);
  setup_irq(0, timer_interrupt);
}

u64 native_sched_clock(void)
{
  return cyc2ns ? read_tsc() * cyc2ns >> 10 : (u64)jiffies * NS_PER_TICK;
}
