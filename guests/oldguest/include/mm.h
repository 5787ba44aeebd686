/* Memory: pages, page tables, address spaces. */
#ifndef OLDGUEST_MM_H
#define OLDGUEST_MM_H

#include "kernel.h"
#include "layout.h"
#include "paravirt_ops.h"

/* Page-table entry bits, Intel SDM vol. 3, table 4-6. COW is one of the three that are ours. */
#define PAGE_PRESENT 0x001
#define PAGE_RW 0x002
#define PAGE_USER 0x004
#define PAGE_PWT 0x008
#define PAGE_PCD 0x010
#define PAGE_ACCESSED 0x020
#define PAGE_DIRTY 0x040
#define PAGE_GLOBAL 0x100
#define PAGE_COW 0x200
#define PAGE_FRAME 0x0000000FFFFFF000ull
#define PAGE_KERNEL (PAGE_PRESENT | PAGE_RW | PAGE_ACCESSED | PAGE_DIRTY)
#define TABLE_KERNEL PAGE_KERNEL
#define TABLE_USER (PAGE_KERNEL | PAGE_USER)

static inline void *phys_to_virt(u32 pa) { return (void *)(pa + PAGE_OFFSET); }
static inline u32 virt_to_phys(const void *va) { return (u32)va - PAGE_OFFSET; }
static inline u32 virt_to_pfn(const void *va) { return virt_to_phys(va) >> 12; }

/* A program in the image; user/user.lds makes its header. */
struct program {
  const char *name;
  const struct program_header *image;
  const u8 *image_end;
};
struct program_header {
  u32 magic, entry, text_end, file_end, mem_end;
};
#define PROGRAM_MAGIC 0x4755474F /* "OGUG" */

/* An address space. `pgd` comes first: backends may read it. */
struct mm_struct {
  void *pgd;
  const struct program *program;
};

extern struct mm_struct init_mm;
extern u8 swapper_pg_dir[PAGE_SIZE];

/* pages.c: the page allocator. early_page() serves until pages_init(). */
extern u32 max_pfn, free_pages;
void *early_page(void);
void memory_init(void);
void pages_init(void);
/* A zeroed page, or NULL. Pages are counted: page_get adds a user, page_put takes one away. */
void *page_alloc(void);
void page_get(u32 pfn);
void page_put(u32 pfn);
u32 page_users(u32 pfn);

/* pgtable.c */
u32 pgd_user_entries(void);
void set_pgd_entry(void *pgd, u32 index, u64 value);
u64 read_pte(const pte_slot *slot);
/* The entry that maps `addr`; pte_find gives NULL where a table is missing, pte_make makes it (NULL: out of memory). */
pte_slot *pte_find(void *pgd, u32 addr);
pte_slot *pte_make(struct mm_struct *mm, u32 addr);
void *pgd_alloc(void);
/* Frees the tables of an address space, all of whose pages are gone. */
void pgd_free(void *pgd);
void paging_init(void);
/* Maps one page of the fixed area; 0 unmaps it. */
void set_fixmap(u32 va, u64 value);

/* mmap.c */
struct mm_struct *mm_alloc(const struct program *program);
struct mm_struct *mm_copy(struct mm_struct *from);
void mm_free(struct mm_struct *mm);

/* fault.c: makes `addr` accessible; nonzero when the address space has no such thing. */
int handle_mm_fault(struct mm_struct *mm, u32 addr, int write);
struct fault_counts {
  u32 demand, copied, reused;
};
extern struct fault_counts fault_counts;

#endif
