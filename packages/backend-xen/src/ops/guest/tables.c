/*
 * Page tables. A page that becomes one is made read-only; tables are pinned as such at once, directories are checked with the
 * top level that they hang from, which is pinned when it is first used. From there on every entry is Xen's to write.
 */
#include "guest.h"

#define TOP_ENTRIES 4
#define TABLE_ENTRIES 512

static u32 current_cr3;
static u32 pinned[(LINEAR_PAGES + 31) / 32];

static int is_pinned(u32 pfn) { return pfn < LINEAR_PAGES && pinned[pfn / 32] >> pfn % 32 & 1; }

/* What the kernel calls lazy modes: in MMU mode updates of page tables may wait for each other. */
#define LAZY_MMU 1
#define LAZY_FLUSH 3
#define BATCH 32

static u32 lazy_mode, waiting;
static struct mmu_update batch[BATCH];

void flush_batch(void)
{
  u32 count = waiting;
  waiting = 0;
  if (count && hypercall4(mmu_update, batch, count, NULL, DOMID_SELF))
    die("Xen refuses a page-table entry\n");
}

void xen_ops_set_lazy_mode(u32 mode)
{
  flush_batch();
  if (mode != LAZY_FLUSH)
    lazy_mode = mode;
}

static void set_entry(u64 *at, u64 value)
{
  volatile u32 *words = (volatile u32 *)at;
  if (is_readonly(pfn_of(at))) {
    u64 machine = machine_address(at) | MMU_NORMAL_PT_UPDATE;
    if (waiting == BATCH)
      flush_batch();
    batch[waiting++] = (struct mmu_update){
      .ptrLow = machine, .ptrHigh = machine >> 32, .valLow = value, .valHigh = value >> 32,
    };
    return;
  }
  /* High word first, so that nobody sees a present entry with half an address. */
  words[0] = 0;
  barrier();
  words[1] = value >> 32;
  barrier();
  words[0] = value;
}

/* Entries of tables may wait. Those of directories may not: the kernel looks for the table behind them at once. */
static void set_table_entry(u64 *at, u64 value)
{
  set_entry(at, value);
  if (lazy_mode != LAZY_MMU)
    flush_batch();
}

void xen_ops_set_pte(u64 *at, u64 value) { set_table_entry(at, value); }
void xen_ops_set_pte_at(void *mm, u32 address, u64 *at, u64 value) { set_table_entry(at, value); }
void xen_ops_pte_clear(void *mm, u32 address, u64 *at) { set_table_entry(at, 0); }

void xen_ops_set_pmd(u64 *at, u64 value)
{
  set_entry(at, value);
  flush_batch();
}

void xen_ops_pmd_clear(u64 *at) { xen_ops_set_pmd(at, 0); }

void xen_ops_alloc_pt(void *mm, u32 pfn)
{
  make_readonly(pfn);
  mmuext(MMUEXT_PIN_L1_TABLE, mfn_of_pfn(pfn), 0);
}

void xen_ops_release_pt(u32 pfn)
{
  mmuext(MMUEXT_UNPIN_TABLE, mfn_of_pfn(pfn), 0);
  make_writable(pfn);
}

/* A directory of the top quarter has another type than one of the others, so only the top level can say which it is. */
void xen_ops_alloc_pd(u32 pfn) { make_readonly(pfn); }
void xen_ops_alloc_pd_clone(u32 pfn, u32 from, u32 start, u32 count) { make_readonly(pfn); }
void xen_ops_release_pd(u32 pfn) { make_writable(pfn); }

static void pin(u32 pfn)
{
  if (is_pinned(pfn))
    return;
  if (!is_readonly(pfn))
    make_readonly(pfn);
  mmuext(MMUEXT_PIN_L3_TABLE, mfn_of_pfn(pfn), 0);
  pinned[pfn / 32] |= 1u << pfn % 32;
}

/* An address space begins with its top level. */
static u32 top_level(void *const *mm) { return pfn_of(*mm); }

void xen_ops_activate_mm(void *const *from, void *const *to) { pin(top_level(to)); }
void xen_ops_dup_mmap(void *const *from, void *const *to) { pin(top_level(to)); }

void xen_ops_exit_mmap(void *const *mm)
{
  u32 pfn = top_level(mm);
  if (!is_pinned(pfn))
    return;
  mmuext(MMUEXT_UNPIN_TABLE, mfn_of_pfn(pfn), 0);
  pinned[pfn / 32] &= ~(1u << pfn % 32);
  make_writable(pfn);
}

/*
 * The kernel's own top level begins as a copy of the builder's. Xen's part of the top quarter is in its directory, which therefore
 * belongs to one top level only: each gets directories of its own, on the same tables.
 */
void xen_ops_pagetable_setup_start(u64 *top)
{
  static u64 directories[TOP_ENTRIES][TABLE_ENTRIES] page_aligned;
  const u64 *from = (const u64 *)start_info->ptBase;
  for (u32 i = 0; i < TOP_ENTRIES; i++) {
    top[i] = 0;
    if (!(from[i] & 1))
      continue;
    const u64 *directory = page_at(pfn_of_mfn(from[i] >> 12));
    for (u32 n = 0; n < TABLE_ENTRIES; n++)
      directories[i][n] = directory[n];
    make_readonly(pfn_of(directories[i]));
    top[i] = machine_address(directories[i]) | 1;
  }
}

u32 xen_ops_read_cr3(void) { return current_cr3 ? current_cr3 : start_info->ptBase - PAGE_OFFSET; }

void xen_ops_write_cr3(u32 cr3)
{
  u32 pfn = cr3 / PAGE_SIZE;
  pin(pfn);
  mmuext(MMUEXT_NEW_BASEPTR, mfn_of_pfn(pfn), 0);
  current_cr3 = cr3;
}

void xen_ops_flush_tlb(void) { mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0); }
void xen_ops_flush_tlb_kernel(void) { mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0); }
void xen_ops_flush_tlb_single(u32 address) { mmuext(MMUEXT_INVLPG_LOCAL, address, 0); }

#define EVERYTHING 0xFFFFFFFFu

/* One page, or everything, of the processors in the mask. */
void xen_ops_flush_tlb_others(const u32 *processors, void *mm, u32 address)
{
  if (*processors == 0)
    return;
  if (address == EVERYTHING)
    mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (u32)processors);
  else
    mmuext(MMUEXT_INVLPG_MULTI, address, (u32)processors);
}
