/* What the paravirtual test kernel knows of Xen: names and numbers of xen/include/public. */
#pragma once
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

enum { CS1 = 0xe019, DS1 = 0xe021, CS3 = 0xe02b, DS3 = 0xe033 };
enum { EPERM = 1, ENOENT = 2, EFAULT = 14, EINVAL = 22, ENODEV = 19, ENOSYS = 38 };
enum {
  set_trap_table, mmu_update, set_gdt, stack_switch, set_callbacks, fpu_taskswitch, sched_op_compat, platform_op, set_debugreg,
  get_debugreg, update_descriptor, memory_op = 12, multicall, update_va_mapping, set_timer_op, event_channel_op_compat,
  xen_version, console_io, physdev_op_compat, grant_table_op, vm_assist, iret = 23, vcpu_op, mmuext_op = 26, nmi_op = 28,
  sched_op, callback_op, event_channel_op = 32, physdev_op,
};
enum { UVMF_INVLPG = 2 };

struct start_info {
  char magic[32];
  u32 nr_pages, shared_info, flags, store_mfn, store_evtchn, console_mfn, console_evtchn, pt_base, nr_pt_frames, mfn_list;
};
struct trap_info { u8 vector, flags; u16 cs; u32 address; };
struct multicall_entry { u32 op; int result; u32 args[6]; };
/* A trap as the stubs leave it on the stack; ESP and SS only from ring 3. */
struct frame { u32 gs, fs, es, ds, edi, esi, ebp, unused, ebx, edx, ecx, eax, vector, error, eip, cs, eflags, esp, ss; };
struct context { u32 eip, cs, eflags, esp, ss; };

extern u8 hypercall_page[], shared_page[], table_page[], ldt_page[], scratch_page[], grant_page[], mapped_page[];
extern u8 stubs[], event_callback[], failsafe_callback[], attempt_ended[], user_stack_top[], trap_stack_top[];
extern u8 user_int80[], user_hypercall[], user_in[], user_hlt[], user_read[], user_sysenter[];
extern u32 failsafe_ds, failsafe_es, failsafe_fs, failsafe_gs, resume_esp, kernel_word;

int attempt(void (*f)(u32), u32 argument);
void enter(const struct context *, u32 way);

static inline int call5(u32 n, u32 a, u32 b, u32 c, u32 d, u32 e) {
  int result;
  __asm__ volatile("int $0x82" : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e) : "0"(n) : "memory");
  return result;
}
#define call(n, a, b, c) call5(n, (u32)(a), (u32)(b), (u32)(c), 0, 0)
#define call4(n, a, b, c, d) call5(n, (u32)(a), (u32)(b), (u32)(c), (u32)(d), 0)

#define upcall_pending (*(volatile u8 *)(shared_page + 0))
#define upcall_mask (*(volatile u8 *)(shared_page + 1))
#define pending_sel (*(volatile u32 *)(shared_page + 4))
#define vcpu_cr2 (*(volatile u32 *)(shared_page + 8))
#define evtchn_pending ((volatile u32 *)(shared_page + 2048))
#define evtchn_mask ((volatile u32 *)(shared_page + 2176))

#define READ(reg) ({ u32 v_; __asm__ volatile("mov %%" #reg ", %0" : "=r"(v_)); v_; })
#define WRITE(reg, v) __asm__ volatile("mov %0, %%" #reg ::"r"((u32)(v)) : "memory")
