/* CPUID, MSRs and counters. The accesses that may fault have an entry in the exception table and say so by their result. */
#include "kernel.h"
#include "native.h"

void native_cpuid(u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
  asm volatile("cpuid" : "=a"(*eax), "=b"(*ebx), "=c"(*ecx), "=d"(*edx) : "0"(*eax), "2"(*ecx));
}

/* Runs `instruction`; a fault in it leaves -EFAULT in the operand `err`, which is 0 otherwise. */
#define SAFELY(instruction)                                                                                            \
  "1: " instruction "\n2:\n"                                                                                           \
  ".pushsection .text.fixup, \"ax\"\n3: mov %[fault], %[err]\njmp 2b\n.popsection\n"                                   \
  ".pushsection __ex_table, \"a\"\n.long 1b, 3b\n.popsection"

u64 native_read_msr(u32 msr, int *err)
{
  u64 value = 0;
  int error = 0;
  asm volatile(SAFELY("rdmsr") : "+A"(value), [err] "+r"(error) : "c"(msr), [fault] "i"(-EFAULT));
  *err = error;
  return value;
}

int native_write_msr(u32 msr, u64 value)
{
  int error = 0;
  asm volatile(SAFELY("wrmsr") : [err] "+r"(error) : "A"(value), "c"(msr), [fault] "i"(-EFAULT) : "memory");
  return error;
}

u64 native_read_tsc(void)
{
  u64 value;
  asm volatile("rdtsc" : "=A"(value));
  return value;
}

u64 native_read_pmc(int counter)
{
  u64 value;
  asm volatile("rdpmc" : "=A"(value) : "c"(counter));
  return value;
}
