/* See vmi.h. */
#include "vmi.h"

#define ROW(number, name, arguments, stack, results, changed, kind)                                                    \
  {number, #name, arguments, stack, results, changed, kind_##kind},
const struct call calls[] = {VMI_CALLS(ROW)};
const u32 call_count = sizeof calls / sizeof *calls;

const struct call *call_numbered(u32 number) {
  for (u32 i = 0; i < call_count; i++)
    if (calls[i].number == number) return &calls[i];
  return 0;
}

/* Paging: RAM where it is, but for the ROM area, which is elsewhere; a window; the local APIC. */
#define RAM_MAPPED (16u << 20)
#ifdef PAE
#define ENTRIES 512
#define BIG 0x200000
#define WORDS 2
#else
#define ENTRIES 1024
#define BIG 0x400000
#define WORDS 1
#endif
#define aligned __attribute__((aligned(PAGE)))
u32 top_level[PAGE / 4] aligned;
#ifdef PAE
static u32 directories[4][PAGE / 4] aligned;
#endif
static u32 ram_tables[RAM_MAPPED / BIG][PAGE / 4] aligned;
static u32 rom_table[PAGE / 4] aligned, window_table[PAGE / 4] aligned, apic_table[PAGE / 4] aligned;
u32 page_one[PAGE / 4] aligned, page_two[PAGE / 4] aligned, spare_table[PAGE / 4] aligned;

static void put_table(u32 va, u32 *table) {
#ifdef PAE
  u32 *directory = directories[va >> 30];
  directory[(va >> 21 & 511) * 2] = (u32)table | 7;
#else
  top_level[va >> 22] = (u32)table | 7;
#endif
}
static u32 *entry_in(u32 *table, u32 va) { return table + (va / PAGE & (ENTRIES - 1)) * WORDS; }

static void paging_on(void) {
#ifdef PAE
  for (u32 i = 0; i < 4; i++) top_level[i * 2] = (u32)directories[i] | 1;
#endif
  for (u32 va = 0; va < RAM_MAPPED; va += PAGE) {
    put_table(va, ram_tables[va / BIG]);
    if (va < VMI_ROM_PROBE_START || va >= VMI_ROM_PROBE_END) *entry_in(ram_tables[va / BIG], va) = va | 7;
  }
  put_table(ROM_VA, rom_table);
  for (u32 at = 0; at < ROM_AREA_BYTES; at += PAGE) *entry_in(rom_table, ROM_VA + at) = (VMI_ROM_PROBE_START + at) | ROM_ACCESS;
  put_table(WINDOW_VA, window_table);
  put_table(APIC_VA, apic_table);
  *entry_in(apic_table, APIC_VA) = 0xFEE00000 | 0x1B;
#ifdef PAE
  set_cr4(cr4() | 0x20);
#endif
  set_cr3((u32)top_level);
  set_cr0(cr0() | 0x80010000);
}

u32 *window_entry(u32 page) { return entry_in(window_table, WINDOW_VA + page * PAGE); }
void window_set(u32 page, u32 pa_and_flags) {
  *(volatile u32 *)window_entry(page) = pa_and_flags;
  invlpg(WINDOW_VA + page * PAGE);
}
u32 window_word(u32 page) { return *(volatile u32 *)(WINDOW_VA + page * PAGE); }

/* The 8259s at vectors 20h and 28h, all masked; IRQ0's and the local timer's gates. */
static void interrupts_init(void) {
  static const u8 words_of[2][4] = {{0x11, 0x20, 4, 1}, {0x11, 0x28, 2, 1}};
  for (u32 chip = 0; chip < 2; chip++) {
    u16 port = chip ? 0xA0 : 0x20;
    outb(port, words_of[chip][0]);
    for (u32 i = 1; i < 4; i++) outb(port + 1, words_of[chip][i]);
    outb(port + 1, 0xFF);
  }
  gate(&idt[0x20], KCODE, (u32)interrupt_entry, 0x8E, 0);
  gate(&idt[0x50], KCODE, (u32)local_interrupt_entry, 0x8E, 0);
  /* The local APIC lets the 8259 through, as a PC's firmware sets it up. */
  volatile u32 *apic = (u32 *)APIC_VA;
  apic[0xF0 / 4] = 0x1FF;
  apic[0x350 / 4] = 0x700;
}
void unmask_timer(int on) { outb(0x21, on ? 0xFE : 0xFF); }
void pit_once(u32 ticks) {
  outb(0x43, 0x30);
  outb(0x40, ticks & 0xFF);
  outb(0x40, ticks >> 8 & 0xFF);
}

void machine_init(void) {
  paging_on();
  interrupts_init();
}

/* The ROM. */
const u8 *rom;

int find_rom(void) {
  for (u32 at = 0; at < ROM_AREA_BYTES; at += VMI_ROM_PROBE_STEP) {
    const u8 *here = (u8 *)ROM_VA + at;
    if (*(u16 *)here != VMI_ROM_SIGNATURE || *(u32 *)(here + VMI_ROM_AT_VROM_SIGNATURE) != VMI_SIGNATURE) continue;
    rom = here;
    return 1;
  }
  return 0;
}

u32 pass;
const struct call *at_hand;
u32 reloc_kind, reloc_at;

static int complaints;
static void complain(void) {
  complaints++;
  put("WRONG "), put(at_hand ? at_hand->name : "the ROM"), put(": ");
}
void expect_is(const char *what, u32 value, u32 wanted) {
  if (value == wanted) return;
  complain(), put(what), put(" is "), hex(value), put(", not "), hex(wanted), put("\n");
}
void expect_that(const char *what, int holds) {
  if (holds) return;
  complain(), put("not so: "), put(what), put("\n");
}

/* What the registers that are no arguments hold, and the flags: once so, once the other way. */
static const u32 noise[8] = {0xA5A5A5A5, 0xC3C3C3C3, 0xD7D7D7D7, 0xB0B0B0B0, 0, 0xBEBEBEBE, 0x51515151, 0xD1D1D1D1};
#define ARITHMETIC 0x8D5 /* OF SF ZF AF PF CF */
#define WATCHED_FLAGS 0x247700 /* ID AC NT IOPL IF DF TF: no call changes them but those that are made to */
static const char *const names[8] = {"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"};

/* The arguments in their registers, noise in the others. Guard words lie above the stack arguments. */
#define GUARDS 4
static void load(const struct call *call, const u32 *values) {
  static const u32 order[3] = {AX, DX, CX};
  u32 next = 0;
  for (u32 r = 0; r < 8; r++) in[r] = pass ? ~noise[r] : noise[r];
  for (u32 i = 0; i < 3; i++)
    if (call->arguments >> order[i] & 1) in[order[i]] = values[next++];
  for (u32 i = 0; i < call->stack; i++) words[i] = values[next++];
  for (u32 i = 0; i < GUARDS; i++) words[call->stack + i] = 0x6A6A0000 + i;
  pushed = call->stack + GUARDS;
}

static u32 allowed_flags(const struct call *call) {
  switch (call->number) {
    case VMI_CALL_EnableInterrupts:
    case VMI_CALL_DisableInterrupts:
    case VMI_CALL_SetInterruptMask:
    case VMI_CALL_Halt: return 0x200;
    case VMI_CALL_SetIOPLMask: return 0x3000;
    default: return 0;
  }
}

static void judge(const struct call *call) {
  for (u32 r = 0; r < 8; r++) {
    if (r == SP || call->changed >> r & 1) continue;
    if (out[r] != in[r]) complain(), put("changes "), put(names[r]), put(" to "), hex(out[r]), put("\n");
  }
  expect_is("ESP after the call", out[SP], esp_before);
  u32 flipped = (in_eflags ^ out_eflags) & WATCHED_FLAGS & ~allowed_flags(call);
  if (flipped) complain(), put("changes flags "), hex(flipped), put("\n");
  for (u32 i = 0; i < 4; i++) expect_is("a data segment", out_segments[i] & 0xFFFF, in_segments);
  for (u32 i = 0; i < GUARDS; i++) expect_is("a word above the arguments", words_after[call->stack + i], 0x6A6A0000 + i);
}

static void make(const struct call *call, u32 target, u32 a, u32 b, u32 c, u32 d, u32 e) {
  const u32 values[5] = {a, b, c, d, e};
  load(call, values);
  int bare = call->number >= VMI_CALL_EnableInterrupts && call->number <= VMI_CALL_SetInterruptMask;
  in_segments = bare ? 0 : KDATA;
  in_eflags = (flags() & ~(ARITHMETIC | 0x400)) | (pass ? 0 : ARITHMETIC);
  in_target = target;
  call_rom();
  judge(call);
}

u32 vmi(u32 a, u32 b, u32 c, u32 d, u32 e) {
  make(at_hand, reloc_at, a, b, c, d, e);
  return out[AX];
}
u64 vmi64(u32 a, u32 b, u32 c, u32 d, u32 e) {
  make(at_hand, reloc_at, a, b, c, d, e);
  return (u64)out[DX] << 32 | out[AX];
}
u32 other(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e) {
  u32 kind, at = get_reloc(number, &kind);
  if (kind == VMI_RELOCATION_CALL) make(call_numbered(number), at, a, b, c, d, e);
  return kind == VMI_RELOCATION_CALL ? out[AX] : 0;
}

static u32 attempted[5];
static void attempted_call(u32 unused) {
  (void)unused;
  make(at_hand, reloc_at, attempted[0], attempted[1], attempted[2], attempted[3], attempted[4]);
}
int vmi_attempt(u32 a, u32 b, u32 c, u32 d, u32 e) {
  attempted[0] = a, attempted[1] = b, attempted[2] = c, attempted[3] = d, attempted[4] = e;
  return attempt(attempted_call, 0);
}

/* Functions of the header, as calls of no number. */
static const struct call init_call = {~0u, "vmi_init", 0, 0, 1, 7, kind_c};
static const struct call reloc_call = {~0u, "get_reloc", 1, 0, 5, 7, kind_c};
u32 rom_init(void) {
  make(&init_call, (u32)rom + VMI_ROM_AT_VMI_INIT, 0, 0, 0, 0, 0);
  return out[AX];
}
u32 get_reloc(u32 number, u32 *kind) {
  make(&reloc_call, (u32)rom + VMI_ROM_AT_GET_RELOC, number, 0, 0, 0, 0);
  *kind = out[DX] & 0xFF;
  return out[AX];
}
