/*
 * Port I/O, which is not an op of this era: IN and OUT are #GP, for the kernel has no I/O privilege under Xen, and are served here.
 * What the kernel finds is a serial port and a debug port, which are the domain's console, and the register with which a PC
 * switches itself off. Everything else is a port that nobody answers.
 */
#include "guest.h"

#define COM1 0x3F8
#define DEBUG_PORT 0xE9
/* ACPI's PM1a control register where a PIIX4 has it: SLP_EN ends the domain. */
#define PM1A_CNT 0x604
#define SLP_EN 0x2000u

/* Registers of a 16550 and their bits (National Semiconductor PC16550D, table II). */
#define UART_DATA 0
#define UART_IIR 2
#define UART_LCR 3
#define UART_LSR 5
#define UART_MSR 6
#define LCR_DLAB 0x80
#define IIR_NONE 0x01
#define LSR_DR 0x01
#define LSR_THRE_TEMT 0x60
#define MSR_CTS_DSR_DCD 0xB0

/* The registers as PUSHAL leaves them, segments, and the frame of #GP. */
struct frame {
  u32 edi, esi, ebp, esp, ebx, edx, ecx, eax, ds, es, error_code, eip, cs, eflags;
};

static volatile u8 *console_page;
/* I/O privilege of the user program at hand. */
static u32 user_iopl;
/* Of the registers that keep what is written: [0] without DLAB, [1] with it. */
static u8 uart[2][8];

#define ring_word(offset) (*(volatile u32 *)(console_page + (offset)))

static void notify(void)
{
  struct evtchn_port op = { .port = start_info->consoleEvtchn };
  hypercall2(event_channel_op, EVTCHNOP_SEND, &op);
}

void console_start(void) { console_page = page_at(pfn_of_mfn(start_info->consoleMfn)); }

void console_put(u8 byte)
{
  while (ring_word(CONSOLE_OUT_PROD) - ring_word(CONSOLE_OUT_CONS) >= CONSOLE_OUT_SIZE) {
    notify();
    hypercall2(sched_op, SCHEDOP_YIELD, NULL);
  }
  u32 at = ring_word(CONSOLE_OUT_PROD);
  console_page[CONSOLE_OUT + at % CONSOLE_OUT_SIZE] = byte;
  barrier();
  ring_word(CONSOLE_OUT_PROD) = at + 1;
  notify();
}

static int console_waits(void) { return ring_word(CONSOLE_IN_PROD) != ring_word(CONSOLE_IN_CONS); }

static u8 console_get(void)
{
  if (!console_waits())
    return 0;
  u32 at = ring_word(CONSOLE_IN_CONS);
  u8 byte = console_page[CONSOLE_IN + at % CONSOLE_IN_SIZE];
  barrier();
  ring_word(CONSOLE_IN_CONS) = at + 1;
  notify();
  return byte;
}

static int divisor_latch(void) { return (uart[0][UART_LCR] & LCR_DLAB) != 0; }

static u8 uart_read(u32 reg)
{
  switch (reg) {
  case UART_DATA:
    return divisor_latch() ? uart[1][reg] : console_get();
  case UART_IIR:
    return IIR_NONE;
  case UART_LSR:
    return LSR_THRE_TEMT | (console_waits() ? LSR_DR : 0);
  case UART_MSR:
    return MSR_CTS_DSR_DCD;
  default:
    return uart[reg < 2 && divisor_latch()][reg];
  }
}

static void uart_write(u32 reg, u8 value)
{
  if (reg == UART_DATA && !divisor_latch())
    console_put(value);
  else
    uart[reg < 2 && divisor_latch()][reg] = value;
}

static u8 port_read(u16 port)
{
  if (port >= COM1 && port < COM1 + 8)
    return uart_read(port - COM1);
  return port == DEBUG_PORT ? DEBUG_PORT : 0xFF;
}

static void port_write(u16 port, u8 value)
{
  if (port >= COM1 && port < COM1 + 8)
    uart_write(port - COM1, value);
  else if (port == DEBUG_PORT)
    console_put(value);
}

static void write(u16 port, u32 value, u32 bytes)
{
  if (port == PM1A_CNT && bytes >= 2 && value & SLP_EN) {
    struct sched_shutdown off = { .reason = SHUTDOWN_POWEROFF };
    hypercall2(sched_op, SCHEDOP_SHUTDOWN, &off);
  }
  for (u32 i = 0; i < bytes; i++)
    port_write(port + i, value >> i * 8);
}

static u32 read(u16 port, u32 bytes)
{
  u32 value = 0;
  for (u32 i = 0; i < bytes; i++)
    value |= (u32)port_read(port + i) << i * 8;
  return value;
}

/* IN and OUT: E4-E7 with the port behind them, EC-EF with it in DX; bit 1 is OUT, bit 0 more than a byte. Nonzero: it was one. */
u32 port_io(struct frame *frame)
{
  const u8 *code = (const u8 *)frame->eip;
  u32 wide = 4;
  if (frame->error_code || ((frame->cs & 3) == 3 && user_iopl < 3))
    return 0;
  if (*code == 0x66) {
    wide = 2;
    code++;
  }
  u8 opcode = *code++;
  if ((opcode & 0xF4) != 0xE4)
    return 0;
  u16 port = opcode & 8 ? frame->edx : *code++;
  u32 bytes = opcode & 1 ? wide : 1, keep = bytes == 4 ? 0 : ~0u << bytes * 8;
  /* Nothing may come between two characters of the ring, or between finding and using a place in it. */
  u8 masked = vcpu_byte(VCPU_UPCALL_MASK);
  vcpu_byte(VCPU_UPCALL_MASK) = 1;
  if (opcode & 2)
    write(port, frame->eax, bytes);
  else
    frame->eax = (frame->eax & keep) | read(port, bytes);
  frame->eip = (u32)code;
  /* What came meanwhile is delivered on the way back. */
  vcpu_byte(VCPU_UPCALL_MASK) = masked;
  return 1;
}

/* Xen is not asked for I/O privilege: it would let the kernel's own port I/O vanish. */
void xen_ops_set_iopl_mask(u32 mask) { user_iopl = mask >> 12 & 3; }
