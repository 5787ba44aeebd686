/* Address spaces and their tables; the linear map is made in head.S. */
#include "machine.h"

extern const u8 __user_load[], kernel_directory[];

static u32 next_page = POOL_PA;

u32 alloc_page(void)
{
  if (next_page >= POOL_END) panic("out of pages at", next_page);
  u32 pa = next_page;
  next_page += PAGE_SIZE;
  memset(linear(pa), 0, PAGE_SIZE);
  return pa;
}

/* The table that an entry points to, made when it is missing. A PDPT entry has neither W nor U. */
static pte_t *table_of(pte_t *entry, u32 flags)
{
  if (!(*entry & PTE_P)) set_pte(entry, alloc_page(), flags);
  return linear(*entry & 0xFFFFF000);
}

pte_t *pte_of(struct space *space, u32 va)
{
  pte_t *top = &space->pdpt[va >> 30];
  u32 was = *top & PTE_P;
  pte_t *directory = table_of(top, PTE_P);
  /* The processor may keep the four top entries until CR3 is written (SDM vol. 3, 4.4.1). */
  if (!was) write_cr3(physical(&kernel_space));
  pte_t *table = table_of(&directory[va >> 21 & 511], PTE_P | PTE_W | PTE_U | PTE_A);
  return &table[va >> 12 & 511];
}

void space_init(struct space *space)
{
  *space = kernel_space;
  space->pdpt[PRIVATE_BASE >> 30] = 0;
}

/* Ring 3's pages: code, a stack that ends at USER_STACK, some data. */
void paging_init(void)
{
  set_pte(pte_of(&kernel_space, USER_BASE), (u32)__user_load, PTE_P | PTE_U | PTE_A);
  set_pte(pte_of(&kernel_space, USER_STACK - PAGE_SIZE), alloc_page(), PTE_KERNEL | PTE_U);
  set_pte(pte_of(&kernel_space, USER_DATA), alloc_page(), PTE_KERNEL | PTE_U);
}
