/* Instructions that leave the processor, or that only its monitor can answer: port I/O, MSRs, CPUID, the time-stamp
   counter, control registers, segments. */
#include "machine.h"

#define POST_CODE 0x80
#define SCRATCH 0x3FF /* of COM1 */
#define LINE_STATUS 0x3FD
#define PIC_MASK 0xA1
#define IA32_SYSENTER_ESP 0x175

/* A byte to the POST code port, which is what a kernel writes to for a short delay. */
KERNEL(io_out)
{
  for (u32 i = 0; i < n; i++) outb(i, POST_CODE);
  return n;
}

/* The UART's line status, which is what a polled console reads. */
KERNEL(io_in)
{
  u32 sum = 0;
  for (u32 i = 0; i < n; i++) sum += inb(LINE_STATUS) & 0x20;
  return sum;
}

/* A byte to the UART's scratch register and back. */
KERNEL(io_scratch)
{
  u32 sum = 0;
  for (u32 i = 0; i < n; i++) {
    outb(i * 7, SCRATCH);
    sum = mix(sum, inb(SCRATCH));
  }
  return sum;
}

/* An interrupt masked and unmasked at the second 8259. */
KERNEL(io_pic)
{
  u32 sum = 0;
  for (u32 i = 0; i < n; i++) {
    outb(inb(PIC_MASK) | 0x10, PIC_MASK);
    sum += inb(PIC_MASK) >> 4 & 1;
    outb(inb(PIC_MASK) & ~0x10, PIC_MASK);
  }
  return sum;
}

KERNEL(wrmsr)
{
  for (u32 i = 0; i < n; i++) asm volatile("wrmsr" : : "a"(i), "d"(0), "c"(IA32_SYSENTER_ESP));
  return n;
}

KERNEL(rdmsr)
{
  u32 sum = 0;
  asm volatile("wrmsr" : : "a"(0x1234), "d"(0), "c"(IA32_SYSENTER_ESP));
  for (u32 i = 0; i < n; i++) {
    u32 low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(IA32_SYSENTER_ESP));
    sum = mix(sum, low + high);
  }
  return sum;
}

KERNEL(cpuid)
{
  u32 same = 0, first = 0;
  for (u32 i = 0; i < n; i++) {
    u32 a = 1, b, c = 0, d;
    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (i == 0) first = a;
    same += a == first;
  }
  return same;
}

/* Real time goes backwards in some, so that nothing can be said of what is read. */
KERNEL(rdtsc)
{
  u64 last = 0;
  for (u32 i = 0; i < n; i++) {
    u64 now;
    asm volatile("rdtsc" : "=A"(now));
    last += now;
  }
  asm volatile("" : : "A"(last));
  return n;
}

/* CR0.TS set and cleared, as a kernel does that gives the FPU away lazily. */
KERNEL(cr0_ts)
{
  u32 cr0, sum = 0;
  asm volatile("movl %%cr0, %0" : "=r"(cr0));
  for (u32 i = 0; i < n; i++) {
    u32 seen;
    asm volatile("movl %0, %%cr0" : : "r"(cr0 | 8));
    asm volatile("smsw %0" : "=r"(seen));
    sum += seen >> 3 & 1;
    asm volatile("clts");
  }
  return sum;
}

/* DS, ES and FS reloaded, as at every entry of a kernel. */
KERNEL(segments)
{
  u32 sum = 0;
  for (u32 i = 0; i < n; i++) {
    u32 selector;
    asm volatile("movl %1, %%fs; movl %2, %%fs; movl %2, %%es; movl %2, %%ds; movl %%fs, %0"
                 : "=r"(selector) : "r"(USER_DS), "r"(KERNEL_DS));
    sum += selector & 0xFFFF;
  }
  return sum;
}
