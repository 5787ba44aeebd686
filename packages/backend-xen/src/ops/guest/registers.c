/* Control and debug registers, and CPUID. MOV from CR0, MOV CR4, WBINVD, MSRs and counters Xen emulates as they are. */
#include "guest.h"

#define CR0_TS 8

u32 xen_ops_read_cr2(void) { return shared_word(VCPU_ARCH_CR2); }
void xen_ops_write_cr2(u32 address) { shared_word(VCPU_ARCH_CR2) = address; }

/* Of CR0 a guest has TS to change. */
void xen_ops_write_cr0(u32 value) { hypercall1(fpu_taskswitch, value & CR0_TS ? 1 : 0); }
void xen_ops_clts(void) { hypercall1(fpu_taskswitch, 0); }

u32 xen_ops_get_debugreg(u32 number) { return hypercall1(get_debugreg, number); }
void xen_ops_set_debugreg(u32 number, u32 value)
{
  if (hypercall2(set_debugreg, number, value))
    die("Xen refuses a debug register\n");
}

/* Features that CPUID has and these ops do not reach: machine checks, APIC, SYSENTER, MTRRs, global pages, ACPI's clock control. */
#define PSE (1u << 3)
#define MCE (1u << 7)
#define APIC (1u << 9)
#define SEP (1u << 11)
#define MTRR (1u << 12)
#define PGE (1u << 13)
#define MCA (1u << 14)
#define ACPI (1u << 22)

/* The prefix asks Xen for its answer; the bare instruction is the processor's own (arch-x86/xen.h, XEN_EMULATE_PREFIX). */
void xen_ops_cpuid(u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
  u32 leaf = *eax;
  asm volatile(".byte 0x0F, 0x0B, 0x78, 0x65, 0x6E\ncpuid"
               : "=a"(*eax), "=b"(*ebx), "=c"(*ecx), "=d"(*edx)
               : "0"(*eax), "2"(*ecx));
  if (leaf == 1)
    *edx &= ~(PSE | MCE | APIC | SEP | MTRR | PGE | MCA | ACPI);
}

/* There is no local APIC, as CPUID says. */
u32 xen_ops_apic_read(u32 reg) { return 0; }
void xen_ops_apic_write(u32 reg, u32 value) {}
/* The tick comes by an event channel already. */
void xen_ops_setup_clock(void) {}
