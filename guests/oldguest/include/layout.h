/*
 * Where things are: the address space and the segments.
 *
 * The selectors are those of Linux 2.6.23 on i386 (its asm-i386/segment.h), so that SYSENTER and SYSEXIT find the four
 * segments in the order that the processor demands (Intel SDM vol. 2, SYSEXIT: CS + 16, CS + 24).
 * Nothing of this kernel lies above 0xF5800000: a 32-bit Xen keeps its own tables there.
 */
#ifndef OLDGUEST_LAYOUT_H
#define OLDGUEST_LAYOUT_H

#define PAGE_SIZE 4096
#define PAGE_OFFSET 0xC0000000
#define KERNEL_PADDR 0x00100000

/* Linear map: PAGE_OFFSET up to here. Then the fixed mappings (the local APIC, the self-check's windows). */
#define LINEAR_MAX 0x34000000
#ifdef CONFIG_VMI
/* The variant keeps them as high as it may: below a hypervisor, if it finds one (src/vmi/top.c). */
#define FIXMAP_BASE fixmap_base
#ifndef __ASSEMBLER__
extern unsigned int fixmap_base;
#endif
#else
#define FIXMAP_BASE 0xF5400000
#endif
#define FIX_APIC (FIXMAP_BASE + 0x0000)
#define FIX_CHECK (FIXMAP_BASE + 0x1000)
#define FIX_CHECK2 (FIXMAP_BASE + 0x2000)
#define ADDRESS_CEILING 0xF5800000

/* What the native head maps, at 0 and at PAGE_OFFSET, before paging_init. */
#define BOOT_MAP_BYTES 0x04000000

/* User space. */
#define USER_IMAGE_BASE 0x08048000
#define USER_STACK_TOP 0xBFFFF000
#define USER_STACK_PAGES 16

/* GDT entries. */
#define GDT_ENTRIES 32
#define GDT_ENTRY_TLS_MIN 6
#define GDT_ENTRY_KERNEL_CS 12
#define GDT_ENTRY_KERNEL_DS 13
#define GDT_ENTRY_USER_CS 14
#define GDT_ENTRY_USER_DS 15
#define GDT_ENTRY_TSS 16
#define GDT_ENTRY_LDT 17

/* Selectors; the kernel's own are used together with paravirt_ops.kernel_rpl. */
#define KERNEL_CS (GDT_ENTRY_KERNEL_CS * 8)
#define KERNEL_DS (GDT_ENTRY_KERNEL_DS * 8)
#define USER_CS (GDT_ENTRY_USER_CS * 8 + 3)
#define USER_DS (GDT_ENTRY_USER_DS * 8 + 3)
#define TSS_SELECTOR (GDT_ENTRY_TSS * 8)
#define LDT_SELECTOR (GDT_ENTRY_LDT * 8)
#define USER_RPL 3

/* Vectors. */
#define VECTOR_IRQ0 0x20
#define VECTOR_SYSCALL 0x80
#define VECTOR_SPURIOUS 0xFF

#define KERNEL_STACK_BYTES 8192

/* Slots that assembly jumps through (paravirt.h holds the whole table). */
#define SLOT_irq_enable_sysexit 90
#define SLOT_iret 91

#endif
