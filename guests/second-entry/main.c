/*
 * Starts oldguest by its second entry, as a hypervisor would: reads its ELF file from boot module 0, places it, changes one
 * word of its op table, builds page tables, and enters startup_paging_on with paging on (oldguest/README.md, "The second
 * entry"). `pae` on this kernel's command line chooses PAE tables. The module's own command line becomes oldguest's.
 *
 * A test's tool: what is wrong with its input ends in HLT without a word.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define PAGE_OFFSET 0xC0000000
#define MAPPED 0x04000000
#define PAGES (MAPPED / 4096)
#define PTE 0x63
#define NAME "a page of somebody else's"

struct multiboot_info {
  u32 flags, mem[2], boot_device, cmdline, mods_count, mods_addr;
};
struct multiboot_module {
  u32 start, end, string, reserved;
};
struct elf {
  u8 ident[16];
  u16 type, machine;
  u32 version, entry, phoff, shoff, flags;
  u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct segment {
  u32 type, offset, vaddr, paddr, filesz, memsz, flags, align;
};
struct section {
  u32 name, type, flags, addr, offset, size, link, info, align, entsize;
};
struct symbol {
  u32 name, value, size;
  u8 info, other;
  u16 shndx;
};

struct start {
  u32 pae, cr3, eip, ebx, esi, edi;
};
void enter(const struct start *) __attribute__((noreturn));

extern const u8 end[];
static u32 top_level[1024] __attribute__((aligned(4096)));
static u32 directory[1024] __attribute__((aligned(4096)));
static u32 tables[PAGES * 2] __attribute__((aligned(4096)));

static int same(const char *a, const char *b)
{
  while (*a && *a == *b)
    a++, b++;
  return *a == *b;
}

static void place(const struct elf *elf)
{
  const struct segment *s = (const void *)((const u8 *)elf + elf->phoff);
  for (u32 i = 0; i < elf->phnum; i++, s++) {
    if (s->type != 1)
      continue;
    u8 *to = (u8 *)s->paddr;
    const u8 *from = (const u8 *)elf + s->offset;
    for (u32 b = 0; b < s->memsz; b++)
      to[b] = b < s->filesz ? from[b] : 0;
  }
}

static u32 find_symbol(const struct elf *elf, const char *name)
{
  const struct section *sections = (const void *)((const u8 *)elf + elf->shoff);
  for (u32 i = 0; i < elf->shnum; i++) {
    if (sections[i].type != 2)
      continue;
    const struct symbol *symbols = (const void *)((const u8 *)elf + sections[i].offset);
    const char *strings = (const char *)elf + sections[sections[i].link].offset;
    for (u32 n = 0; n < sections[i].size / sizeof *symbols; n++)
      if (same(strings + symbols[n].name, name))
        return symbols[n].value;
  }
  for (;;)
    asm volatile("hlt");
}

/* The first 64 MiB, at 0 and at PAGE_OFFSET, in pages of 4 KiB. */
static void map(int pae)
{
  for (u32 i = 0; i < PAGES; i++)
    tables[pae ? i * 2 : i] = i << 12 | PTE;
  if (pae) {
    for (u32 i = 0; i < PAGES / 512; i++)
      directory[i * 2] = ((u32)tables + i * 4096) | PTE;
    top_level[0] = top_level[6] = (u32)directory | 1;
  } else {
    for (u32 i = 0; i < PAGES / 1024; i++)
      top_level[i] = top_level[768 + i] = ((u32)tables + i * 4096) | PTE;
  }
}

static int has_word(const char *line, const char *word)
{
  for (; *line; line++) {
    const char *a = line, *b = word;
    while (*b && *a == *b)
      a++, b++;
    if (!*b && (!*a || *a == ' '))
      return 1;
  }
  return 0;
}

void second_entry_main(struct multiboot_info *info)
{
  const struct multiboot_module *module = (const void *)info->mods_addr;
  const struct elf *elf = (const void *)module->start;
  int pae = has_word((const char *)info->cmdline, "pae");
  place(elf);
  /* `name` is the fourth word of the table. */
  *(const char **)(find_symbol(elf, "paravirt_ops") - PAGE_OFFSET + 12) = (const char *)((u32)NAME + PAGE_OFFSET);
  map(pae);
  info->cmdline = module->string;
  info->mods_count = 0;
  struct start s = {
    .pae = pae,
    .cr3 = (u32)top_level,
    .eip = find_symbol(elf, "startup_paging_on"),
    .ebx = (u32)info,
    .esi = MAPPED,
    .edi = (u32)end,
  };
  enter(&s);
}
