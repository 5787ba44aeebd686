/* What a guest without ops relies on: the start of day, exceptions, and the instructions that leave to whoever is underneath. */
#include "plain.h"

#define CR0_PE 1
#define CR0_PG 0x80000000
#define EFLAGS_IF 0x200
#define MIB 0x100000
#define FEATURE_TSC (1 << 4)
#define FEATURE_MSR (1 << 5)
#define FEATURE_APIC (1 << 9)
#define FEATURE_HYPERVISOR (1u << 31)
#define HYPERVISOR_LEAF 0x40000000
#define MSR_APIC_BASE 0x1B
#define MSR_OF_NOBODY 0xDEAD
#define ADDRESS 0xFFFFF000

extern const u8 program_start[], program_end[];

static u32 features(void)
{
  u32 a, b, c, d;
  cpuid(1, &a, &b, &c, &d);
  return d;
}

CASE("start of day: protected mode, paging and interrupts off")
{
  u32 cr0;
  asm volatile("mov %%cr0, %0" : "=r"(cr0));
  EXPECT((cr0 & (CR0_PE | CR0_PG)) == CR0_PE);
  EXPECT(!(entry_eflags & EFLAGS_IF));
  return OK;
}

CASE("start of day: the command line comes along")
{
  EXPECT(option("conformance"));
  return OK;
}

CASE("start of day: there is a memory map, and the program lies in RAM")
{
  int found = 0;
  EXPECT(range_count > 0 && range_count < RANGES_MAX);
  for (u32 n = 0; n < range_count; n++)
    found |= ranges[n].ram && ranges[n].base <= (u32)program_start && ranges[n].base + ranges[n].length >= (u32)program_end;
  EXPECT(found);
  return OK;
}

CASE("start of day: no byte is in two ranges of RAM")
{
  for (u32 i = 0; i < range_count; i++)
    for (u32 j = 0; j < i; j++)
      if (ranges[i].ram && ranges[j].ram)
        EXPECT(ranges[i].base + ranges[i].length <= ranges[j].base || ranges[j].base + ranges[j].length <= ranges[i].base);
  return OK;
}

/* The first and the last word of each MiB that the map calls RAM, from 1 MiB on. */
CASE("memory: what is called RAM is RAM, up to its end")
{
  for (u32 n = 0; n < range_count; n++) {
    if (!ranges[n].ram)
      continue;
    u32 start = ranges[n].base < MIB ? MIB : ranges[n].base, end = ranges[n].base + ranges[n].length;
    for (u32 at = start; at < end; at += MIB) {
      u32 last = (end - at > MIB ? at + MIB : end) - 4;
      volatile u32 *words[2] = { (u32 *)at, (u32 *)last };
      for (u32 w = 0; w < 2; w++) {
        if ((u32)words[w] >= (u32)program_start && (u32)words[w] < (u32)program_end)
          continue;
        u32 before = *words[w];
        *words[w] = at ^ 0x5A5A5A5A ^ w;
        u32 kept = *words[w] == (at ^ 0x5A5A5A5A ^ w);
        *words[w] = before;
        EXPECT(kept);
      }
    }
  }
  return OK;
}

static void undefined(u32 unused) { asm volatile("ud2"); }
static void breakpoint(u32 unused) { asm volatile("int3"); }
static void divide(u32 by) { asm volatile("divl %0" : : "r"(by), "a"(1), "d"(0)); }
static void load_selector(u32 selector) { asm volatile("mov %0, %%fs" : : "r"(selector)); }

CASE("exceptions: an undefined opcode comes to the handler of #UD")
{
  EXPECT(attempt(undefined, 0) == FAULT(VEC_UD));
  return OK;
}

CASE("exceptions: a division by zero comes to the handler of #DE")
{
  EXPECT(attempt(divide, 0) == FAULT(VEC_DE));
  return OK;
}

CASE("exceptions: INT3 comes to the handler of #BP")
{
  EXPECT(attempt(breakpoint, 0) == FAULT(VEC_BP));
  return OK;
}

CASE("exceptions: a selector beyond the GDT is #GP, with the selector as its error code")
{
  EXPECT(attempt(load_selector, 0x1230) == FAULT(VEC_GP));
  EXPECT(error_code == 0x1230);
  return OK;
}

CASE("cpuid: leaf 0 has a vendor")
{
  u32 a, b, c, d;
  cpuid(0, &a, &b, &c, &d);
  EXPECT(a >= 1 && b && c && d);
  return OK;
}

