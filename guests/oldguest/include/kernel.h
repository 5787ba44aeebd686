/* What every part of the kernel may use: printing, strings, boot data, CPU features. */
#ifndef OLDGUEST_KERNEL_H
#define OLDGUEST_KERNEL_H

#include "types.h"

/* console.c */
void console_init(void);
void console_putc(char c);
/* The console's route, in words, for the first line. */
const char *console_route(void);

/* printk.c: %s %c %d %u %x %p, width and zero padding, %llu %llx. */
void printk(const char *format, ...) __attribute__((format(printf, 1, 2)));
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* string.c */
void *memcpy(void *to, const void *from, u32 bytes);
void *memset(void *to, int value, u32 bytes);
int memcmp(const void *a, const void *b, u32 bytes);
u32 strlen(const char *s);
int strncmp(const char *a, const char *b, u32 n);
/* Quotient; the remainder goes to *rem when rem is not NULL. */
u64 div64(u64 n, u32 base, u32 *rem);

/* options.c: the command line, words divided by spaces. */
extern char command_line[512];
int option(const char *name);
/* Text after `name=`, or NULL. It ends at a space or at the end of the line. */
const char *option_value(const char *name);
u32 parse_number(const char *text, const char **end);

/* bootinfo.c: what the boot loader said (Multiboot 1). */
#define E820_MAX 32
struct e820map {
  u32 nr_map;
  struct e820entry {
    u64 addr, size;
    u32 type;
  } packed map[E820_MAX];
};
/* The memory map that the memory_setup op fills; type 1 is RAM. */
extern struct e820map e820;
struct boot_module {
  u32 start, end;
  char command_line[64];
};
#define BOOT_MODULES_MAX 8
extern struct boot_module boot_modules[BOOT_MODULES_MAX];
extern u32 boot_module_count;
/* Bytes mapped at PAGE_OFFSET when start_kernel begins, and the first byte that start-of-day does not use. */
extern u32 boot_mapped, boot_free;
void bootinfo_init(void);
/* memory_setup of a kernel that multiboot has started. */
char *multiboot_memory_setup(void);

/* cpu.c */
extern u32 cpu_features;
extern int pae_enabled, pge_enabled;
#define FEATURE_FPU (1 << 0)
#define FEATURE_TSC (1 << 4)
#define FEATURE_MSR (1 << 5)
#define FEATURE_PAE (1 << 6)
#define FEATURE_APIC (1 << 9)
#define FEATURE_SEP (1 << 11)
#define FEATURE_PGE (1 << 13)
static inline int cpu_has(u32 feature) { return (cpu_features & feature) != 0; }
/* CPUID through the op: registers in, registers out. */
void cpuid(u32 leaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
void cpu_init(void);

/* The privilege that the kernel runs at, as a selector's RPL. */
#define kernel_rpl() (paravirt_ops.kernel_rpl)
#define kernel_cs() (KERNEL_CS | kernel_rpl())
#define kernel_ds() (KERNEL_DS | kernel_rpl())

/* paravirt.c */
u32 paravirt_patch_default(u8 type, u16 clobbers, void *site, u32 len);
u32 paravirt_patch_insns(void *site, u32 len, const u8 *start, const u8 *end);
/* All sites; returns how many, and how many were erased, inlined and turned into direct calls. */
struct patch_counts {
  u32 sites, inlined, calls, jumps, erased, untouched;
};
void apply_paravirt(struct patch_counts *counts);

/* register.c: asks for ops, and says what came of it. */
void register_ops(void);

/* poweroff.c */
void power_off(void) __attribute__((noreturn));
void stop_here(void) __attribute__((noreturn));

#endif
