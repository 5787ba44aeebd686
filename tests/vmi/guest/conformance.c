/*
 * Conformance of a VMI ROM: every call's arguments, results, clobbers and errors, against the interface as data (VMI_CALLS) and
 * the meanings that the specification gives the calls. A line a call: its kind, and what was found.
 */
#include "vmi.h"

static const char *const kinds[] = {"none", "call", "jump", "nop"};
static int (*const tests[])(void) = {test_cpu, test_tables, test_interrupts, test_mmu, test_time};

static void report(const char *verdict) {
  put("call "), hex(at_hand->number), put(" "), put(at_hand->name), put(": ");
  put(reloc_kind < 4 ? kinds[reloc_kind] : "?"), put("; "), put(verdict), put("\n");
}

static void one(const struct call *call) {
  at_hand = call;
  u32 again, size = rom[VMI_ROM_AT_ROM_LENGTH] * VMI_ROM_BLOCK;
  reloc_at = get_reloc(call->number, &reloc_kind);
  expect_that("a known kind", reloc_kind < 4);
  expect_that("the same answer again", get_reloc(call->number, &again) == reloc_at && again == reloc_kind);
  int returns = call->kind == kind_iret || call->kind == kind_sysexit;
  expect_that("only returns are jumped to", reloc_kind != VMI_RELOCATION_JUMP || returns);
  expect_that("nothing with a result is erased", reloc_kind != VMI_RELOCATION_NOP || !call->results);
  if (reloc_kind == VMI_RELOCATION_NONE || reloc_kind == VMI_RELOCATION_NOP) {
    report("left to the guest");
    return;
  }
  expect_that("its code is in the ROM, where we have mapped it", reloc_at >= (u32)rom && reloc_at < (u32)rom + size);
  int tested = 0;
  for (pass = 0; pass < 2; pass++)
    for (u32 i = 0; i < sizeof tests / sizeof *tests; i++) tested |= tests[i]();
  report(tested ? "tested" : "NOT TESTED");
}

void main(void) {
  machine_init();
  if (!find_rom()) {
    put("no ROM\n");
    return;
  }
  expect_is("vmi_init's result", rom_init(), 0);
  for (u32 number = 0; number < 256; number++) {
    u32 kind;
    if (call_numbered(number)) continue;
    get_reloc(number, &kind);
    expect_is("the answer for a number without a call", kind, VMI_RELOCATION_NONE);
  }
  u32 kind;
  get_reloc(0x80000000, &kind), expect_is("the answer for a number beyond all", kind, VMI_RELOCATION_NONE);
  get_reloc(0xFFFFFFFF, &kind), expect_is("the answer for the last number", kind, VMI_RELOCATION_NONE);
  for (u32 i = 0; i < call_count; i++) {
    /* They end the machine; a kernel of their own asks for each. */
    if (calls[i].number == VMI_CALL_Reboot || calls[i].number == VMI_CALL_Shutdown) continue;
    one(&calls[i]);
  }
#ifdef LAST_CALL
  at_hand = call_numbered(LAST_CALL);
  reloc_at = get_reloc(at_hand->number, &reloc_kind);
  if (reloc_kind == VMI_RELOCATION_CALL) {
    report("tested");
    put("end\n");
    vmi(LAST_ARGUMENT, 0, 0, 0, 0);
    expect_that("it does not come back", 0);
  } else {
    report("left to the guest");
  }
#endif
}
