/* Control and debug registers, and the cache. */
#include "kernel.h"
#include "native.h"

void native_clts(void) { asm volatile("clts"); }

u32 native_read_cr0(void)
{
  u32 v;
  asm volatile("mov %%cr0, %0" : "=r"(v));
  return v;
}
void native_write_cr0(u32 v) { asm volatile("mov %0, %%cr0" : : "r"(v) : "memory"); }

u32 native_read_cr2(void)
{
  u32 v;
  asm volatile("mov %%cr2, %0" : "=r"(v));
  return v;
}
void native_write_cr2(u32 v) { asm volatile("mov %0, %%cr2" : : "r"(v)); }

u32 native_read_cr3(void)
{
  u32 v;
  asm volatile("mov %%cr3, %0" : "=r"(v));
  return v;
}
void native_write_cr3(u32 v) { asm volatile("mov %0, %%cr3" : : "r"(v) : "memory"); }

/* On a processor without CR4 the read is #UD, and the answer 0. */
u32 native_read_cr4_safe(void)
{
  u32 v = 0;
  asm volatile("1: mov %%cr4, %0\n2:\n.pushsection __ex_table, \"a\"\n.long 1b, 2b\n.popsection" : "+r"(v));
  return v;
}
u32 native_read_cr4(void)
{
  u32 v;
  asm volatile("mov %%cr4, %0" : "=r"(v));
  return v;
}
void native_write_cr4(u32 v) { asm volatile("mov %0, %%cr4" : : "r"(v) : "memory"); }

#define GET_DR(n)                                                                                                      \
  case n:                                                                                                              \
    asm volatile("mov %%db" #n ", %0" : "=r"(v));                                                                      \
    break
#define SET_DR(n)                                                                                                      \
  case n:                                                                                                              \
    asm volatile("mov %0, %%db" #n : : "r"(v));                                                                        \
    break

u32 native_get_debugreg(int regno)
{
  u32 v = 0;
  switch (regno) {
    GET_DR(0);
    GET_DR(1);
    GET_DR(2);
    GET_DR(3);
    GET_DR(6);
    GET_DR(7);
  default:
    panic("get_debugreg of DR%d", regno);
  }
  return v;
}

void native_set_debugreg(int regno, u32 v)
{
  switch (regno) {
    SET_DR(0);
    SET_DR(1);
    SET_DR(2);
    SET_DR(3);
    SET_DR(6);
    SET_DR(7);
  default:
    panic("set_debugreg of DR%d", regno);
  }
}

void native_wbinvd(void) { asm volatile("wbinvd" : : : "memory"); }
