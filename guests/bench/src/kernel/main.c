/*
 * Runs what the command line asks for: `run=NAME:COUNT,NAME:COUNT,…`. Around each kernel it prints
 *
 *   bench: start NAME COUNT
 *   bench: end NAME CHECKSUM
 *
 * and between the ends of those two lines there is nothing but the kernel, so that whoever reads the serial port can take
 * the time there. `list` prints the names. At last `bench: done`, a write to isa-debug-exit, and HLT where there is none.
 */
#include "machine.h"

#define MULTIBOOT_LOADER_MAGIC 0x2BADB002
#define INFO_CMDLINE 4
#define DEBUG_EXIT 0x501
#define COMMAND_LINE_MAX 4096

extern u32 boot_magic, boot_info;
extern const struct kernel __kernels[], __kernels_end[];

static char command_line[COMMAND_LINE_MAX];

/* The loader put the command line anywhere in memory: it is taken away before anything else is used. */
static void take_command_line(void)
{
  const u32 *info = linear(boot_info);
  if (boot_magic != MULTIBOOT_LOADER_MAGIC || !(info[0] & INFO_CMDLINE)) return;
  const char *from = linear(info[4]);
  for (u32 i = 0; i < COMMAND_LINE_MAX - 1 && from[i]; i++) command_line[i] = from[i];
}

/* The text after `word` where a word of the command line begins with it, or null. */
static const char *find_word(const char *word)
{
  for (const char *at = command_line; *at;) {
    const char *a = at, *b = word;
    while (*b && *a == *b) a++, b++;
    if (!*b) return a;
    while (*at && *at != ' ') at++;
    while (*at == ' ') at++;
  }
  return 0;
}

/* The kernel whose name stands at `*text`, which moves behind it. */
static const struct kernel *take_kernel(const char **text)
{
  for (const struct kernel *kernel = __kernels; kernel < __kernels_end; kernel++) {
    const char *a = *text, *b = kernel->name;
    while (*b && *a == *b) a++, b++;
    if (*b || *a != ':') continue;
    *text = a + 1;
    return kernel;
  }
  panic("no such kernel, at character", *text - command_line);
}

static void run(const struct kernel *kernel, u32 count)
{
  print("bench: start ");
  print(kernel->name);
  print(" ");
  print_decimal(count);
  print("\n");
  u32 checksum = kernel->run(count);
  print("bench: end ");
  print(kernel->name);
  print(" ");
  print_hex(checksum);
  print("\n");
}

void main(void)
{
  console_init();
  take_command_line();
  traps_init();
  paging_init();
  if (find_word("list")) {
    for (const struct kernel *kernel = __kernels; kernel < __kernels_end; kernel++) {
      print(kernel->name);
      print("\n");
    }
  }
  const char *at = find_word("run=");
  while (at && *at && *at != ' ') {
    const struct kernel *kernel = take_kernel(&at);
    u32 count = 0;
    while (*at >= '0' && *at <= '9') count = count * 10 + (*at++ - '0');
    if (*at == ',') at++;
    run(kernel, count);
  }
  print("bench: done\n");
  outl(0, DEBUG_EXIT);
  for (;;) asm volatile("cli; hlt");
}
