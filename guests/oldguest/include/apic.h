/* Local APIC registers (Intel SDM vol. 3, table 10-1). */
#ifndef OLDGUEST_APIC_H
#define OLDGUEST_APIC_H

#define APIC_BASE 0xFEE00000
#define APIC_ID 0x020
#define APIC_LVR 0x030
#define APIC_TASKPRI 0x080
#define APIC_EOI 0x0B0
#define APIC_SPIV 0x0F0
#define APIC_SPIV_ENABLED 0x100
#define APIC_ICR2 0x310
#define APIC_LVTT 0x320
#define APIC_LVT0 0x350
#define APIC_LVT1 0x360
#define APIC_TMICT 0x380
#define APIC_TDCR 0x3E0
#define APIC_LVT_MASKED 0x10000
#define APIC_DM_NMI 0x400
#define APIC_DM_EXTINT 0x700
#define APIC_TDR_DIV_16 0x3

#endif
