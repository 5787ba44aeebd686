/* Paging: 2-level, PSE and PAE; faults and their error codes, A and D bits, WP, NX, reserved bits. SDM vol. 3A chapter 4. */
#include "lib.h"

static u32 directory[1024] __attribute__((aligned(4096)));
static u32 identity[1024] __attribute__((aligned(4096)));
static u32 table[1024] __attribute__((aligned(4096)));
static u64 pointers[4] __attribute__((aligned(32)));
static u64 pae_directory[4][512] __attribute__((aligned(4096)));
static u64 pae_identity[2][512] __attribute__((aligned(4096)));
static u64 pae_table[512] __attribute__((aligned(4096)));
static u8 page[4][4096] __attribute__((aligned(4096)));

/* Where the tests look: one table's worth at 3 GB. */
#define WINDOW 0xc0000000u
enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80 };

static void read_at(u32 at) { __asm__ volatile("movl (%0), %%eax" ::"r"(at) : "eax"); }
static void write_at(u32 at) { __asm__ volatile("movl $0x90909090, (%0)" ::"r"(at) : "memory"); }
static void call_at(u32 at) { __asm__ volatile("call *%0" ::"r"(at)); }
static u32 target;
static void user_read(void) { __asm__ volatile("movl (%0), %%eax; int $0x40" ::"r"(target) : "eax"); }
static void user_write(void) { __asm__ volatile("movl $0x90909090, (%0); int $0x40" ::"r"(target) : "memory"); }
static void user_call(void) { __asm__ volatile("call *%0; int $0x40" ::"r"(target)); }

/* Rights beside a cleared present bit: one case of each will do. */
static int dull(u32 upper, u32 lower) { return (!(upper & P) && lower != 7) || (!(lower & P) && lower != 6); }

static u32 odd_codes;
/* The ways to touch `at` (but read-modify-write, which TCG takes for a read first), each with cold translations, and what they leave in the entries. */
static void touch(u32 at, void (*show)(int), void (*again)(void)) {
  static void (*const ring0[])(u32) = {read_at, write_at, call_at};
  static void (*const ring3[])(void) = {user_read, user_write, user_call};
  target = at;
  for (int i = 0; i < 6; i++) {
    again();
    page[0][0] = 0xc3, page[1][0] = 0xc3;
    set_cr3(cr3());
    int v = i < 3 ? attempt(ring0[i], at) : USER(ring3[i - 3]);
    put(" ");
    if (v < 0 || v == DONE) put("-");
    else {
      /* TCG forgets the present bit beside the reserved one. */
      if (v == 14 && trap.error & 8) odd_codes += !(trap.error & 1), trap.error |= 1;
      hex(v), put("."), hex(trap.error);
      if (v == 14 && trap.cr2 != at) put("@"), hex(trap.cr2 - at);
    }
    put("[");
    show(v < 0 || v == DONE);
    put("]");
  }
  put("\n");
}

static u32 pde, pte;
/* Whether an upper entry is marked accessed by a walk that faults below it is the processor's own affair. */
static void show2(int done) {
  if (done) hex(directory[WINDOW >> 22] & 0x60), put(",");
  hex(table[0] & 0xe0);
}
static void again2(void) {
  directory[WINDOW >> 22] = pde;
  table[0] = pte;
}

static void two_level(void) {
  for (u32 i = 0; i < 1024; i++) identity[i] = i << 12 | U | W | P, directory[i] = 0, table[i] = 0;
  directory[0] = (u32)identity | U | W | P;
  directory[1] = 4 << 20 | PS | U | W | P;
  set_cr4(0);
  set_cr3((u32)directory);
  for (u32 wp = 0; wp < 2; wp++) {
    set_cr0(0x80000011 | wp << 16);
    for (u32 upper = 0; upper < 8; upper++) {
      for (u32 lower = 0; lower < 8; lower++) {
        if (dull(upper, lower)) continue;
        pde = (u32)table | upper, pte = (u32)page[0] | lower;
        put("wp "), hex(wp), put(" pde "), hex(upper), put(" pte "), hex(lower), put(":");
        touch(WINDOW, show2, again2);
      }
    }
  }
  /* Across two pages, where one or the other will not do. */
  directory[WINDOW >> 22] = (u32)table | U | W | P;
  for (u32 first = 0; first < 8; first++) {
    for (u32 second = 0; second < 8; second++) {
      table[0] = (u32)page[0] | first, table[1] = (u32)page[1] | second;
      set_cr3(cr3());
      put("across "), hex(first), put(" "), hex(second), put(":");
      int v = attempt(read_at, WINDOW + 0xffe);
      put(" "), hex(v), put("."), hex(v < 0 ? 0 : trap.error), put("@"), hex(v < 0 ? 0 : trap.cr2 - WINDOW);
      target = WINDOW + 0xffe;
      USER(user_write);
      put(" "), hex(trap.vector), put("."), hex(trap.error), put("@"), hex(trap.vector != 14 ? 0 : trap.cr2 - WINDOW);
      put("\n");
    }
  }
  /* Without PSE the size bit of a directory entry means nothing. */
  pde = (u32)table | PS | U | W | P, pte = (u32)page[0] | U | W | P;
  put("ps without pse:"), touch(WINDOW, show2, again2);
  set_cr4(0x10);
  /* Large pages: rights, A and D, and (with PSE-36) address bits above 32 or reserved ones. */
  for (u32 upper = 0; upper < 8; upper++) {
    pde = PS | upper, pte = 0;
    put("large "), hex(upper), put(":"), touch(WINDOW + ((u32)page[0] & 0x3fffff), show2, again2);
  }
  pde = 8 << 20 | 1 << 21 | PS | U | W | P;
  put("large, bit 21:"), touch(WINDOW, show2, again2);
  set_cr4(0);
  set_cr0(0x11);
}

