/*
 * init_IRQ of a PC: two 8259A behind vectors 0x20-0x2F, and the local APIC, where there is one, as a wire through which
 * they reach the processor.
 */
#include "apic.h"
#include "desc.h"
#include "io.h"
#include "kernel.h"
#include "mm.h"
#include "native.h"
#include "paravirt.h"
#include "trap.h"

#define MASTER_CMD 0x20
#define MASTER_IMR 0x21
#define SLAVE_CMD 0xA0
#define SLAVE_IMR 0xA1
#define CASCADE_IR 2
#define ICW1_INIT_ICW4 0x11
#define ICW4_8086 0x01
#define OCW2_SPECIFIC_EOI 0x60
#define OCW3_READ_ISR 0x0B

static u16 masked = 0xFFFF;

static void set_masks(void)
{
  outb(masked & 0xFF, MASTER_IMR);
  outb(masked >> 8, SLAVE_IMR);
}

static void i8259_mask(u32 irq)
{
  masked |= 1 << irq;
  set_masks();
}

static void i8259_unmask(u32 irq)
{
  masked &= ~(1 << irq);
  set_masks();
}

static int in_service(u32 irq)
{
  u16 port = irq < 8 ? MASTER_CMD : SLAVE_CMD;
  outb(OCW3_READ_ISR, port);
  return inb(port) >> (irq & 7) & 1;
}

/* A request that went away is seen as line 7 of its chip, with no service bit to end; the slave's still holds the cascade. */
static int i8259_ack(u32 irq)
{
  if ((irq & 7) == 7 && !in_service(irq)) {
    if (irq >= 8)
      outb(OCW2_SPECIFIC_EOI | CASCADE_IR, MASTER_CMD);
    return 1;
  }
  i8259_mask(irq);
  if (irq >= 8) {
    outb(OCW2_SPECIFIC_EOI | (irq & 7), SLAVE_CMD);
    outb(OCW2_SPECIFIC_EOI | CASCADE_IR, MASTER_CMD);
  } else {
    outb(OCW2_SPECIFIC_EOI | irq, MASTER_CMD);
  }
  return 0;
}

static const struct irq_chip i8259 = { "XT-PIC", i8259_mask, i8259_unmask, i8259_ack };

static void command(u8 value, u16 port)
{
  outb(value, port);
  io_delay();
}

static void init_8259A(void)
{
  outb(0xFF, MASTER_IMR);
  outb(0xFF, SLAVE_IMR);
  command(ICW1_INIT_ICW4, MASTER_CMD);
  command(VECTOR_IRQ0, MASTER_IMR);
  command(1 << CASCADE_IR, MASTER_IMR);
  command(ICW4_8086, MASTER_IMR);
  command(ICW1_INIT_ICW4, SLAVE_CMD);
  command(VECTOR_IRQ0 + 8, SLAVE_IMR);
  command(CASCADE_IR, SLAVE_IMR);
  command(ICW4_8086, SLAVE_IMR);
  masked = 0xFFFF & ~(1 << CASCADE_IR);
  set_masks();
}

/* Virtual wire: LINT0 takes what the 8259 sends, LINT1 is NMI. Firmware may have left it otherwise, or not at all. */
static void init_virtual_wire(void)
{
  set_fixmap(FIX_APIC, APIC_BASE | PAGE_KERNEL | PAGE_PCD | PAGE_PWT);
  set_gate(VECTOR_SPURIOUS, GATE_INTERRUPT, spurious_entry);
  apic_write(APIC_SPIV, APIC_SPIV_ENABLED | VECTOR_SPURIOUS);
  apic_write(APIC_LVT0, APIC_DM_EXTINT);
  apic_write(APIC_LVT1, APIC_DM_NMI);
}

void native_init_IRQ(void)
{
  init_8259A();
  irq_chip = &i8259;
  for (u32 i = 0; i < IRQS; i++)
    set_gate(VECTOR_IRQ0 + i, GATE_INTERRUPT, irq_entries + i * ENTRY_STUB_BYTES);
  if (cpu_has(FEATURE_APIC))
    init_virtual_wire();
}
