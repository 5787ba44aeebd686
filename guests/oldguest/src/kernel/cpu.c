/* What the processor can do, as the cpuid op tells it; and the paging format that start-of-day has chosen. */
#include "kernel.h"
#include "paravirt.h"

#define CR4_PAE 0x20

u32 cpu_features;
int pae_enabled, pge_enabled;

void cpuid(u32 leaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
  *eax = leaf;
  *ecx = 0;
  cpuid_op(eax, ebx, ecx, edx);
}

void cpu_init(void)
{
  u32 max, eax, ebx, ecx, vendor[4] = { 0 };
  cpuid(0, &max, &vendor[0], &vendor[2], &vendor[1]);
  if (max >= 1)
    cpuid(1, &eax, &ebx, &ecx, &cpu_features);
  pae_enabled = (read_cr4_safe() & CR4_PAE) != 0;
  pge_enabled = cpu_has(FEATURE_PGE);
  printk("cpu: %s, features %08x, %s page tables\n", (char *)vendor, cpu_features, pae_enabled ? "PAE" : "two-level");
}
