/* Descriptor tables and the TSS, as Intel SDM vol. 3 ch. 3 and 8 lay them out. */
#ifndef OLDGUEST_DESC_H
#define OLDGUEST_DESC_H

#include "layout.h"
#include "types.h"

struct desc_struct {
  u32 low, high;
};

/* The operand of LGDT, LIDT, SGDT, SIDT; `size` is the limit, one less than the bytes. */
struct Xgt_desc_struct {
  u16 size;
  u32 address;
  u16 pad;
} packed;

struct tss_struct {
  u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
  u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
  u32 es, cs, ss, ds, fs, gs, ldt;
  u16 trap, io_bitmap_base;
};
_Static_assert(sizeof(struct tss_struct) == 104, "TSS size, SDM vol. 3 8.2.1");

extern struct desc_struct gdt_table[GDT_ENTRIES];
extern struct desc_struct idt_table[256];
extern struct Xgt_desc_struct gdt_descr, idt_descr;
extern struct tss_struct tss;

/* Descriptor words. `type` holds P, DPL, S and type (bits 40-47); `flags` G, D/B, L, AVL (bits 52-55). */
static inline u32 desc_low(u32 base, u32 limit) { return (base & 0xFFFF) << 16 | (limit & 0xFFFF); }
static inline u32 desc_high(u32 base, u32 limit, u8 type, u8 flags)
{
  return (base & 0xFF000000) | (u32)flags << 20 | (limit & 0xF0000) | (u32)type << 8 | (base >> 16 & 0xFF);
}

#define DESC_TSS 0x89
#define DESC_LDT 0x82
#define GATE_INTERRUPT 0x8E
#define GATE_TRAP 0x8F
#define GATE_DPL3 0x60

/* Our segments, our GDT loaded, and the segment registers reloaded at the kernel's privilege. */
void gdt_init(void);
/* The exception and system-call gates, and the IDT loaded. */
void idt_init(void);
/* TSS and (empty) LDT. */
void tss_init(void);
/* One gate; its segment is the kernel's code. */
void set_gate(int vector, u8 type, const void *handler);

#endif
