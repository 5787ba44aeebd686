/*
 * Physical pages: which there are, who has them.
 *
 * Pages below 1 MiB, the kernel's image, boot modules, and what the memory map does not call RAM are never given away.
 * What lies above LINEAR_DEFAULT is left alone too, for mapping all of a large memory takes a set_pte for every page; but
 * boot modules are always mapped, since one may hold code that the op table points at. `mem=` in MiB changes the limit.
 */
#include "mm.h"

#define LINEAR_DEFAULT 0x04000000
#define E820_RAM 1

extern const u8 __kernel_start[], _end[];

struct mm_struct init_mm = { .pgd = swapper_pg_dir };
u32 max_pfn, free_pages;

static struct page {
  u32 next;
  u32 users;
} *pages;
static u32 free_list;
static u32 early_start, early_next;

static int in_module(u32 pa)
{
  for (u32 i = 0; i < boot_module_count; i++)
    if (pa + PAGE_SIZE > boot_modules[i].start && pa < boot_modules[i].end)
      return 1;
  return 0;
}

/* Whether the page at `pa` is RAM throughout, and no other kind of range touches it. */
static int is_ram(u32 pa)
{
  int ram = 0;
  for (u32 i = 0; i < e820.nr_map; i++) {
    const struct e820entry *e = &e820.map[i];
    if (e->type == E820_RAM)
      ram |= pa >= e->addr && pa + PAGE_SIZE <= e->addr + e->size;
    else if (pa + PAGE_SIZE > e->addr && pa < e->addr + e->size)
      return 0;
  }
  return ram;
}

static int usable(u32 pa)
{
  return pa >= KERNEL_PADDR && pa >= virt_to_phys(_end) && is_ram(pa) && !in_module(pa);
}

void memory_init(void)
{
  const char *limit = option_value("mem");
  u32 cap = limit ? parse_number(limit, NULL) << 20 : LINEAR_DEFAULT;
  u64 top = 0;
  for (u32 i = 0; i < e820.nr_map; i++) {
    const struct e820entry *e = &e820.map[i];
    printk("  %016llx - %016llx type %u\n", e->addr, e->addr + e->size, e->type);
    if (e->type == E820_RAM && e->addr + e->size > top)
      top = e->addr + e->size;
  }
  for (u32 i = 0; i < boot_module_count; i++) {
    printk("module %u: %08x - %08x '%s'\n", i, boot_modules[i].start, boot_modules[i].end, boot_modules[i].command_line);
    if (boot_modules[i].end > cap)
      cap = boot_modules[i].end;
  }
  if (cap > LINEAR_MAX)
    cap = LINEAR_MAX;
  if (top > cap)
    top = cap;
  max_pfn = (u32)top >> 12;
  early_start = early_next = boot_free > virt_to_phys(_end) ? (boot_free + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1) : virt_to_phys(_end);
}

void *early_page(void)
{
  while (early_next < boot_mapped && !usable(early_next))
    early_next += PAGE_SIZE;
  if (early_next >= boot_mapped || early_next >= max_pfn << 12)
    panic("no memory for the page tables");
  void *page = phys_to_virt(early_next);
  early_next += PAGE_SIZE;
  memset(page, 0, PAGE_SIZE);
  return page;
}

void pages_init(void)
{
  u32 bytes = max_pfn * sizeof *pages;
  /* The table of pages must be contiguous: the first place that is usable for its whole length. */
  for (u32 at = early_next; !pages; at += PAGE_SIZE) {
    u32 n = 0;
    while (n < bytes && at + n < max_pfn << 12 && usable(at + n))
      n += PAGE_SIZE;
    if (n >= bytes) {
      pages = phys_to_virt(at);
      early_next = at + n;
    } else if (at + n >= max_pfn << 12) {
      panic("no memory for the page list");
    } else {
      at += n;
    }
  }
  memset(pages, 0, bytes);
  for (u32 pfn = max_pfn; pfn-- > early_next >> 12;)
    if (usable(pfn << 12)) {
      pages[pfn].next = free_list;
      free_list = pfn;
      free_pages++;
    }
}

void *page_alloc(void)
{
  u32 pfn = free_list;
  if (!pfn)
    return NULL;
  free_list = pages[pfn].next;
  free_pages--;
  pages[pfn].users = 1;
  return memset(phys_to_virt(pfn << 12), 0, PAGE_SIZE);
}

void page_get(u32 pfn) { pages[pfn].users++; }

void page_put(u32 pfn)
{
  if (!pages[pfn].users)
    panic("page %05x given back twice", pfn);
  if (--pages[pfn].users)
    return;
  pages[pfn].next = free_list;
  free_list = pfn;
  free_pages++;
}

u32 page_users(u32 pfn) { return pages[pfn].users; }
