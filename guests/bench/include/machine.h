/* Page tables, descriptor tables, traps and ring 3, for the kernels that are about them. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include "bench.h"

/* Page-table entries in PAE format (Intel SDM vol. 3, 4.4). */
typedef u64 pte_t;
#define PTE_P 0x001
#define PTE_W 0x002
#define PTE_U 0x004
#define PTE_A 0x020
#define PTE_D 0x040
#define PTE_G 0x100
#define PTE_KERNEL (PTE_P | PTE_W | PTE_A | PTE_D)

/* An address space: what CR3 points to. The linear map is global and in all of them. */
struct space {
  pte_t pdpt[4];
} __attribute__((aligned(32)));
extern struct space kernel_space;

void paging_init(void);
/* A zeroed page, by physical address; there is no giving back. */
u32 alloc_page(void);
static inline void *linear(u32 pa) { return (void *)(pa + PAGE_OFFSET); }
static inline u32 physical(const void *va) { return (u32)va - PAGE_OFFSET; }
/* The entry of a 4 KiB page, its tables made where they are missing. */
pte_t *pte_of(struct space *space, u32 va);
/* A space that shares everything but 0x80000000-0xBFFFFFFF with the kernel's. */
void space_init(struct space *space);

static inline void set_pte(pte_t *pte, u32 pa, u32 flags)
{
  /* The word with P last, so that the entry is whole whenever it is present. */
  ((volatile u32 *)pte)[1] = 0;
  ((volatile u32 *)pte)[0] = pa | flags;
}
static inline void invlpg(u32 va) { asm volatile("invlpg (%0)" : : "r"(va) : "memory"); }
static inline void write_cr3(u32 value) { asm volatile("movl %0, %%cr3" : : "r"(value) : "memory"); }
static inline u32 read_cr2(void)
{
  u32 value;
  asm volatile("movl %%cr2, %0" : "=r"(value));
  return value;
}

/* What the entry code pushes, and the processor before it. `esp` and `ss` are there after a change of ring only. */
struct regs {
  u32 edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
  u32 ds, es, vector, error;
  u32 eip, cs, eflags, esp, ss;
};
typedef void handler_t(struct regs *regs);
#define VECTOR_GP 13
#define VECTOR_PF 14
void traps_init(void);
/* Null: the default, which panics. */
void set_handler(u32 vector, handler_t *handler);

/* TSS.ESP0: the stack that an entry from ring 3 finds. */
void set_esp0(u32 esp);
/* Runs ring 3 code of src/hypervisor/user.S until it makes the system call `exit`, and returns that call's argument. */
u32 run_user(const void *entry, u32 argument);

#endif
