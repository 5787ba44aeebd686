/*
 * What the parts of Xen's ops share: numbers and structures of the interface (xen-abi.h, made from src/abi when this is
 * built), the kernel's linear map, and what the kernel has besides its table.
 *
 * Functions are regparm(3). A page of the kernel has a number (its pseudo-physical frame, PFN) and lies at PAGE_OFFSET + number * 4096;
 * page tables hold the machine's numbers (MFN).
 */
#ifndef XEN_OPS_GUEST_H
#define XEN_OPS_GUEST_H

typedef unsigned char u8;
typedef signed char s8;
typedef unsigned short u16;
typedef short s16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;

#include "xen-abi.h"

#define NULL ((void *)0)
#define packed __attribute__((packed))
#define page_aligned __attribute__((aligned(PAGE_SIZE)))
#define noreturn __attribute__((noreturn))
#define barrier() asm volatile("" : : : "memory")

#define PAGE_OFFSET 0xC0000000u
/* Pages of the linear map, at most: up to the hypervisor's part of the address space. */
#define LINEAR_PAGES ((HYPERVISOR_VIRT_START - PAGE_OFFSET) / PAGE_SIZE)

static inline u32 pfn_of(const void *va) { return ((u32)va - PAGE_OFFSET) / PAGE_SIZE; }
static inline void *page_at(u32 pfn) { return (void *)(PAGE_OFFSET + pfn * PAGE_SIZE); }

/* The operand of LGDT, LIDT, SGDT and SIDT; `size` is one less than the bytes. */
struct table_register {
  u16 size;
  u32 address;
} packed;

/* start.c */
extern const struct start_info *start_info;
extern u8 shared_info[PAGE_SIZE];
#define shared_word(offset) (*(volatile u32 *)(shared_info + (offset)))
#define vcpu_byte(offset) (*(volatile u8 *)(shared_info + (offset)))
/* Says why on the hypervisor's console, and ends the domain as crashed. */
void die(const char *why) noreturn;

/* entry.S: the arguments in EBX, ECX, EDX, ESI, EDI. */
s32 hypercall(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e);
#define hypercall1(name, a) hypercall(HYPERCALL_##name, (u32)(a), 0, 0, 0, 0)
#define hypercall2(name, a, b) hypercall(HYPERCALL_##name, (u32)(a), (u32)(b), 0, 0, 0)
#define hypercall3(name, a, b, c) hypercall(HYPERCALL_##name, (u32)(a), (u32)(b), (u32)(c), 0, 0)
#define hypercall4(name, a, b, c, d) hypercall(HYPERCALL_##name, (u32)(a), (u32)(b), (u32)(c), (u32)(d), 0)

/* frames.c: which of the kernel's pages are the hypervisor's to write. */
void frames_start(void);
/* MFN of a page; of what is not the domain's memory the number itself. */
u32 mfn_of_pfn(u32 pfn);
u32 pfn_of_mfn(u32 mfn);
/* Takes the write permission off the page's mapping in the linear map, and gives it back. */
void make_readonly(u32 pfn);
void make_writable(u32 pfn);
int is_readonly(u32 pfn);
/* Machine address of a byte of the linear map. */
u64 machine_address(const void *va);
/* One mmuext_op. */
void mmuext(u32 cmd, u32 arg1, u32 arg2);
/* From here on the page's frame is another, which is mapped in its place. */
void replace_frame(const void *va, u64 machine);

/* tables.c: updates of page tables that wait go to Xen now. */
void flush_batch(void);
void traps_start(void);
void console_start(void);

/* entry.S */
void xen_gp(void);
void xen_nm(void);
void xen_event(void);
void xen_failsafe(void);
void xen_ops_iret(void);

#endif
