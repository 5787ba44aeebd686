/*
 * Calls through a table of ops, as paravirt_ops kernels make them: the same work by native instructions, and at call sites
 * that were patched with the native instructions, patched to direct calls, or left alone. A site is the 6 bytes of
 * `call *table+4*slot`; the patcher pads with long NOPs (Intel SDM vol. 2, NOP).
 */
#include "bench.h"

enum { SAVE_FL, IRQ_DISABLE, RESTORE_FL, PTE_VAL, SLOTS };
enum { INLINE, DIRECT, TABLE };

struct site {
  u8 *at;
  u32 slot, how;
};
extern struct site __pv_sites[], __pv_sites_end[];

/* EAX in, EAX out; ECX and EDX may change, as regparm functions may change them. */
asm(".text\n"
    ".balign 16; native_save_fl: pushfl; popl %eax; ret\n"
    ".balign 16; native_irq_disable: cli; ret\n"
    ".balign 16; native_restore_fl: pushl %eax; popfl; ret\n"
    ".balign 16; native_pte_val: ret\n");
void native_save_fl(void);
void native_irq_disable(void);
void native_restore_fl(void);
void native_pte_val(void);

extern const void *pv_table[SLOTS];
const void *pv_table[SLOTS] = {native_save_fl, native_irq_disable, native_restore_fl, native_pte_val};

/* The instructions of an op, and how many bytes they are. The identity is nothing at all. */
static const u8 native_code[SLOTS][3] = {{2, 0x9C, 0x58}, {1, 0xFA}, {2, 0x50, 0x9D}, {0}};

/* 6, 5, 4 and 1 bytes of nothing. */
static const u8 nops[7][6] = {
  [1] = {0x90},
  [4] = {0x0F, 0x1F, 0x40, 0x00},
  [5] = {0x0F, 0x1F, 0x44, 0x00, 0x00},
  [6] = {0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00},
};

/* Every site as it asked to be. Once: code that is written, be it with what is there, is new code to some. */
static void apply_paravirt(void)
{
  for (struct site *site = __pv_sites; site < __pv_sites_end; site++) {
    u8 code[6];
    u32 used = 0;
    if (site->how == TABLE || site->at[0] != 0xFF) continue;
    if (site->how == DIRECT) {
      code[used++] = 0xE8;
      *(u32 *)(code + 1) = (u32)pv_table[site->slot] - ((u32)site->at + 5);
      used = 5;
    } else {
      for (; used < native_code[site->slot][0]; used++) code[used] = native_code[site->slot][used + 1];
    }
    for (u32 i = 0; used + i < 6; i++) code[used + i] = nops[6 - used][i];
    for (u32 i = 0; i < 6; i++) site->at[i] = code[i];
  }
}

#define SITE(slot, how, value)                                                                        \
  asm volatile("771: call *pv_table+4*%c1\n"                                                          \
               ".pushsection .pv_sites, \"a\"; .long 771b, %c1, %c2; .popsection"                     \
               : "+a"(value) : "i"(slot), "i"(how) : "ecx", "edx", "memory", "cc")

/* A critical section: flags saved, interrupts off, a word changed, flags as they were. */
#define IRQ_LOOP(save, disable, restore)           \
  do {                                             \
    volatile u32 *word = (volatile u32 *)ARENA;    \
    *word = 0;                                     \
    while (n--) {                                  \
      for (u32 i = 0; i < 64; i++) {               \
        u32 flags = 0, none = 0;                   \
        save(flags);                               \
        disable(none);                             \
        *word = *word * 5 + i + (flags & 0x200);   \
        restore(flags);                            \
      }                                            \
    }                                              \
    return *word;                                  \
  } while (0)

