/*
 * The table under VMI: the ROM's own functions where its calls are those of the ops, wrappers where they are not, native
 * functions where the ROM answers none (as Linux 2.6.21 did it, arch/i386/kernel/vmi.c).
 */
#include "desc.h"
#include "kernel.h"
#include "layout.h"
#include "mm.h"
#include "paravirt.h"
#include "sched.h"
#include "trap.h"
#include "vmi.h"

const struct vrom_header *vmi_rom;

struct vmi_relocation vmi_relocation(u32 call)
{
  u64 (*get_reloc)(u32) = (void *)vmi_rom->get_reloc;
  u64 answer = get_reloc(call);
  struct vmi_relocation r = { (u32)answer, (u8)(answer >> 32) };
  if (r.type > VMI_RELOCATION_NOP) {
    printk("VMI: unknown relocation %u for call %u\n", r.type, call);
    r.type = VMI_RELOCATION_NONE;
  }
  return r;
}

void *vmi_function(u32 call)
{
  struct vmi_relocation r = vmi_relocation(call);
  if (r.type == VMI_RELOCATION_JUMP)
    panic("VMI: call %u is to be jumped to", call);
  return r.type == VMI_RELOCATION_CALL ? (void *)r.eip : NULL;
}

/* The op is the call: same arguments, same registers. A nop of the ROM's becomes the kernel's own, which is erased. */
#define FILL(op, name)                                                                                                 \
  do {                                                                                                                 \
    struct vmi_relocation r = vmi_relocation(VMI_CALL_##name);                                                         \
    if (r.type == VMI_RELOCATION_CALL)                                                                             \
      paravirt_ops.op = (void *)r.eip;                                                                                 \
    else if (r.type == VMI_RELOCATION_NOP)                                                                             \
      paravirt_ops.op = paravirt_nop;                                                                                  \
  } while (0)

/* The op needs a wrapper around the call. A nop is ignored: the wrapper may have to do more than the call. */
#define WRAP(op, wrapper, cached, name)                                                                                \
  do {                                                                                                                 \
    cached = vmi_function(VMI_CALL_##name);                                                                            \
    if (cached)                                                                                                        \
      paravirt_ops.op = wrapper;                                                                                       \
  } while (0)

static void *cpuid_call;
static void (*set_tr)(u32 selector);
static void (*set_ldt_selector)(u32 selector);
static void (*update_kernel_stack)(u32 ss, u32 esp0);
static void (*flush_tlb)(u32 flags);
static void (*lazy_mode)(u32 mode);
static void (*write_apic)(u32 address, u32 value);
static u32 (*read_apic)(u32 address);

/* CPUID is not a C function: four results in four registers, one of them EBX. */
static void vmi_cpuid(u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
  asm volatile("call *%[call]"
               : "=a"(*eax), "=b"(*ebx), "=c"(*ecx), "=d"(*edx)
               : "0"(*eax), "2"(*ecx), [call] "m"(cpuid_call)
               : "cc");
}

static void vmi_load_tr_desc(void) { set_tr(TSS_SELECTOR); }

static void vmi_set_ldt(const void *table, u32 entries)
{
  u32 limit = entries * sizeof(struct desc_struct) - 1;
  if (entries)
    write_gdt_entry(gdt_table, GDT_ENTRY_LDT, desc_low((u32)table, limit), desc_high((u32)table, limit, DESC_LDT, 0));
  set_ldt_selector(entries ? LDT_SELECTOR : 0);
}

static void vmi_load_tls(struct thread_struct *t, u32 cpu)
{
  (void)cpu; /* one processor, one GDT */
  for (u32 i = 0; i < TLS_ENTRIES; i++) {
    const struct desc_struct *have = &gdt_table[GDT_ENTRY_TLS_MIN + i], *want = &t->tls_array[i];
    if (have->low != want->low || have->high != want->high)
      write_gdt_entry(gdt_table, GDT_ENTRY_TLS_MIN + i, want->low, want->high);
  }
}

static void vmi_load_esp0(struct tss_struct *to, struct thread_struct *t)
{
  to->esp0 = t->esp0;
  update_kernel_stack(kernel_ds(), to->esp0);
}

/* The op has a register's offset, the call its address. */
static void vmi_apic_write(u32 reg, u32 value) { write_apic(FIX_APIC + reg, value); }
static u32 vmi_apic_read(u32 reg) { return read_apic(FIX_APIC + reg); }

static void vmi_flush_tlb_user(void) { flush_tlb(VMI_FLUSH_TLB); }
static void vmi_flush_tlb_kernel(void) { flush_tlb(VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL); }

/* A flush is the end of the batch and the beginning of another: the ROM knows only modes. */
static void vmi_set_lazy_mode(enum paravirt_lazy_mode mode)
{
  static enum paravirt_lazy_mode current_mode;
  if (mode == PARAVIRT_LAZY_FLUSH) {
    lazy_mode(PARAVIRT_LAZY_NONE);
    lazy_mode(current_mode);
  } else {
    lazy_mode(mode);
    current_mode = mode;
  }
}

static void fill_cpu(void)
{
  WRAP(cpuid, vmi_cpuid, cpuid_call, CPUID);
  FILL(clts, CLTS);
  FILL(get_debugreg, GetDR);
  FILL(set_debugreg, SetDR);
  FILL(read_cr0, GetCR0);
  FILL(read_cr2, GetCR2);
  FILL(read_cr3, GetCR3);
  FILL(read_cr4, GetCR4);
  FILL(write_cr0, SetCR0);
  FILL(write_cr2, SetCR2);
  FILL(write_cr3, SetCR3);
  FILL(write_cr4, SetCR4);
  FILL(save_fl, GetInterruptMask);
  FILL(restore_fl, SetInterruptMask);
  FILL(irq_disable, DisableInterrupts);
  FILL(irq_enable, EnableInterrupts);
  /* The ROM's halt always waits with interrupts on; the other kind stays native. */
  FILL(safe_halt, Halt);
  FILL(wbinvd, WBINVD);
  FILL(read_tsc, RDTSC);
  FILL(set_iopl_mask, SetIOPLMask);
  FILL(io_delay, IODelay);
  WRAP(apic_read, vmi_apic_read, read_apic, APICRead);
  WRAP(apic_write, vmi_apic_write, write_apic, APICWrite);
  WRAP(apic_write_atomic, vmi_apic_write, write_apic, APICWrite);
}

static void fill_tables(void)
{
  WRAP(load_tr_desc, vmi_load_tr_desc, set_tr, SetTR);
  WRAP(set_ldt, vmi_set_ldt, set_ldt_selector, SetLDT);
  FILL(load_gdt, SetGDT);
  FILL(load_idt, SetIDT);
  FILL(store_gdt, GetGDT);
  FILL(store_idt, GetIDT);
  FILL(store_tr, GetTR);
  FILL(write_ldt_entry, WriteLDTEntry);
  FILL(write_gdt_entry, WriteGDTEntry);
  FILL(write_idt_entry, WriteIDTEntry);
  paravirt_ops.load_tls = vmi_load_tls;
  WRAP(load_esp0, vmi_load_esp0, update_kernel_stack, UpdateKernelStack);
}

/* Entered by a jump or a call, as the ROM says at each patched site: an indirect jump through the slot would be wrong. */
static void poison_returns(void)
{
  if (vmi_relocation(VMI_CALL_IRET).type != VMI_RELOCATION_NONE)
    paravirt_ops.iret = (void *)0x0BADBAB0;
  if (vmi_relocation(VMI_CALL_SYSEXIT).type != VMI_RELOCATION_NONE)
    paravirt_ops.irq_enable_sysexit = (void *)0xFEEDBAB0;
}

static void activate(void)
{
  struct patch_counts counts;
  paravirt_ops.paravirt_enabled = 1;
  paravirt_ops.name = "vmi";
  paravirt_ops.patch = vmi_patch;
  fill_cpu();
  fill_tables();
  WRAP(flush_tlb_user, vmi_flush_tlb_user, flush_tlb, FlushTLB);
  WRAP(flush_tlb_kernel, vmi_flush_tlb_kernel, flush_tlb, FlushTLB);
  FILL(flush_tlb_single, InvalPage);
  WRAP(set_lazy_mode, vmi_set_lazy_mode, lazy_mode, SetLazyMode);
  vmi_fill_mmu();
  vmi_fill_clock();
  poison_returns();
  apply_paravirt(&counts);
  printk("VMI: %u sites: %u inlined, %u calls, %u jumps, %u erased, %u left\n", counts.sites, counts.inlined, counts.calls,
         counts.jumps, counts.erased, counts.untouched);
  vmi_announce_tables();
}

void vmi_setup(void)
{
  const struct vrom_header *rom = option("novmi") ? NULL : vmi_probe();
  if (!rom)
    return;
  reserve_top_address(-rom->virtual_top);
  u32 (*init)(void) = (void *)rom->vmi_init;
  u32 flags = save_fl();
  irq_disable();
  u32 error = init();
  if (error) {
    printk("VMI: the ROM does not start: %d\n", error);
  } else {
    vmi_rom = rom;
    activate();
  }
  restore_fl(flags);
  printk("VMI: fixed mappings from %08x, hypervisor from %08x\n", FIXMAP_BASE, rom->virtual_top);
}
