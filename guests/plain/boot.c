/* Command line and memory map, from a Multiboot information structure (0.6.96, 3.3) or a hvm_start_info. */
#include "plain.h"

#define MULTIBOOT_MAGIC 0x2BADB002
#define HVM_START_MAGIC 0x336EC578

struct range ranges[RANGES_MAX];
u32 range_count;
const char *command_line = "";

static void add(u64 base, u64 length, u32 type)
{
  if (range_count < RANGES_MAX)
    ranges[range_count++] = (struct range){ base, length, type == 1 };
}

static void from_multiboot(const u32 *info)
{
  if (info[0] & 1 << 2)
    command_line = (const char *)info[4];
  if (!(info[0] & 1 << 6))
    return;
  for (u32 at = info[12]; at < info[12] + info[11]; at += *(u32 *)at + 4) {
    const u32 *entry = (const u32 *)at + 1;
    add(entry[0] | (u64)entry[1] << 32, entry[2] | (u64)entry[3] << 32, entry[4]);
  }
}

/* Version 1 has a memory map: 64-bit fields at 24 (command line) and 40 (the map), its entries' number at 48. */
static void from_hvm(const u32 *info)
{
  if (info[6])
    command_line = (const char *)info[6];
  if (info[1] < 1)
    return;
  const u32 *entry = (const u32 *)info[10];
  for (u32 n = 0; n < info[12]; n++, entry += 6)
    add(entry[0] | (u64)entry[1] << 32, entry[2] | (u64)entry[3] << 32, entry[4]);
}

void boot_init(void)
{
  const u32 *info = (const u32 *)entry_ebx;
  if (entry_eax == MULTIBOOT_MAGIC)
    from_multiboot(info);
  else if (info[0] == HVM_START_MAGIC)
    from_hvm(info);
}

/* What follows the word `name` on the command line, or 0. */
static const char *find(const char *name)
{
  for (const char *word = command_line; *word;) {
    u32 n = 0;
    while (name[n] && word[n] == name[n])
      n++;
    if (!name[n] && (word[n] == '=' || word[n] == ' ' || !word[n]))
      return word + n;
    while (*word && *word != ' ')
      word++;
    while (*word == ' ')
      word++;
  }
  return 0;
}

int option(const char *name) { return find(name) != 0; }

u32 number_after(const char *name, u32 otherwise)
{
  const char *at = find(name);
  if (!at || *at != '=')
    return otherwise;
  u32 value = 0;
  while (*++at >= '0' && *at <= '9')
    value = value * 10 + (*at - '0');
  return value;
}
