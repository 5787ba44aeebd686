/*
 * Page tables in both formats, every change by an op.
 *
 * PAE: 4 top-level entries (set_pud, pgd_val, make_pgd), directories of 512 (set_pmd, pmd_val, make_pmd), tables of 512.
 * Two-level: 1024 top-level entries, which are set_pmd's with pgd_val and make_pgd, as in Linux; tables of 1024.
 * Reading is by plain loads: page tables are always mapped, though a backend may have made them read-only.
 */
#include "mm.h"
#include "paravirt.h"

#define CR4_PGE 0x80
#define PGD_SHIFT (pae_enabled ? 30 : 22)
#define PTRS_PER_TABLE (pae_enabled ? 512 : 1024)
#define PGD_ENTRIES (pae_enabled ? 4 : 1024)
#define ENTRY_BYTES (pae_enabled ? 8 : 4)

static pte_slot *slot(void *table, u32 index) { return (pte_slot *)((u8 *)table + index * ENTRY_BYTES); }

static u64 load(const pte_slot *p)
{
  const volatile u32 *w = (const volatile u32 *)p;
  return pae_enabled ? (u64)w[1] << 32 | w[0] : w[0];
}

static void *table_at(u64 value) { return phys_to_virt((u32)(value & PAGE_FRAME)); }

u64 read_pte(const pte_slot *p) { return pte_val(load(p)); }

u32 pgd_user_entries(void) { return PAGE_OFFSET >> PGD_SHIFT; }

void set_pgd_entry(void *pgd, u32 index, u64 value)
{
  if (pae_enabled)
    set_pud(slot(pgd, index), make_pgd(value));
  else if (load(slot(pgd, index)) != value)
    set_pmd(slot(pgd, index), make_pgd(value));
}

/* The directory entry above the table of `addr`, or NULL. */
static pte_slot *pmd_find(void *pgd, u32 addr)
{
  pte_slot *top = slot(pgd, addr >> PGD_SHIFT);
  if (!pae_enabled)
    return top;
  u64 value = pgd_val(load(top));
  return value & PAGE_PRESENT ? slot(table_at(value), addr >> 21 & 511) : NULL;
}

static u64 table_value(pte_slot *pmd) { return pae_enabled ? pmd_val(load(pmd)) : pgd_val(load(pmd)); }

pte_slot *pte_find(void *pgd, u32 addr)
{
  pte_slot *pmd = pmd_find(pgd, addr);
  if (!pmd)
    return NULL;
  u64 value = table_value(pmd);
  return value & PAGE_PRESENT ? slot(table_at(value), addr >> 12 & (PTRS_PER_TABLE - 1)) : NULL;
}

static int pages_ready;
static void *table_alloc(void) { return pages_ready ? page_alloc() : early_page(); }

pte_slot *pte_make(struct mm_struct *mm, u32 addr)
{
  pte_slot *pmd = pmd_find(mm->pgd, addr);
  if (!pmd) {
    void *directory = table_alloc();
    if (!directory)
      return NULL;
    alloc_pd(virt_to_pfn(directory));
    set_pgd_entry(mm->pgd, addr >> PGD_SHIFT, virt_to_phys(directory) | PAGE_PRESENT);
    pmd = pmd_find(mm->pgd, addr);
  }
  if (!(table_value(pmd) & PAGE_PRESENT)) {
    void *table = table_alloc();
    if (!table)
      return NULL;
    u64 value = virt_to_phys(table) | (addr < PAGE_OFFSET ? TABLE_USER : TABLE_KERNEL);
    alloc_pt(mm, virt_to_pfn(table));
    set_pmd(pmd, pae_enabled ? make_pmd(value) : make_pgd(value));
  }
  return pte_find(mm->pgd, addr);
}

/* PAE: a directory for every quarter, so that the top level never changes while it is loaded (the processor caches it). */
static int fill_pae(void *pgd)
{
  u32 kernel = pgd_user_entries();
  for (u32 i = 0; i <= kernel; i++) {
    u64 shared = load(slot(swapper_pg_dir, i));
    if (i == kernel && paravirt_ops.shared_kernel_pmd) {
      set_pud(slot(pgd, i), shared);
      continue;
    }
    void *directory = page_alloc();
    if (!directory)
      return -ENOMEM;
    if (i == kernel)
      memcpy(directory, table_at(pgd_val(shared)), PAGE_SIZE);
    alloc_pd(virt_to_pfn(directory));
    set_pud(slot(pgd, i), make_pgd(virt_to_phys(directory) | PAGE_PRESENT));
  }
  return 0;
}

void *pgd_alloc(void)
{
  void *pgd = page_alloc();
  if (!pgd)
    return NULL;
  if (pae_enabled) {
    if (fill_pae(pgd)) {
      pgd_free(pgd);
      return NULL;
    }
  } else {
    u32 kernel = pgd_user_entries();
    memcpy(slot(pgd, kernel), slot(swapper_pg_dir, kernel), (PGD_ENTRIES - kernel) * ENTRY_BYTES);
    alloc_pd_clone(virt_to_pfn(pgd), virt_to_pfn(swapper_pg_dir), kernel, PGD_ENTRIES - kernel);
  }
  return pgd;
}

static void free_tables(void *directory, u32 entries)
{
  for (u32 i = 0; i < entries; i++) {
    pte_slot *pmd = slot(directory, i);
    if (!(load(pmd) & PAGE_PRESENT))
      continue;
    u32 pfn = table_value(pmd) >> 12;
    pmd_clear(pmd);
    release_pt(pfn);
    page_put(pfn);
  }
}

void pgd_free(void *pgd)
{
  u32 kernel = pgd_user_entries();
  if (!pae_enabled) {
    free_tables(pgd, kernel);
    release_pd(virt_to_pfn(pgd));
  } else {
    for (u32 i = 0; i <= kernel; i++) {
      u64 value = pgd_val(load(slot(pgd, i)));
      if (!(value & PAGE_PRESENT) || (i == kernel && paravirt_ops.shared_kernel_pmd))
        continue;
      if (i < kernel)
        free_tables(table_at(value), 512);
      set_pud(slot(pgd, i), make_pgd(0));
      release_pd(value >> 12);
      page_put(value >> 12);
    }
  }
  page_put(virt_to_pfn(pgd));
}

void set_fixmap(u32 va, u64 value)
{
  set_pte(pte_find(swapper_pg_dir, va), make_pte(value));
  flush_tlb_single(va);
}

void paging_init(void)
{
  u64 flags = PAGE_KERNEL | (pge_enabled ? PAGE_GLOBAL : 0);
  pv_pagetable_setup_start(swapper_pg_dir);
  for (u32 pfn = 0; pfn < max_pfn; pfn++)
    set_pte(pte_make(&init_mm, PAGE_OFFSET + (pfn << 12)), make_pte((u64)pfn << 12 | flags));
  pte_make(&init_mm, FIXMAP_BASE);
  pv_pagetable_setup_done(swapper_pg_dir);
  write_cr3(virt_to_phys(swapper_pg_dir));
  if (pge_enabled)
    write_cr4(read_cr4() | CR4_PGE);
  flush_tlb_kernel();
  pages_ready = 1;
  pages_init();
}
