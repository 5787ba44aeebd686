/* Page tables: entries, pages that become tables, translations, lazy modes. And the local APIC. */
#include "vmi.h"

#ifdef PAE
#define LONG 1
#define PAE_FLAG VMI_PAGE_PAE
#else
#define LONG 0
#define PAE_FLAG 0
#endif
#define FRAME(page) ((u32)(page) / PAGE)

static void mark(void) { page_one[0] = 0x11110000, page_two[0] = 0x22220000; }

/* Sets an entry by whichever call the tables in use have, if the ROM has it. */
static void set_by_call(u32 page, u32 value, u32 flags) {
#ifdef PAE
  other(VMI_CALL_SetPxELong, value, 0, (u32)window_entry(page), flags, 0);
#else
  other(VMI_CALL_SetPxE, value, (u32)window_entry(page), flags, 0, 0);
#endif
}

static void test_set_pxe(void) {
  int is_long = at_hand->number == VMI_CALL_SetPxELong;
  static u32 memory[4] __attribute__((aligned(8)));
  u32 *p = is_long == LONG ? window_entry(1) : memory;
  u32 value = (u32)page_two | 3;
  static const u32 flags[] = {VMI_PAGE_PT, VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | (WINDOW_VA + PAGE)};
  for (u32 i = 0; i < 2; i++) {
    mark();
    if (is_long == LONG) window_set(1, (u32)page_one | 3), expect_is("the window", window_word(1), 0x11110000);
    if (is_long) vmi(value, 0, (u32)p, flags[i], 0);
    else vmi(value, (u32)p, flags[i], 0, 0);
    if (is_long == LONG) {
      invlpg(WINDOW_VA + PAGE);
      expect_is("the window through the new entry", window_word(1), 0x22220000);
    }
    /* The processor may have set accessed and dirty. */
    expect_is("the entry", p[0] & ~0x60, value);
    if (is_long) expect_is("its high half", p[1], 0);
  }
  if (is_long != LONG) return;
  /* Directories and the top level: the words that are there already. */
  u32 *top = top_level;
  if (is_long) vmi(top[0], top[1], (u32)top, VMI_PAGE_PDP, 0);
  else vmi(top[0], (u32)top, VMI_PAGE_PD, 0, 0);
  window_set(1, 0);
  int vector = is_long ? vmi_attempt(0, 0, 0xA0000000, VMI_PAGE_PT, 0) : vmi_attempt(0, 0xA0000000, VMI_PAGE_PT, 0, 0);
  expect_is("the fault of an entry that is not mapped", vector, 14);
}

static void test_update_pxe(void) {
  int is_long = at_hand->number == VMI_CALL_UpdatePxELong;
  static const u32 flags[] = {VMI_PAGE_PT, VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | VMI_PAGE_DEFER | (WINDOW_VA + PAGE)};
  if (is_long != LONG) return;
  for (u32 i = 0; i < 2; i++) {
    mark();
    window_set(1, (u32)page_one | 3);
    expect_is("the window", window_word(1), 0x11110000);
    *(volatile u32 *)window_entry(1) = (u32)page_two | 3;
    vmi((u32)window_entry(1), flags[i], 0, 0, 0);
    expect_is("the entry that the guest wrote", *window_entry(1), (u32)page_two | 3);
    invlpg(WINDOW_VA + PAGE);
    expect_is("the window", window_word(1), 0x22220000);
  }
  window_set(1, 0);
}

static void test_pages(void) {
  int allocates = at_hand->number == VMI_CALL_AllocatePage;
  for (u32 i = 0; i < PAGE / 4; i++) spare_table[i] = 0;
  u32 frame = FRAME(spare_table), flags = VMI_PAGE_PT | PAE_FLAG | VMI_PAGE_ZEROED;
  if (allocates) vmi(frame, flags, 0, 0, 0);
  else other(VMI_CALL_AllocatePage, frame, flags, 0, 0, 0), vmi(frame, VMI_PAGE_PT | PAE_FLAG, 0, 0, 0);
  for (u32 i = 0; i < PAGE / 4; i++) expect_is("a word of the page", spare_table[i], 0);
  if (allocates) {
    other(VMI_CALL_ReleasePage, frame, VMI_PAGE_PT | PAE_FLAG, 0, 0, 0);
    /* A clone begins with the entries of its model, which the guest has copied already. */
    for (u32 i = 0; i < PAGE / 4; i++) page_one[i] = page_two[i] = 0x1000 * i;
    other(VMI_CALL_AllocatePage, FRAME(page_two), VMI_PAGE_PD | PAE_FLAG, 0, 0, 0);
    vmi(FRAME(page_one), VMI_PAGE_PD | PAE_FLAG | VMI_PAGE_CLONE, FRAME(page_two), 256, 256);
    for (u32 i = 0; i < PAGE / 4; i++) expect_is("a word of the clone", page_one[i], 0x1000 * i);
    other(VMI_CALL_ReleasePage, FRAME(page_one), VMI_PAGE_PD | PAE_FLAG, 0, 0, 0);
    other(VMI_CALL_ReleasePage, FRAME(page_two), VMI_PAGE_PD | PAE_FLAG, 0, 0, 0);
  }
  /* Afterwards it is memory like any other. */
  spare_table[0] = 0x12345678;
  expect_is("a word of the page, released", spare_table[0], 0x12345678);
}

