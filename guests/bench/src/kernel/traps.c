/* GDT, IDT and TSS (Intel SDM vol. 3, chapters 3, 6 and 8), and who handles what. */
#include "machine.h"

struct descriptor {
  u32 low, high;
};
struct pointer {
  u16 limit;
  u32 base;
} __attribute__((packed));
struct tss {
  u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
  u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
  u32 es, cs, ss, ds, fs, gs, ldt;
  u16 trap, io_bitmap_base;
};

#define GATE_INTERRUPT 0x8E00
#define GATE_DPL3 0x6000
#define ENTRY_BYTES 16

extern const u8 trap_entries[];

static struct tss tss;
static struct descriptor idt[256];
static struct descriptor gdt[GDT_ENTRIES] __attribute__((aligned(8))) = {
  {0, 0},
  {0x0000FFFF, 0x00CF9B00}, /* ring 0: code and data, 0 to 4 GiB */
  {0x0000FFFF, 0x00CF9300},
  {0x0000FFFF, 0x00CFFB00}, /* ring 3 */
  {0x0000FFFF, 0x00CFF300},
};
static handler_t *handlers[256];

void set_handler(u32 vector, handler_t *handler) { handlers[vector] = handler; }
void set_esp0(u32 esp) { tss.esp0 = esp; }

/* Called by the entry code of every vector. */
void trap(struct regs *regs);
void trap(struct regs *regs)
{
  handler_t *handler = handlers[regs->vector & 255];
  if (handler) {
    handler(regs);
    return;
  }
  print("bench: vector ");
  print_hex(regs->vector);
  print(" error ");
  print_hex(regs->error);
  print(" cr2 ");
  print_hex(read_cr2());
  panic(" at", regs->eip);
}

void traps_init(void)
{
  u32 base = (u32)&tss;
  tss.ss0 = KERNEL_DS;
  tss.io_bitmap_base = sizeof(tss);
  gdt[TSS_SELECTOR / 8] = (struct descriptor){
    base << 16 | (sizeof(tss) - 1),
    (base & 0xFF000000) | 0x8900 | (base >> 16 & 0xFF),
  };
  for (u32 vector = 0; vector < 256; vector++) {
    u32 at = (u32)trap_entries + vector * ENTRY_BYTES;
    u32 type = GATE_INTERRUPT | (vector == VECTOR_SYSCALL ? GATE_DPL3 : 0);
    idt[vector] = (struct descriptor){KERNEL_CS << 16 | (at & 0xFFFF), (at & 0xFFFF0000) | type};
  }
  struct pointer gdtr = {sizeof(gdt) - 1, (u32)gdt};
  struct pointer idtr = {sizeof(idt) - 1, (u32)idt};
  asm volatile("lgdt %0; lidt %1; ltr %w2" : : "m"(gdtr), "m"(idtr), "r"(TSS_SELECTOR));
  asm volatile("ljmp %0, $1f; 1:" : : "i"(KERNEL_CS));
  asm volatile("movl %0, %%ds; movl %0, %%es; movl %0, %%ss" : : "r"(KERNEL_DS));
}
