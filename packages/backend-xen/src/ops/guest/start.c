/*
 * From Xen's start of day (xen.h, "Start-of-day memory layout") to the kernel's entry for whoever starts it with paging on: what
 * that wants of boot information is made of start_info, as a Multiboot 1 structure.
 */
#include "guest.h"

#define MULTIBOOT_COMMAND_LINE 0x04
#define MULTIBOOT_MODULES 0x08
#define MULTIBOOT_MEMORY_MAP 0x40
#define RAM 1
#define RESERVED 2
/* The entry wants so much mapped. */
#define LEAST_MAPPED 0x800000u

extern const u8 pg_region_start[], pg_region_end[];

const struct start_info *start_info;
/* Its page shows struct shared_info; the frame that was here is given up. */
u8 shared_info[PAGE_SIZE] page_aligned;
const char xen_name[] = "Xen";

static struct {
  u32 size;
  u64 base, length;
  u32 type;
} packed memory_map[3];

static struct {
  u32 start, end, string, reserved;
} module;

static struct {
  u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
} multiboot;

/* Registers of the kernel's entry: boot information, bytes mapped from PAGE_OFFSET, first byte that nobody uses. */
static struct {
  u32 ebx, esi, edi;
} registers;

static u32 physical(const void *va) { return (u32)va - PAGE_OFFSET; }

void die(const char *why)
{
  u32 length = 0;
  while (why[length])
    length++;
  hypercall3(console_io, CONSOLEIO_WRITE, length, why);
  struct sched_shutdown crash = { .reason = SHUTDOWN_CRASH };
  for (;;)
    hypercall2(sched_op, SCHEDOP_SHUTDOWN, &crash);
}

static void range(u32 index, u32 base, u32 end, u32 type)
{
  memory_map[index].size = sizeof memory_map[0] - 4;
  memory_map[index].base = base;
  memory_map[index].length = end - base;
  memory_map[index].type = type;
}

static void describe_memory(void)
{
  u32 region = physical(pg_region_start), region_end = physical(pg_region_end);
  range(0, 0, region, RAM);
  range(1, region, region_end, RESERVED);
  range(2, region_end, start_info->nrPages * PAGE_SIZE, RAM);
  multiboot.flags |= MULTIBOOT_MEMORY_MAP;
  multiboot.mmap_length = sizeof memory_map;
  multiboot.mmap_addr = physical(memory_map);
}

/* The initial RAM disk, where the domain builder has mapped it. */
static void describe_module(void)
{
  if (!start_info->modLen || start_info->flags & SIF_MOD_START_PFN)
    return;
  module.start = physical((const void *)start_info->modStart);
  module.end = module.start + start_info->modLen;
  multiboot.flags |= MULTIBOOT_MODULES;
  multiboot.mods_count = 1;
  multiboot.mods_addr = physical(&module);
}

/* How far the tables that Xen was given map the domain's pages in order, from PAGE_OFFSET. */
static u32 mapped_bytes(void)
{
  const u64 *top = (const u64 *)start_info->ptBase;
  u32 pfn = 0;
  while (pfn < start_info->nrPages && pfn < LINEAR_PAGES) {
    u32 va = PAGE_OFFSET + pfn * PAGE_SIZE;
    u64 entry = top[va >> 30];
    for (int shift = 21; entry & 1 && shift >= 12; shift -= 9)
      entry = ((const u64 *)page_at(pfn_of_mfn(entry >> 12)))[va >> shift & 511];
    if (!(entry & 1))
      break;
    pfn++;
  }
  return pfn * PAGE_SIZE;
}

const void *begin(const struct start_info *info, u32 stack_end)
{
  start_info = info;
  frames_start();
  replace_frame(shared_info, info->sharedInfo);
  console_start();
  for (u32 at = SHARED_EVTCHN_MASK; at < SHARED_EVTCHN_MASK + EVTCHN_2L_NR_CHANNELS / 8; at += 4)
    shared_word(at) = ~0u;
  traps_start();
  hypercall4(set_callbacks, FLAT_RING1_CS, xen_event, FLAT_RING1_CS, xen_failsafe);

  multiboot.flags = MULTIBOOT_COMMAND_LINE;
  multiboot.cmdline = physical((const u8 *)info + START_INFO_CMD_LINE);
  describe_memory();
  describe_module();
  registers.ebx = physical(&multiboot);
  registers.esi = mapped_bytes();
  if (registers.esi < LEAST_MAPPED)
    die("the domain builder maps too little for this kernel\n");
  /* The boot stack is the last of what the builder made, right behind the page tables. */
  registers.edi = physical((const void *)((stack_end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1)));
  return &registers;
}
