/*
 * The native patcher: the commonest ops are one or two instructions, which fit into the site of their call.
 *
 * It inlines only where the table still holds the native function: a table that somebody has changed in part keeps this
 * patcher, and then a changed op is called, by the default rule.
 */
#include "kernel.h"
#include "native.h"

/* The instructions as bytes, since they must not run here. */
static const u8 cli[] = { 0xFA };
static const u8 sti[] = { 0xFB };
static const u8 push_eax_popf[] = { 0x50, 0x9D };
static const u8 pushf_pop_eax[] = { 0x9C, 0x58 };
static const u8 iret[] = { 0xCF };
static const u8 sti_sysexit[] = { 0xFB, 0x0F, 0x35 };
static const u8 mov_cr2_eax[] = { 0x0F, 0x20, 0xD0 };
static const u8 mov_cr3_eax[] = { 0x0F, 0x20, 0xD8 };
static const u8 mov_eax_cr3[] = { 0x0F, 0x22, 0xD8 };
static const u8 clts[] = { 0x0F, 0x06 };
static const u8 rdtsc[] = { 0x0F, 0x31 };

#define INLINE(op, bytes) { PARAVIRT_SLOT(op), native_##op, bytes, bytes + sizeof bytes }

static const struct {
  u32 slot;
  void *native;
  const u8 *start, *end;
} inlines[] = {
  INLINE(irq_disable, cli),
  INLINE(irq_enable, sti),
  INLINE(restore_fl, push_eax_popf),
  INLINE(save_fl, pushf_pop_eax),
  INLINE(iret, iret),
  INLINE(irq_enable_sysexit, sti_sysexit),
  INLINE(read_cr2, mov_cr2_eax),
  INLINE(read_cr3, mov_cr3_eax),
  INLINE(write_cr3, mov_eax_cr3),
  INLINE(clts, clts),
  INLINE(read_tsc, rdtsc),
};

u32 native_patch(u8 type, u16 clobbers, void *site, u32 len)
{
  void *op = ((void **)&paravirt_ops)[type];
  /* The result is the argument, in the same registers. */
  if (op == native_identity)
    return 0;
  for (u32 i = 0; i < array_size(inlines); i++)
    if (inlines[i].slot == type && inlines[i].native == op)
      return paravirt_patch_insns(site, len, inlines[i].start, inlines[i].end);
  return paravirt_patch_default(type, clobbers, site, len);
}