static u64 pae_pde, pae_pte;
static void show3(int done) {
  if (done) hex(pae_directory[3][0] & 0x60), put(",");
  hex(pae_table[0] & 0x60);
}
static void again3(void) {
  pae_directory[3][0] = pae_pde;
  pae_table[0] = pae_pte;
}

static void pae(void) {
  for (u32 i = 0; i < 512; i++) {
    pae_identity[0][i] = (u64)i << 12 | U | W | P;
    pae_identity[1][i] = (u64)(i + 512) << 12 | U | W | P;
  }
  for (u32 i = 0; i < 4; i++) pointers[i] = (u32)pae_directory[i] | P;
  pae_directory[0][0] = (u32)pae_identity[0] | U | W | P;
  pae_directory[0][1] = (u32)pae_identity[1] | U | W | P;
  set_cr3((u32)pointers);
  set_cr4(0x20);
  for (u32 nxe = 0; nxe < 2; nxe++) {
    wrmsr(0xc0000080, nxe << 11);
    set_cr0(0x80010011);
    for (u32 upper = 0; upper < 8; upper++) {
      for (u32 lower = 0; lower < 8; lower++) {
        if (dull(upper, lower)) continue;
        for (u32 nx = 0; nx < 4; nx++) {
          pae_pde = (u32)table, pae_pde = (u32)pae_table | upper | (u64)(nx & 1) << 63;
          pae_pte = (u32)page[0] | lower | (u64)(nx >> 1) << 63;
          put("nxe "), hex(nxe), put(" pde "), hex(upper), put(" pte "), hex(lower), put(" nx "), hex(nx), put(":");
          touch(WINDOW, show3, again3);
        }
      }
    }
    for (u32 nx = 0; nx < 2; nx++) {
      for (u32 upper = 0; upper < 8; upper++) {
        pae_pde = 0 | PS | upper | (u64)nx << 63, pae_pte = 0;
        put("large "), hex(upper), put(" nx "), hex(nx), put(":"), touch(WINDOW + ((u32)page[0] & 0x1fffff), show3, again3);
      }
    }
    /* Reserved bits: above the physical address width, in large pages below 2 MB. */
    static const u64 reserved[] = {1ull << 62, 1ull << 52, 1ull << 51, 1ull << 40, 1ull << 36};
    for (u32 i = 0; i < sizeof reserved / sizeof *reserved; i++) {
      pae_pde = (u32)pae_table | U | W | P, pae_pte = (u32)page[0] | U | W | P | reserved[i];
      put("reserved in pte:"), touch(WINDOW, show3, again3);
      pae_pte = (u32)page[0] | U | W | reserved[i];
      put("reserved, not present:"), touch(WINDOW, show3, again3);
      pae_pde = (u32)pae_table | U | W | P | reserved[i], pae_pte = (u32)page[0] | U | W | P;
      put("reserved in pde:"), touch(WINDOW, show3, again3);
    }
    pae_pde = PS | U | W | P | 1 << 13, pae_pte = 0;
    put("large, bit 13:"), touch(WINDOW, show3, again3);
    set_cr0(0x11);
  }
  wrmsr(0xc0000080, 0);
  set_cr4(0);
}

/* Page-directory pointers are read when CR3 is written, and checked then. */
static void load_cr3(u32 v) { set_cr3(v); }
static void load_cr4(u32 v) { set_cr4(v); }
static void load_cr0(u32 v) { set_cr0(v); }
static void pointers_and_registers(void) {
  set_cr4(0x20);
  set_cr3((u32)pointers);
  set_cr0(0x80010011);
  u64 keep = pointers[3];
  pae_pde = (u32)pae_table | U | W | P, pae_pte = (u32)page[0] | U | W | P;
  again3();
  pointers[3] = 0;
  by_the_manual("pointer gone, not reloaded", attempt(read_at, WINDOW), -1, 0);
  set_cr3((u32)pointers);
  outcome("pointer gone", attempt(read_at, WINDOW));
  static const u64 bits[] = {2, 4, 0x20, 0x80, 0x100, 0x200, 1ull << 40, 1ull << 52, 1ull << 63};
  for (u32 i = 0; i < sizeof bits / sizeof *bits; i++) {
    pointers[3] = keep | bits[i];
    int v = attempt(load_cr3, (u32)pointers);
    by_the_manual("reserved bit in a pointer", v, bits[i] == 0x200 ? -1 : 13, 0);
    pointers[3] = keep;
    set_cr3((u32)pointers);
  }
  pointers[3] = 0x1fe;
  outcome("not present: all ignored", attempt(load_cr3, (u32)pointers));
  pointers[3] = keep;
  set_cr0(0x11);
  set_cr4(0);
  if (!in_qemu()) {
    by_the_manual("cr0: pg without pe", attempt(load_cr0, 0x80000010), 13, 0);
    by_the_manual("cr0: nw without cd", attempt(load_cr0, 0x20000011), 13, 0);
  }
  if (!in_qemu()) by_the_manual("cr4: reserved bit", attempt(load_cr4, 0x800000), 13, 0);
  check("error codes with RSVD and without P", odd_codes, 0);
  line("cr0", cr0()), line("cr4", cr4());
  set_cr0(0x60000011), line("cr0", cr0());
  set_cr0(0x11 | 0xffa0), check("cr0 ignores", cr0(), 0x31);
  set_cr0(0x11);
}

void main(void) {
  two_level();
  pae();
  pointers_and_registers();
}
