/*
 * load_idt, for what is meant by it: exceptions and system calls reach the handlers of the kernel's table. Xen has a table of
 * its own for that, and no interrupt ever comes by it. Two handlers of ours stand before the kernel's (entry.S).
 */
#include "guest.h"

#define VECTORS 256
#define VECTOR_NM 7
#define VECTOR_GP 13
#define GATE_PRESENT 0x8000u
#define GATE_TYPE(high) ((high) >> 8 & 15)
#define GATE_INTERRUPT 14
#define GATE_DPL(high) ((high) >> 13 & 3)

struct gate {
  u32 low, high;
};

/* Where #GP and #NM go that are not for us. */
u32 kernel_gp, kernel_nm;

static struct table_register kernel_idt;

static void no_handler(void) { die("#GP before the kernel has a handler for it\n"); }

static struct trap_info trap(u32 vector, struct gate gate)
{
  return (struct trap_info){
    .vector = vector,
    .flags = GATE_DPL(gate.high) | (GATE_TYPE(gate.high) == GATE_INTERRUPT ? TRAP_MASKS_EVENTS : 0),
    .cs = gate.low >> 16,
    .address = (gate.high & 0xFFFF0000) | (gate.low & 0xFFFF),
  };
}

/* Ours in the place of the kernel's, as the same kind of trap. */
static void stand_before(struct trap_info *info, void (*ours)(void), u32 *kernels)
{
  *kernels = info->address;
  info->address = (u32)ours;
  info->cs = FLAT_RING1_CS;
}

/* All of the table, for Xen can be told to forget all traps and not one. */
static void load_all(void)
{
  static struct trap_info traps[VECTORS + 1];
  const struct gate *gates = (const struct gate *)kernel_idt.address;
  u32 count = gates ? (kernel_idt.size + 1u) / sizeof *gates : 0, used = 0, found_gp = 0;
  kernel_gp = (u32)no_handler;
  for (u32 vector = 0; vector < count && vector < VECTORS; vector++) {
    if (!(gates[vector].high & GATE_PRESENT))
      continue;
    struct trap_info *info = &traps[used++];
    *info = trap(vector, gates[vector]);
    if (vector == VECTOR_GP) {
      stand_before(info, xen_gp, &kernel_gp);
      found_gp = 1;
    } else if (vector == VECTOR_NM) {
      stand_before(info, xen_nm, &kernel_nm);
    }
  }
  if (!found_gp)
    traps[used++] = (struct trap_info){ .vector = VECTOR_GP, .cs = FLAT_RING1_CS, .address = (u32)xen_gp };
  traps[used] = (struct trap_info){ 0 };
  hypercall1(set_trap_table, NULL);
  if (hypercall1(set_trap_table, traps))
    die("Xen refuses the trap table\n");
}

void traps_start(void) { load_all(); }

void xen_ops_load_exceptions(const struct table_register *table)
{
  kernel_idt = *table;
  load_all();
}

void xen_ops_store_idt(struct table_register *to) { *to = kernel_idt; }

void xen_ops_write_idt_entry(struct gate *table, u32 n, u32 low, u32 high)
{
  table[n] = (struct gate){ low, high };
  if (table == (struct gate *)kernel_idt.address)
    load_all();
}
