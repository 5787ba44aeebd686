/*
 * The patcher under VMI: for the ops that are short and hot, and for the two that are jumped to, the ROM says at each site
 * whether it wants a call, a jump, nothing, or native code. Everything else goes by the table.
 */
#include "kernel.h"
#include "native.h"
#include "paravirt.h"
#include "vmi.h"

#define SITE_CALL 0xE8
#define SITE_JMP 0xE9
#define BRANCH_BYTES 5

static const struct {
  u32 slot, call;
} asked[] = {
  { PARAVIRT_SLOT(irq_disable), VMI_CALL_DisableInterrupts },
  { PARAVIRT_SLOT(irq_enable), VMI_CALL_EnableInterrupts },
  { PARAVIRT_SLOT(restore_fl), VMI_CALL_SetInterruptMask },
  { PARAVIRT_SLOT(save_fl), VMI_CALL_GetInterruptMask },
  { PARAVIRT_SLOT(iret), VMI_CALL_IRET },
  { PARAVIRT_SLOT(irq_enable_sysexit), VMI_CALL_SYSEXIT },
};

static u32 branch(u8 opcode, u32 target, u8 *site, u32 len)
{
  if (len < BRANCH_BYTES)
    panic("VMI: a site of %u bytes at %p", len, site);
  u32 delta = target - (u32)(site + BRANCH_BYTES);
  site[0] = opcode;
  memcpy(site + 1, &delta, sizeof delta);
  return BRANCH_BYTES;
}

u32 vmi_patch(u8 type, u16 clobbers, void *site, u32 len)
{
  for (u32 i = 0; i < array_size(asked); i++) {
    if (asked[i].slot != type)
      continue;
    struct vmi_relocation r = vmi_relocation(asked[i].call);
    if (r.type == VMI_RELOCATION_CALL)
      return branch(SITE_CALL, r.eip, site, len);
    if (r.type == VMI_RELOCATION_JUMP)
      return branch(SITE_JMP, r.eip, site, len);
    if (r.type == VMI_RELOCATION_NOP)
      return 0;
  }
  /* Native code stays inline where the table still holds it. */
  return native_patch(type, clobbers, site, len);
}
