/*
 * Page tables under VMI: pages are announced before they become tables and taken back after; entries are set by the ROM, or
 * it is told of them. Flags say the level and, where the entry belongs to the space in use, its address, so that the ROM
 * may wait with it until the next flush.
 */
#include "kernel.h"
#include "layout.h"
#include "mm.h"
#include "native.h"
#include "paravirt.h"
#include "sched.h"
#include "vmi.h"

static void (*allocate_page)(u32 pfn, u32 flags, u32 clone_pfn, u32 first, u32 count);
static void (*release_page)(u32 pfn, u32 flags);
static void (*set_pxe)(u32 pte, pte_slot *p, u32 flags);
static void (*set_pxe_long)(u64 pte, pte_slot *p, u32 flags);
static void (*update_pxe)(pte_slot *p, u32 flags);
static void (*set_linear_mapping)(u32 slot, u32 va, u32 pages, u32 pfn);

static u32 page_type(u32 level) { return level | (pae_enabled ? VMI_PAGE_PAE : 0); }

static void vmi_alloc_pt(struct mm_struct *mm, u32 pfn)
{
  (void)mm;
  allocate_page(pfn, page_type(VMI_PAGE_PT) | VMI_PAGE_ZEROED, 0, 0, 0);
}
static void vmi_alloc_pd(u32 pfn) { allocate_page(pfn, page_type(VMI_PAGE_PD) | VMI_PAGE_ZEROED, 0, 0, 0); }
static void vmi_alloc_pd_clone(u32 pfn, u32 clone_pfn, u32 first, u32 count)
{
  allocate_page(pfn, page_type(VMI_PAGE_PD) | VMI_PAGE_ZEROED | VMI_PAGE_CLONE, clone_pfn, first, count);
}
static void vmi_release_pt(u32 pfn) { release_page(pfn, page_type(VMI_PAGE_PT)); }
static void vmi_release_pd(u32 pfn) { release_page(pfn, page_type(VMI_PAGE_PD)); }

/* The kernel's own space is part of every other. */
static u32 with_address(struct mm_struct *mm, u32 addr, u32 more)
{
  if (mm != &init_mm && mm != current->mm)
    return VMI_PAGE_PT;
  return VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | more | (addr & VMI_PAGE_VA_MASK);
}

static void set_entry(pte_slot *p, pteval_t v, u32 flags)
{
  if (pae_enabled)
    set_pxe_long(v, p, flags);
  else
    set_pxe(v, p, flags);
}

static void vmi_set_pte(pte_slot *p, pteval_t v) { set_entry(p, v, VMI_PAGE_PT); }
static void vmi_set_pte_at(struct mm_struct *mm, u32 addr, pte_slot *p, pteval_t v)
{
  set_entry(p, v, with_address(mm, addr, 0));
}
static void vmi_set_pte_present(struct mm_struct *mm, u32 addr, pte_slot *p, pteval_t v)
{
  set_entry(p, v, with_address(mm, addr, VMI_PAGE_DEFER));
}
static void vmi_set_pmd(pte_slot *p, pteval_t v) { set_entry(p, v, VMI_PAGE_PD); }
static void vmi_set_pud(pte_slot *p, pteval_t v) { set_entry(p, v, VMI_PAGE_PDP); }
static void vmi_pmd_clear(pte_slot *p) { set_entry(p, 0, VMI_PAGE_PD); }
static void vmi_pte_clear(struct mm_struct *mm, u32 addr, pte_slot *p) { set_entry(p, 0, with_address(mm, addr, 0)); }

/* In one step by the processor, and then told. */
static void vmi_set_pte_atomic(pte_slot *p, pteval_t v)
{
  native_set_pte_atomic(p, v);
  update_pxe(p, VMI_PAGE_PT);
}
static void vmi_pte_update(struct mm_struct *mm, u32 addr, pte_slot *p) { update_pxe(p, with_address(mm, addr, 0)); }
static void vmi_pte_update_defer(struct mm_struct *mm, u32 addr, pte_slot *p)
{
  update_pxe(p, with_address(mm, addr, VMI_PAGE_DEFER));
}

void vmi_fill_mmu(void)
{
  set_pxe_long = vmi_function(VMI_CALL_SetPxELong);
  set_pxe = vmi_function(VMI_CALL_SetPxE);
  if (pae_enabled ? (void *)set_pxe_long : (void *)set_pxe) {
    paravirt_ops.set_pte = vmi_set_pte;
    paravirt_ops.set_pte_at = vmi_set_pte_at;
    paravirt_ops.set_pte_present = vmi_set_pte_present;
    paravirt_ops.set_pmd = vmi_set_pmd;
    paravirt_ops.set_pud = vmi_set_pud;
    paravirt_ops.pte_clear = vmi_pte_clear;
    paravirt_ops.pmd_clear = vmi_pmd_clear;
  }
  update_pxe = vmi_function(pae_enabled ? VMI_CALL_UpdatePxELong : VMI_CALL_UpdatePxE);
  if (update_pxe) {
    paravirt_ops.set_pte_atomic = vmi_set_pte_atomic;
    paravirt_ops.pte_update = vmi_pte_update;
    paravirt_ops.pte_update_defer = vmi_pte_update_defer;
  }
  allocate_page = vmi_function(VMI_CALL_AllocatePage);
  if (allocate_page) {
    paravirt_ops.alloc_pt = vmi_alloc_pt;
    paravirt_ops.alloc_pd = vmi_alloc_pd;
    paravirt_ops.alloc_pd_clone = vmi_alloc_pd_clone;
  }
  release_page = vmi_function(VMI_CALL_ReleasePage);
  if (release_page) {
    paravirt_ops.release_pt = vmi_release_pt;
    paravirt_ops.release_pd = vmi_release_pd;
  }
  set_linear_mapping = vmi_function(VMI_CALL_SetLinearMapping);
}

/* A directory of the kernel's half, and its tables, neither of them zeroed any more. */
static void announce_pae(u64 *directory)
{
  allocate_page(virt_to_pfn(directory), page_type(VMI_PAGE_PD), 0, 0, 0);
  for (u32 i = 0; i < 512; i++)
    if (directory[i] & PAGE_PRESENT)
      allocate_page((u32)(directory[i] >> 12), page_type(VMI_PAGE_PT), 0, 0, 0);
}

static void announce_two_level(u32 *directory)
{
  allocate_page(virt_to_pfn(directory), page_type(VMI_PAGE_PD), 0, 0, 0);
  for (u32 i = PAGE_OFFSET >> 22; i < 1024; i++)
    if (directory[i] & PAGE_PRESENT)
      allocate_page(directory[i] >> 12, page_type(VMI_PAGE_PT), 0, 0, 0);
}

/* The kernel's half of what start-of-day built; the other half is about to go. And the map by which entries are reached. */
void vmi_announce_tables(void)
{
  if (set_linear_mapping)
    set_linear_mapping(0, PAGE_OFFSET, max_pfn, 0);
  if (!allocate_page)
    return;
  void *top = phys_to_virt(read_cr3() & ~31);
  if (pae_enabled)
    announce_pae(phys_to_virt((u32)(((u64 *)top)[PAGE_OFFSET >> 30] & PAGE_FRAME)));
  else
    announce_two_level(top);
}