CASE("cpuid: it says the same twice")
{
  for (u32 leaf = 0; leaf < 2; leaf++) {
    u32 first[4], second[4];
    cpuid(leaf, &first[0], &first[1], &first[2], &first[3]);
    cpuid(leaf, &second[0], &second[1], &second[2], &second[3]);
    for (u32 n = 0; n < 4; n++)
      EXPECT(first[n] == second[n]);
  }
  return OK;
}

CASE("cpuid: a hypervisor that shows itself has a signature and a highest leaf")
{
  u32 a, b, c, d;
  cpuid(1, &a, &b, &c, &d);
  if (!(c & FEATURE_HYPERVISOR))
    return refused("none shows itself");
  cpuid(HYPERVISOR_LEAF, &a, &b, &c, &d);
  EXPECT(a >= HYPERVISOR_LEAF && a < HYPERVISOR_LEAF + 0x10000);
  EXPECT(b && c && d);
  return OK;
}

static u64 read_value;
static void rdmsr(u32 msr) { asm volatile("rdmsr" : "=A"(read_value) : "c"(msr)); }
static void wrmsr(u32 msr) { asm volatile("wrmsr" : : "A"(read_value), "c"(msr)); }

CASE("msr: reading one that nobody has is #GP(0)")
{
  if (!(features() & FEATURE_MSR))
    return refused("no MSRs");
  EXPECT(attempt(rdmsr, MSR_OF_NOBODY) == FAULT(VEC_GP));
  EXPECT(error_code == 0);
  return OK;
}

CASE("msr: writing one that nobody has is #GP(0)")
{
  if (!(features() & FEATURE_MSR))
    return refused("no MSRs");
  EXPECT(attempt(wrmsr, MSR_OF_NOBODY) == FAULT(VEC_GP));
  EXPECT(error_code == 0);
  return OK;
}

CASE("msr: APIC_BASE is there where CPUID shows an APIC, and takes what it has")
{
  if ((features() & (FEATURE_MSR | FEATURE_APIC)) != (FEATURE_MSR | FEATURE_APIC))
    return refused("no local APIC");
  EXPECT(attempt(rdmsr, MSR_APIC_BASE) == 0);
  u64 before = read_value;
  EXPECT((before & ADDRESS) == 0xFEE00000);
  EXPECT(attempt(wrmsr, MSR_APIC_BASE) == 0);
  EXPECT(attempt(rdmsr, MSR_APIC_BASE) == 0 && read_value == before);
  return OK;
}

CASE("time: the time-stamp counter goes forward")
{
  u64 first, second;
  if (!(features() & FEATURE_TSC))
    return refused("no TSC");
  asm volatile("rdtsc" : "=A"(first));
  for (u32 n = 0; n < 1000; n++)
    asm volatile("");
  asm volatile("rdtsc" : "=A"(second));
  EXPECT(second > first);
  return OK;
}

static void read_port(u32 port) { inb(port); }

CASE("ports: each can be read, whoever has it")
{
  for (u32 port = 0; port < 0x10000; port++)
    EXPECT(attempt(read_port, port) == 0);
  return OK;
}

static enum verdict unknown_hypercall(u32 amd)
{
  u32 fault = attempt(try_hypercall, amd);
  if (fault == FAULT(VEC_UD))
    return OK;
  EXPECT(fault == 0);
  EXPECT(kept[0] == 0x0B0B0B0B && kept[1] == 0x51515151 && kept[2] == 0xD1D1D1D1 && kept[3] == 0xBBBBBBBB);
  return OK;
}

CASE("hypercalls: VMCALL with a number that nobody has is #UD, or leaves EBX, ESI, EDI and EBP") { return unknown_hypercall(0); }
CASE("hypercalls: VMMCALL with a number that nobody has is #UD, or leaves EBX, ESI, EDI and EBP") { return unknown_hypercall(1); }

static void host_opcode(u32 unused) { asm volatile(".byte 0x0F, 0x3F, 0x00, 0x00"); }
static void host_call_opcode(u32 unused) { asm volatile(".byte 0x0F, 0x3F, 0x00, 0x80"); }

CASE("hypercalls: the host's own opcode is #UD in a guest's own code")
{
  EXPECT(attempt(host_opcode, 0) == FAULT(VEC_UD));
  EXPECT(attempt(host_call_opcode, 0) == FAULT(VEC_UD));
  return OK;
}