#define NATIVE_SAVE(value) asm volatile("pushfl; popl %0" : "=a"(value) : : "ecx", "edx", "memory", "cc")
#define NATIVE_DISABLE(value) asm volatile("cli" : "+a"(value) : : "ecx", "edx", "memory", "cc")
#define NATIVE_RESTORE(value) asm volatile("pushl %0; popfl" : "+a"(value) : : "ecx", "edx", "memory", "cc")
#define INLINE_SAVE(value) SITE(SAVE_FL, INLINE, value)
#define INLINE_DISABLE(value) SITE(IRQ_DISABLE, INLINE, value)
#define INLINE_RESTORE(value) SITE(RESTORE_FL, INLINE, value)
#define DIRECT_SAVE(value) SITE(SAVE_FL, DIRECT, value)
#define DIRECT_DISABLE(value) SITE(IRQ_DISABLE, DIRECT, value)
#define DIRECT_RESTORE(value) SITE(RESTORE_FL, DIRECT, value)
#define TABLE_SAVE(value) SITE(SAVE_FL, TABLE, value)
#define TABLE_DISABLE(value) SITE(IRQ_DISABLE, TABLE, value)
#define TABLE_RESTORE(value) SITE(RESTORE_FL, TABLE, value)

static NOINLINE u32 irq_native(u32 n) { IRQ_LOOP(NATIVE_SAVE, NATIVE_DISABLE, NATIVE_RESTORE); }
static NOINLINE u32 irq_inline(u32 n) { IRQ_LOOP(INLINE_SAVE, INLINE_DISABLE, INLINE_RESTORE); }
static NOINLINE u32 irq_direct(u32 n) { IRQ_LOOP(DIRECT_SAVE, DIRECT_DISABLE, DIRECT_RESTORE); }
static NOINLINE u32 irq_table(u32 n) { IRQ_LOOP(TABLE_SAVE, TABLE_DISABLE, TABLE_RESTORE); }

/* A page-table entry's value, 64 times: an identity on bare hardware. */
#define VAL_LOOP(op)                                          \
  do {                                                        \
    volatile u32 *entries = (volatile u32 *)ARENA;            \
    u32 sum = 0;                                              \
    for (u32 i = 0; i < 64; i++) entries[i] = i * 4096 + 99;  \
    while (n--) {                                             \
      for (u32 i = 0; i < 64; i++) {                          \
        u32 value = entries[i];                               \
        op(value);                                            \
        sum = mix(sum, value);                                \
      }                                                       \
    }                                                         \
    return sum;                                               \
  } while (0)

#define NATIVE_VAL(value) asm volatile("" : "+a"(value) : : "ecx", "edx", "memory", "cc")
#define INLINE_VAL(value) SITE(PTE_VAL, INLINE, value)
#define DIRECT_VAL(value) SITE(PTE_VAL, DIRECT, value)
#define TABLE_VAL(value) SITE(PTE_VAL, TABLE, value)

static NOINLINE u32 val_native(u32 n) { VAL_LOOP(NATIVE_VAL); }
static NOINLINE u32 val_inline(u32 n) { VAL_LOOP(INLINE_VAL); }
static NOINLINE u32 val_direct(u32 n) { VAL_LOOP(DIRECT_VAL); }
static NOINLINE u32 val_table(u32 n) { VAL_LOOP(TABLE_VAL); }

/* The patcher has been there before the first site is reached. */
#define PATCHED_KERNEL(id, work) \
  KERNEL(id)                     \
  {                              \
    apply_paravirt();            \
    return work(n);              \
  }
PATCHED_KERNEL(pv_irq_native, irq_native)
PATCHED_KERNEL(pv_irq_patched, irq_inline)
PATCHED_KERNEL(pv_irq_direct, irq_direct)
PATCHED_KERNEL(pv_irq_table, irq_table)
PATCHED_KERNEL(pv_val_native, val_native)
PATCHED_KERNEL(pv_val_patched, val_inline)
PATCHED_KERNEL(pv_val_direct, val_direct)
PATCHED_KERNEL(pv_val_table, val_table)
