/*
 * What the boot loader said: the Multiboot 1 information structure (Multiboot Specification 0.6.96, section 3.3).
 *
 * Everything is copied out at once, for the structure lies in memory that the page allocator will give away. What lies
 * beyond the pages that start-of-day mapped is left alone and said to be.
 */
#include "kernel.h"
#include "layout.h"

#define MULTIBOOT_LOADER_MAGIC 0x2BADB002
#define INFO_MEMORY 0x01
#define INFO_COMMAND_LINE 0x04
#define INFO_MODULES 0x08
#define INFO_MEMORY_MAP 0x40

struct multiboot_info {
  u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
};

struct multiboot_module {
  u32 start, end, string, reserved;
};

struct multiboot_mmap {
  u32 size;
  u64 base, length;
  u32 type;
} packed;

extern u32 boot_magic, boot_info;

struct e820map e820;
struct boot_module boot_modules[BOOT_MODULES_MAX];
u32 boot_module_count;

static struct e820map from_loader;
static char *from_loader_name = "default";

static const void *mapped(u32 paddr, u32 bytes)
{
  if (!paddr || paddr + bytes < paddr || paddr + bytes > boot_mapped)
    return NULL;
  return (const void *)(paddr + PAGE_OFFSET);
}

static void copy_string(char *to, u32 room, u32 paddr)
{
  const char *from = mapped(paddr, 1);
  u32 n = 0;
  if (from)
    for (; n < room - 1 && paddr + n < boot_mapped && from[n]; n++)
      to[n] = from[n];
  to[n] = 0;
}

static void add_range(u64 base, u64 length, u32 type)
{
  if (from_loader.nr_map < E820_MAX)
    from_loader.map[from_loader.nr_map++] = (struct e820entry){ base, length, type };
}

static void take_memory_map(const struct multiboot_info *info)
{
  if (info->flags & INFO_MEMORY_MAP) {
    from_loader_name = "multiboot-mmap";
    for (u32 at = 0; at + sizeof(struct multiboot_mmap) <= info->mmap_length;) {
      const struct multiboot_mmap *m = mapped(info->mmap_addr + at, sizeof *m);
      if (!m || m->size < sizeof *m - 4)
        break;
      add_range(m->base, m->length, m->type);
      at += m->size + 4;
    }
  } else if (info->flags & INFO_MEMORY) {
    from_loader_name = "multiboot-mem";
    add_range(0, info->mem_lower * 1024, 1);
    add_range(0x100000, (u64)info->mem_upper * 1024, 1);
  }
}

void bootinfo_init(void)
{
  const struct multiboot_info *info = boot_magic == MULTIBOOT_LOADER_MAGIC ? mapped(boot_info, sizeof *info) : NULL;
  if (!info)
    return;
  if (info->flags & INFO_COMMAND_LINE)
    copy_string(command_line, sizeof command_line, info->cmdline);
  take_memory_map(info);
  if (info->flags & INFO_MODULES)
    for (u32 i = 0; i < info->mods_count && boot_module_count < BOOT_MODULES_MAX; i++) {
      const struct multiboot_module *m = mapped(info->mods_addr + i * sizeof *m, sizeof *m);
      if (!m)
        break;
      struct boot_module *to = &boot_modules[boot_module_count++];
      to->start = m->start;
      to->end = m->end;
      copy_string(to->command_line, sizeof to->command_line, m->string);
    }
}

char *multiboot_memory_setup(void)
{
  if (!from_loader.nr_map)
    add_range(0x100000, boot_mapped > 0x1000000 ? 0xF00000 : boot_mapped - 0x100000, 1);
  e820 = from_loader;
  return from_loader_name;
}
