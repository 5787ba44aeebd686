/* Page faults of users: pages come when they are touched, and are copied when they are shared and written. */
#include "mm.h"
#include "paravirt.h"

struct fault_counts fault_counts;

/* A fresh page with what the image has at `va`, or zeros. */
static int demand_page(struct mm_struct *mm, u32 va, pte_slot *p, int write)
{
  const struct program_header *image = mm->program->image;
  u8 *page = page_alloc();
  if (!page)
    return -ENOMEM;
  u64 flags = PAGE_PRESENT | PAGE_RW | PAGE_USER | PAGE_ACCESSED | (write ? PAGE_DIRTY : 0);
  if (va < image->mem_end && va >= USER_IMAGE_BASE) {
    if (va < image->file_end) {
      u32 n = image->file_end - va;
      memcpy(page, (const u8 *)image + (va - USER_IMAGE_BASE), n < PAGE_SIZE ? n : PAGE_SIZE);
    }
    if (va < image->text_end)
      flags &= ~(u64)(PAGE_RW | PAGE_DIRTY);
  }
  fault_counts.demand++;
  set_pte_at(mm, va, p, make_pte(virt_to_phys(page) | flags));
  return 0;
}

static int copy_on_write(struct mm_struct *mm, u32 va, pte_slot *p, u64 value)
{
  u32 pfn = (value & PAGE_FRAME) >> 12;
  u64 flags = (value & 0xFFF & ~(u64)PAGE_COW) | PAGE_RW | PAGE_DIRTY;
  if (page_users(pfn) == 1) {
    fault_counts.reused++;
    set_pte_atomic(p, make_pte((u64)pfn << 12 | flags));
    pte_update_defer(mm, va, p);
    return 0;
  }
  u8 *page = page_alloc();
  if (!page)
    return -ENOMEM;
  memcpy(page, phys_to_virt(pfn << 12), PAGE_SIZE);
  fault_counts.copied++;
  set_pte_present(mm, va, p, make_pte(virt_to_phys(page) | flags));
  page_put(pfn);
  return 0;
}

int handle_mm_fault(struct mm_struct *mm, u32 address, int write)
{
  u32 va = address & ~(PAGE_SIZE - 1);
  int in_stack = va >= USER_STACK_TOP - USER_STACK_PAGES * PAGE_SIZE && va < USER_STACK_TOP;
  int in_image = va >= USER_IMAGE_BASE && va < mm->program->image->mem_end;
  if (!in_stack && !in_image)
    return -EFAULT;
  if (write && in_image && va < mm->program->image->text_end)
    return -EFAULT;
  pte_slot *p = pte_make(mm, va);
  if (!p)
    return -ENOMEM;
  u64 value = read_pte(p);
  int error = 0;
  if (!(value & PAGE_PRESENT))
    return demand_page(mm, va, p, write);
  if (write && !(value & PAGE_RW)) {
    if (!(value & PAGE_COW))
      return -EFAULT;
    error = copy_on_write(mm, va, p, value);
  }
  flush_tlb_single(va);
  return error;
}