static void remember(u32 extra) {
  mark();
  window_set(2, (u32)page_one | 3 | extra);
  expect_is("the window", window_word(2), 0x11110000);
  *(volatile u32 *)window_entry(2) = (u32)page_two | 3 | extra;
}

static void test_inval(void) {
  remember(0);
  vmi(WINDOW_VA + 2 * PAGE + 0x123, 0, 0, 0, 0);
  expect_is("the window", window_word(2), 0x22220000);
  vmi(0xA0000000, 0, 0, 0, 0);
  window_set(2, 0);
}

static void test_flush(void) {
  set_cr4(cr4() | 0x80);
  remember(0);
  vmi(VMI_FLUSH_TLB, 0, 0, 0, 0);
  expect_is("the window", window_word(2), 0x22220000);
  remember(0x100);
  vmi(VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL, 0, 0, 0, 0);
  expect_is("the window of a global page", window_word(2), 0x22220000);
  expect_is("CR4.PGE", cr4() & 0x80, 0x80);
  window_set(2, 0);
  set_cr4(cr4() & ~0x80);
}

/* What waits under a lazy mode has happened when the mode is over. */
static void test_lazy(void) {
  static const u32 modes[] = {VMI_LAZY_MMU, VMI_LAZY_CPU};
  for (u32 i = 0; i < 2; i++) {
    mark();
    window_set(3, (u32)page_one | 3);
    expect_is("the window", window_word(3), 0x11110000);
    vmi(modes[i], 0, 0, 0, 0);
    set_by_call(3, (u32)page_two | 3, VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | (WINDOW_VA + 3 * PAGE));
    vmi(VMI_LAZY_NONE, 0, 0, 0, 0);
    u32 kind;
    get_reloc(LONG ? VMI_CALL_SetPxELong : VMI_CALL_SetPxE, &kind);
    if (kind != VMI_RELOCATION_CALL) continue;
    expect_is("the entry after the mode", *window_entry(3), (u32)page_two | 3);
    invlpg(WINDOW_VA + 3 * PAGE);
    expect_is("the window after the mode", window_word(3), 0x22220000);
    /* And by the ROM's own flushes, in the middle of one. */
    vmi(modes[i], 0, 0, 0, 0);
    set_by_call(3, (u32)page_one | 3, VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | VMI_PAGE_DEFER | (WINDOW_VA + 3 * PAGE));
    get_reloc(VMI_CALL_InvalPage, &kind);
    if (kind == VMI_RELOCATION_CALL) {
      other(VMI_CALL_InvalPage, WINDOW_VA + 3 * PAGE, 0, 0, 0, 0);
      expect_is("the window after InvalPage under the mode", window_word(3), 0x11110000);
    }
    vmi(VMI_LAZY_NONE, 0, 0, 0, 0);
  }
  window_set(3, 0);
}

static void test_apic(void) {
  volatile u32 *priority = (u32 *)(APIC_VA + 0x80);
  if (at_hand->number == VMI_CALL_APICWrite) {
    vmi((u32)priority, 0x20 + pass * 0x10, 0, 0, 0);
    expect_is("the task priority", *priority & 0xFF, 0x20 + pass * 0x10);
  } else {
    *priority = 0x40 + pass * 0x10;
    expect_is("the task priority", vmi((u32)priority, 0, 0, 0, 0) & 0xFF, 0x40 + pass * 0x10);
    expect_is("the version", vmi(APIC_VA + 0x30, 0, 0, 0, 0), *(volatile u32 *)(APIC_VA + 0x30));
  }
  *priority = 0;
}

static void test_frames(void) {
  static const u32 frames[] = {0, 1, 0x100, 0xFFF};
  int to_machine = at_hand->number == VMI_CALL_PhysicalToMachine;
  for (u32 i = 0; i < 4; i++) {
    u32 there = vmi(frames[i], 0, 0, 0, 0), kind;
    u32 way_back = to_machine ? VMI_CALL_MachineToPhysical : VMI_CALL_PhysicalToMachine;
    get_reloc(way_back, &kind);
    if (kind == VMI_RELOCATION_CALL) expect_is("the frame, there and back", other(way_back, there, 0, 0, 0, 0), frames[i]);
  }
}

int test_mmu(void) {
  static u32 ap_state[VMI_AP_SIZE / 4];
  switch (at_hand->number) {
    case VMI_CALL_SetPxE:
    case VMI_CALL_SetPxELong: test_set_pxe(); return 1;
    case VMI_CALL_UpdatePxE:
    case VMI_CALL_UpdatePxELong: test_update_pxe(); return 1;
    case VMI_CALL_MachineToPhysical:
    case VMI_CALL_PhysicalToMachine: test_frames(); return 1;
    case VMI_CALL_AllocatePage:
    case VMI_CALL_ReleasePage: test_pages(); return 1;
    case VMI_CALL_InvalPage: test_inval(); return 1;
    case VMI_CALL_FlushTLB: test_flush(); return 1;
    case VMI_CALL_SetLinearMapping: vmi(0, 0, 4096, 0, 0), vmi(3, WINDOW_VA, 1, FRAME(page_one), 0); return 1;
    case VMI_CALL_SetInitialAPState: vmi((u32)ap_state, 1, 0, 0, 0); return 1;
    case VMI_CALL_APICWrite:
    case VMI_CALL_APICRead: test_apic(); return 1;
    case VMI_CALL_SetLazyMode: test_lazy(); return 1;
    default: return 0;
  }
}
