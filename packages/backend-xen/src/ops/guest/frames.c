/*
 * The domain's frames, pseudo-physical and machine, and which pages the kernel may not write: page tables and descriptor tables that
 * Xen holds. Their mapping in the linear map is read-only, and stays so when the kernel maps all its memory anew.
 */
#include "guest.h"

#define PRESENT 1u
#define RW 2u
#define KERNEL 0x63u /* present, writable, accessed, dirty */

static u32 readonly[(LINEAR_PAGES + 31) / 32];

/* The list is the domain's own to write. */
static u32 *p2m(void) { return (u32 *)start_info->mfnList; }

u32 mfn_of_pfn(u32 pfn) { return pfn < start_info->nrPages ? p2m()[pfn] : pfn; }

u32 pfn_of_mfn(u32 mfn)
{
  if (mfn == start_info->sharedInfo / PAGE_SIZE)
    return pfn_of(shared_info);
  return ((const volatile u32 *)MACH2PHYS_VIRT_START)[mfn];
}

u64 machine_address(const void *va)
{
  return (u64)mfn_of_pfn(pfn_of(va)) * PAGE_SIZE + ((u32)va & (PAGE_SIZE - 1));
}

int is_readonly(u32 pfn) { return pfn < LINEAR_PAGES && readonly[pfn / 32] >> pfn % 32 & 1; }

static void map(u32 pfn, u64 entry)
{
  flush_batch();
  if (hypercall4(update_va_mapping, page_at(pfn), entry, entry >> 32, UVMF_INVLPG | UVMF_LOCAL))
    die("Xen refuses a mapping of the kernel's memory\n");
}

static void set_permission(u32 pfn, u32 flags) { map(pfn, (u64)mfn_of_pfn(pfn) * PAGE_SIZE | flags); }

void make_readonly(u32 pfn)
{
  if (pfn >= LINEAR_PAGES)
    die("a page table outside the linear map\n");
  set_permission(pfn, KERNEL & ~RW);
  readonly[pfn / 32] |= 1u << pfn % 32;
}

void make_writable(u32 pfn)
{
  if (!is_readonly(pfn))
    return;
  readonly[pfn / 32] &= ~(1u << pfn % 32);
  set_permission(pfn, KERNEL);
}

void replace_frame(const void *va, u64 machine)
{
  u32 pfn = pfn_of(va);
  map(pfn, machine | KERNEL);
  p2m()[pfn] = machine / PAGE_SIZE;
}

void mmuext(u32 cmd, u32 arg1, u32 arg2)
{
  struct mmuext_op op = { .cmd = cmd, .arg1 = arg1, .arg2 = arg2 };
  flush_batch();
  if (hypercall4(mmuext_op, &op, 1, NULL, DOMID_SELF))
    die("Xen refuses an operation on page tables\n");
}

/* The builder's page tables are read-only already. */
void frames_start(void)
{
  u32 first = pfn_of((const void *)start_info->ptBase);
  for (u32 n = 0; n < start_info->nrPtFrames; n++)
    readonly[(first + n) / 32] |= 1u << (first + n) % 32;
}

/* Entries: numbers of the kernel's pages to machine frames and back. A page that is not its to write is mapped read-only. */

#define FRAME 0x000FFFFFFFFFF000ull

static u64 to_machine(u64 entry)
{
  if (!(entry & PRESENT))
    return entry;
  return (entry & ~FRAME) | (u64)mfn_of_pfn((entry & FRAME) >> 12) << 12;
}

u64 xen_ops_make_pte(u64 value)
{
  if (value & PRESENT && is_readonly((value & FRAME) >> 12))
    value &= ~(u64)RW;
  return to_machine(value);
}

u64 xen_ops_make_table(u64 value) { return to_machine(value); }

u64 xen_ops_entry_val(u64 entry)
{
  if (!(entry & PRESENT))
    return entry;
  return (entry & ~FRAME) | (u64)pfn_of_mfn((entry & FRAME) >> 12) << 12;
}
