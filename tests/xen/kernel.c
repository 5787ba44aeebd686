/*
 * A paravirtual kernel that asks its hypervisor what it ought to know, and says where the answer is another: a line `ok NAME` or
 * `WRONG NAME: is, not expected` for each. The expected values are those of the sources named at each part.
 */
#include "xen.h"

static struct start_info *start_info;
static u32 *mfn_list;

/* ---- words to the hypervisor's console ---- */

static void put(const char *text) {
  u32 length = 0;
  while (text[length]) length++;
  call(console_io, 0, length, text);
}
static void hex(u32 value) {
  char text[9];
  int at = 8;
  text[8] = 0;
  do text[--at] = "0123456789abcdef"[value & 15];
  while (value >>= 4);
  put(text + at);
}
static void check(const char *name, u32 is, u32 expected) {
  put(is == expected ? "ok " : "WRONG ");
  put(name);
  if (is != expected) put(": "), hex(is), put(", not "), hex(expected);
  put("\n");
}

/* ---- traps ---- */

static struct frame trap;
static u32 mask_inside, traps;
/* Sees each trap; non-zero: the guest goes on there, by IRET (1) or the hypercall (2). */
static u32 (*hook)(struct frame *);

u32 on_trap(struct frame *frame) {
  traps++;
  trap = *frame;
  mask_inside = upcall_mask;
  u32 way = hook ? hook(frame) : 0;
  if (way) return way - 1;
  upcall_mask = 1;
  __asm__ volatile("jmp attempt_ended" ::"a"(frame->vector));
  __builtin_unreachable();
}

static u32 mfn_of(const void *va) { return mfn_list[((u32)va - 0xC0000000u) >> 12]; }
static int map(const void *va, u64 entry) {
  return call4(update_va_mapping, va, (u32)entry, (u32)(entry >> 32), UVMF_INVLPG);
}
static int remap(const void *va, u32 flags) { return map(va, ((u64)mfn_of(va) << 12) | flags); }
#define TRAPS(name, f, argument, expected) check(name, attempt(f, (u32)(argument)), expected)
#define F(name, ...) static void name(u32 a) { (void)a; __VA_ARGS__; }

F(divide, __asm__ volatile("divl %0" ::"r"(0), "a"(1), "d"(0)))
F(int3, __asm__ volatile("int3; nop"))
F(into, __asm__ volatile("movb $127, %%al; incb %%al; into" ::: "eax"))
F(bound, static int limits[2] = {1, 2}; __asm__ volatile("bound %0, %1" ::"r"(5), "m"(limits)))
F(ud2, __asm__ volatile("ud2"))
F(int30, __asm__ volatile("int $0x30"))
F(int31, __asm__ volatile("int $0x31"))
F(int80, __asm__ volatile("int $0x80"))
F(icebp, __asm__ volatile(".byte 0xf1"))
F(load, __asm__ volatile("movl (%0), %%eax" ::"r"(a) : "eax"))
F(store, __asm__ volatile("movl %%eax, (%0)" ::"r"(a) : "memory"))
F(hlt, __asm__ volatile("hlt"))
F(invlpg, __asm__ volatile("invlpg (%0)" ::"r"(a)))
F(lgdt, __asm__ volatile("lgdt (%0)" ::"r"(a)))
F(lmsw, __asm__ volatile("lmsw %w0" ::"r"(a)))
F(cli, __asm__ volatile("cli"))
F(sti, __asm__ volatile("sti"))
F(in, u8 v; __asm__ volatile("inb $0x84, %0" : "=a"(v)); kernel_word = v)
F(out, __asm__ volatile("outb %%al, $0x84" ::"a"(a)))
F(insb, __asm__ volatile("rep insb" ::"D"(a), "c"(3), "d"(0x84) : "memory"))
F(clts, __asm__ volatile("clts"))
F(wbinvd, __asm__ volatile("wbinvd"))
F(cr0_to, WRITE(cr0, a))
F(cr3_to, WRITE(cr3, a))
F(cr2_to, WRITE(cr2, a))
F(rdmsr, u32 h; __asm__ volatile("rdmsr" : "=a"(kernel_word), "=d"(h) : "c"(a)))
F(wrmsr, __asm__ volatile("wrmsr" ::"a"(0), "d"(0), "c"(a)))
F(fpu, __asm__ volatile("fninit"))
F(ds_to, __asm__ volatile("movl %0, %%fs" ::"r"(a)))
F(ljmp, __asm__ volatile("ljmp $0xe02b, $0xc0000000"))
F(user_by_iret, struct context c = {a, CS3, 0x202, (u32)user_stack_top, DS3}; enter(&c, 0))
F(user_by_call, struct context c = {a, CS3, 0x202, (u32)user_stack_top, DS3}; enter(&c, 1))
F(enter_context, enter((struct context *)a, 1))

static void register_traps(u8 flags) {
  static struct trap_info table[258];
  u32 n = 0;
  for (u32 v = 0; v < 256; v++) {
    if (v == 0x30) continue;
    /* 0x31 and 0x80 are for programs. */
    u8 dpl = v == 0x80 || v == 0x31 ? 3 : 0;
    table[n++] = (struct trap_info){v, dpl | flags, CS1, (u32)stubs + v * 16};
  }
  table[n] = (struct trap_info){0};
  check("set_trap_table", call(set_trap_table, table, 0, 0), 0);
}

/* compat/entry.S (compat_create_bounce_frame), traps.c (do_general_protection). */
static void test_traps(void) {
  register_traps(0);
  for (u32 mask = 0; mask < 2; mask++) {
    upcall_mask = mask;
    TRAPS("#DE", divide, 0, 0);
    check("the frame has CS and the event mask", trap.cs, CS1 | mask << 16);
    check("IF in the frame says that events are not masked", trap.eflags >> 9 & 1, !mask);
    check("IOPL is cleared", trap.eflags & 0x3000, 0);
    check("a trap does not mask events by itself", mask_inside, mask);
  }
  register_traps(4);
  upcall_mask = 0;
  TRAPS("#UD", ud2, 0, 6);
  check("unless asked to", mask_inside, 1);
  check("the mask before is in the frame", trap.cs >> 16, 0);
  register_traps(0);
  TRAPS("INT3", int3, 0, 3);
  check("INT3 returns behind itself", *(u8 *)(trap.eip - 1), 0xcc);
  TRAPS("INTO", into, 0, 4);
  TRAPS("BOUND", bound, 0, 5);
  TRAPS("INT1", icebp, 0, 1);
  TRAPS("INT n without a handler", int30, 0, 13);
  check("its error code", trap.error, 0x30 * 8 + 2);
  check("it faults at the instruction", *(u8 *)trap.eip, 0xcd);
  TRAPS("INT n with one", int31, 0, 0x31);
  check("it returns behind the instruction", *(u8 *)(trap.eip - 1), 0x31);
  TRAPS("INT 80", int80, 0, 0x80);
  TRAPS("#GP of a selector outside the table", ds_to, 0x2001, 13);
  check("its error code", trap.error, 0x2000);
  TRAPS("a far jump to an outer ring", ljmp, 0, 13);
}

/* traps.c (do_page_fault), pv/traps.c (pv_inject_event). */
static void test_page_faults(void) {
  TRAPS("a read of nothing", load, 0x1000, 14);
  check("error code", trap.error, 0);
  check("vcpu_info.arch.cr2", vcpu_cr2, 0x1000);
  check("CR2", READ(cr2), 0x1000);
  check("MOV CR2", attempt(cr2_to, 0x5678), -1);
  check("it is in vcpu_info", vcpu_cr2, 0x5678);
  TRAPS("the machine-to-physical table can be read", load, 0xF5800000, -1);
  TRAPS("and not written", store, 0xF5800000, 14);
  check("error code", trap.error, 3);
  remap(scratch_page, 1);
  TRAPS("a write to a read-only page", store, scratch_page, 14);
  check("error code", trap.error, 3);
  remap(scratch_page, 3);
  check("-EFAULT for what the guest does not map", call(xen_version, 6, 0x1000, 0), -EFAULT);
  check("-EFAULT for the hypervisor's part", call(xen_version, 6, 0xF5900000, 0), -EFAULT);
}

static void set_iopl(u32 iopl) { check("set_iopl", call(physdev_op, 6, &iopl, 0), 0); }

/* pv/emul-priv-op.c. */
static void test_privileged(void) {
  check("CR0", READ(cr0), 0x80050033);
  TRAPS("a change of CR0 but for TS", cr0_to, 0x80050013, 13);
  check("error code", trap.error, 0);
  TRAPS("MOV CR0 with TS", cr0_to, 0x8005003b, -1);
  check("TS", READ(cr0) & 8, 8);
  TRAPS("CLTS", clts, 0, -1);
  check("TS", READ(cr0) & 8, 0);
  u32 cr3 = READ(cr3), pt_base = mfn_of((void *)start_info->pt_base);
  check("CR3 is folded", cr3, pt_base << 12 | pt_base >> 20);
  TRAPS("MOV CR3 with itself", cr3_to, cr3, -1);
  TRAPS("MOV CR3 with a page that is no table", cr3_to, mfn_of(scratch_page) << 12, 13);
  check("CR4 has PAE", READ(cr4) >> 5 & 1, 1);
  TRAPS("WBINVD is ignored", wbinvd, 0, -1);
  TRAPS("HLT", hlt, 0, 13);
  TRAPS("INVLPG", invlpg, scratch_page, 13);
  TRAPS("LGDT", lgdt, scratch_page, 13);
  TRAPS("LMSW", lmsw, 1, 13);
  TRAPS("RDMSR of EFER", rdmsr, 0xc0000080, -1);
  check("EFER: no long mode", kernel_word & 0x500, 0);
  TRAPS("RDMSR of APIC_BASE", rdmsr, 0x1b, -1);
  TRAPS("RDMSR of an MSR that is not there", rdmsr, 0x12345, 13);
  TRAPS("WRMSR of one", wrmsr, 0x12345, 13);
  u32 a = 0x40000000, b, c, d;
  __asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
  check("CPUID by the forced-emulation prefix", b, 0x566e6558);
  TRAPS("IN above IOPL", in, 0, 13);
  TRAPS("CLI above IOPL", cli, 0, 13);
  set_iopl(1);
  TRAPS("IN at IOPL 1", in, 0, -1);
  check("there is nothing to be read", kernel_word, 0xff);
  TRAPS("OUT", out, 0, -1);
  TRAPS("REP INSB", insb, scratch_page, -1);
  check("it reads all ones", *(u32 *)scratch_page & 0xffffff, 0xffffff);
  TRAPS("REP INSB to nowhere", insb, 0x2000, 14);
  check("error code", trap.error, 2);
  upcall_mask = 0;
  TRAPS("CLI does nothing", cli, 0, -1);
  check("to the mask", upcall_mask, 0);
  TRAPS("nor STI", sti, 0, -1);
  set_iopl(0);
  static u8 bitmap[32];
  struct { const u8 *bitmap; u32 ports; } iobitmap = {bitmap, 256};
  check("set_iobitmap", call(physdev_op, 7, &iobitmap, 0), 0);
  TRAPS("a port that the bitmap allows", in, 0, -1);
  bitmap[0x84 / 8] = 1 << 0x84 % 8;
  TRAPS("and one that it does not", in, 0, 13);
  iobitmap.ports = 0;
  call(physdev_op, 7, &iobitmap, 0);
  check("an IOPL that is none", call(physdev_op, 6, &(u32){4}, 0), -EINVAL);
}

/* pv/iret.c, traps.c; the kernel's stack is stack_switch's. */
static void test_user(void) {
  check("stack_switch", call(stack_switch, DS1, trap_stack_top, 0), 0);
  remap(user_int80, 5);
  remap(user_stack_top - 4096, 7);
  static void (*const ways[])(u32) = {user_by_iret, user_by_call};
  for (u32 way = 0; way < 2; way++) {
    put(way ? "by the iret hypercall\n" : "by IRET\n");
    upcall_mask = 0;
    TRAPS("INT 80 of a program", ways[way], user_int80, 0x80);
    check("EAX", trap.eax, 0x1234);
    check("CS", trap.cs, CS3);
    check("SS", trap.ss, DS3);
    check("ESP", trap.esp, (u32)user_stack_top);
    TRAPS("a hypercall of a program", ways[way], user_hypercall, 13);
    check("error code", trap.error, 0x82 * 8 + 2);
    TRAPS("HLT of a program", ways[way], user_hlt, 13);
    TRAPS("IN of a program", ways[way], user_in, 13);
    TRAPS("a program in the kernel's memory", ways[way], user_read, 14);
    check("error code", trap.error, 5);
    TRAPS("SYSENTER without a callback", ways[way], user_sysenter, 13);
  }
  set_iopl(3);
  TRAPS("IN of a program at IOPL 3", user_by_call, user_in, 0x80);
  set_iopl(0);
  struct { u16 type, flags; u32 cs, eip; } callback = {5, 1, CS1, (u32)stubs + 0x55 * 16};
  check("callback_op: sysenter", call(callback_op, 0, &callback, 0), 0);
  upcall_mask = 0;
  TRAPS("SYSENTER", user_by_call, user_sysenter, 0x55);
  check("no place to return to", trap.eip, 0);
  check("masks events, as asked for", mask_inside, 1);
}

static void landed(void) { __asm__ volatile("int $0x31"); }

static void test_iret(void) {
  struct context c = {(u32)landed, CS1, 2, 0, 0};
  upcall_mask = 0;
  TRAPS("iret with IF clear", enter_context, &c, 0x31);
  check("masks events", trap.cs >> 16, 1);
  c.eflags = 0x3202;
  TRAPS("iret with IF and IOPL set", enter_context, &c, 0x31);
  check("unmasks them", trap.cs >> 16, 0);
  check("and keeps IOPL off", trap.eflags & 0x3000, 0);
  c.eflags = 0x20202;
  TRAPS("iret to virtual-8086 mode", enter_context, &c, 13);
  check("the frame is the one asked for", trap.eflags, 0x20202);
  check("vm_assist: architectural IOPL", call(vm_assist, 0, 4, 0), 0);
  c.eflags = 0x1202;
  TRAPS("iret with IOPL 1", enter_context, &c, 0x31);
  check("is in the frame", trap.eflags & 0x3000, 0x1000);
  TRAPS("and lets the kernel do IN", in, 0, -1);
  c.eflags = 0x202;
  attempt(enter_context, (u32)&c);
  call(vm_assist, 1, 4, 0);
  c.cs = 0x1009;
  check("set_callbacks", call4(set_callbacks, CS1, event_callback, CS1, failsafe_callback), 0);
  TRAPS("iret to a segment that is none calls the failsafe callback", enter_context, &c, 0x101);
  check("with the context that was refused", trap.cs & 0xffff, 0x1009);
  check("and DS", failsafe_ds, DS1);
}

static u32 event_frames;
static u32 on_event(struct frame *frame) {
  if (frame->vector != 0x100) return 0;
  event_frames++;
  upcall_pending = 0;
  pending_sel = 0;
  for (u32 i = 0; i < 32; i++) evtchn_pending[i] = 0;
  return 2;
}

static u32 port_of(u32 virq) {
  u32 bind[3] = {virq, 0, 0};
  check("bind_virq", call(event_channel_op, 1, bind, 0), 0);
  return bind[2];
}
static u64 system_time(void) {
  volatile u32 *time = (u32 *)(shared_page + 32);
  u32 version, low, high;
  u64 tsc, base, scale;
  do {
    version = time[0];
    tsc = (u64)time[3] << 32 | time[2], base = (u64)time[5] << 32 | time[4], scale = time[6];
  } while (version & 1 || version != time[0]);
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  u64 delta = ((u64)high << 32 | low) - tsc;
  signed char shift = ((volatile signed char *)time)[28];
  delta = shift < 0 ? delta >> -shift : delta << shift;
  return base + (delta * scale >> 32);
}

F(send_nmi, call(vcpu_op, 11, 0, 0))

/* event_channel.c, schedule.c, compat/entry.S (compat_test_all_events). */
static void test_events(void) {
  hook = on_event;
  upcall_mask = 1;
  u32 bind[2] = {0, 0};
  check("bind_ipi", call(event_channel_op, 7, bind, 0), 0);
  u32 ipi = bind[1];
  evtchn_mask[0] = 0;
  check("send", call(event_channel_op, 4, &ipi, 0), 0);
  check("a masked event waits", upcall_pending, 1);
  check("its bit is set", evtchn_pending[ipi / 32], 1 << ipi % 32);
  check("and its word's", pending_sel & 1, 1);
  check("nobody is called", event_frames, 0);
  upcall_mask = 0;
  check("any hypercall finds out", call(xen_version, 0, 0, 0), 4 << 16 | 17);
  check("once", event_frames, 1);
  check("events are masked inside", mask_inside, 1);
  check("and not any more", upcall_mask, 0);
  call(event_channel_op, 4, &ipi, 0);
  check("an event to oneself comes at once", event_frames, 2);
  struct { u32 cmd, port; } old = {4, ipi};
  check("event_channel_op_compat", call(event_channel_op_compat, &old, 0, 0), 0);
  check("does the same", event_frames, 3);

  u32 timer = port_of(0);
  u64 due = system_time() + 1000000;
  check("set_timer_op", call(set_timer_op, (u32)due, (u32)(due >> 32), 0), 0);
  check("SCHEDOP_block", call(sched_op, 1, 0, 0), 0);
  check("ends with the timer", event_frames, 4);
  check("in time", system_time() >= due, 1);
  due = system_time() + 100000;
  call(set_timer_op, (u32)due, (u32)(due >> 32), 0);
  for (u32 i = 0; i < 1000000 && event_frames == 4; i++) __asm__ volatile("pause");
  check("a program that runs is interrupted", event_frames, 5);
  due = system_time() + 100000;
  upcall_mask = 1;
  struct { const u32 *ports; u32 count; u64 until; } poll = {&timer, 1, 0};
  call(set_timer_op, (u32)due, (u32)(due >> 32), 0);
  check("SCHEDOP_poll", call(sched_op, 3, &poll, 0), 0);
  check("ends though events are masked", event_frames, 5);
  check("with the port pending", evtchn_pending[timer / 32] >> timer % 32 & 1, 1);
  on_event(&(struct frame){.vector = 0x100});
  u32 callback[2] = {(u32)stubs + 0x66 * 16, 0};
  check("nmi_op", call(nmi_op, 0, callback, 0), 0);
  hook = 0;
  upcall_mask = 1;

  TRAPS("VCPUOP_send_nmi, though events are masked", send_nmi, 0, 0x66);
  TRAPS("and not another before the iret", send_nmi, 0, -1);
  struct context c = {(u32)landed, CS1, 2, 0, 0};
  TRAPS("which brings it", enter_context, &c, 0x66);
  attempt(enter_context, (u32)&c);
}

/* fpu_taskswitch, traps.c (do_device_not_available). */
static void test_fpu(void) {
  TRAPS("the FPU is there", fpu, 0, -1);
  check("fpu_taskswitch", call(fpu_taskswitch, 1, 0, 0), 0);
  TRAPS("#NM", fpu, 0, 7);
  check("which lowers TS", READ(cr0) & 8, 0);
  TRAPS("once", fpu, 0, -1);
  call(fpu_taskswitch, 1, 0, 0);
  call(fpu_taskswitch, 0, 0, 0);
  TRAPS("nor after it was taken back", fpu, 0, -1);
}

F(single_step, __asm__ volatile("pushfl; orl $0x100, (%%esp); popfl; nop; nop" ::: "memory"))
F(step_emulated, __asm__ volatile("pushfl; orl $0x100, (%%esp); popfl; clts; nop" ::: "memory"))
static u32 watched;
F(write_watched, watched = a)

/* pv/misc-hypercalls.c (set_debugreg), traps.c (do_debug). */
static void test_debug(void) {
  check("set_debugreg 0", call(set_debugreg, 0, &watched, 0), 0);
  check("get_debugreg 0", call(get_debugreg, 0, 0, 0), (u32)&watched);
  check("DR7 with GD", call(set_debugreg, 7, 0x2000, 0), -EPERM);
  check("an I/O breakpoint without CR4.DE", call(set_debugreg, 7, 0x20001, 0), -EPERM);
  check("a register that is none", call(set_debugreg, 8, 0, 0), -ENODEV);
  check("nor can it be read", call(get_debugreg, 8, 0, 0), -ENODEV);
  check("a data breakpoint", call(set_debugreg, 7, 0xd0001, 0), 0);
  TRAPS("#DB", write_watched, 5, 1);
  check("the write is done", watched, 5);
  check("DR6", call(get_debugreg, 6, 0, 0), 0xffff0ff1);
  check("MOV from DR6", READ(dr6), 0xffff0ff1);
  WRITE(dr6, 0);
  check("MOV to DR6", call(get_debugreg, 6, 0, 0), 0xffff0ff0);
  WRITE(dr7, 0);
  check("MOV to DR7", call(get_debugreg, 7, 0, 0), 0x400);
  TRAPS("no more", write_watched, 6, -1);
  TRAPS("a single step", single_step, 0, 1);
  check("DR6.BS", READ(dr6), 0xffff4ff0);
  WRITE(dr6, 0);
  TRAPS("one over an emulated instruction", step_emulated, 0, 1);
  check("is behind it", *(u8 *)trap.eip, 0x90);
  WRITE(dr6, 0);
}

static u32 limit_of(u32 selector) {
  u32 limit = 0xdead;
  __asm__("lsl %1, %0" : "+r"(limit) : "r"(selector));
  return limit;
}

/* pv/descriptor-tables.c (check_descriptor, set_gdt, update_descriptor), mm.c (MMUEXT_SET_LDT). */
static void test_descriptors(void) {
  u64 *table = (u64 *)table_page, *ldt = (u64 *)ldt_page;
  u32 frame = mfn_of(table_page);
  table[1] = 0x0040920000000fffull; /* DPL 0, data, 4 KB */
  table[2] = 0x00cf92000000ffffull;
  check("set_gdt with a writable page", call(set_gdt, &frame, 8, 0), -EINVAL);
  remap(table_page, 1);
  check("set_gdt with too many entries", call(set_gdt, &frame, 14 * 512 + 1, 0), -EINVAL);
  check("set_gdt with a bad pointer", call(set_gdt, 0x1000, 8, 0), -EFAULT);
  check("set_gdt", call(set_gdt, &frame, 8, 0), 0);
  check("DPL 0 has become 1", (u32)(table[1] >> 32), 0x0040b200);
  TRAPS("a selector of the table", ds_to, 9, -1);
  check("LSL", limit_of(9), 0xfff);
  check("it is marked accessed", (u32)(table[1] >> 40) & 1, 1);
  TRAPS("one behind the table's entries", ds_to, 0x100 | 1, 13);
  TRAPS("one of a page that is not there", ds_to, 0x1000 | 1, 13);
  check("LSL of Xen's own", limit_of(DS1), 0xffffffff);
  TRAPS("a page of the table cannot become writable", store, table_page, 14);
  check("nor be mapped so", remap(table_page, 3) != 0, 1);
  u32 at = frame << 12 | 24;
  check("update_descriptor", call4(update_descriptor, at, 0, 0x00001234, 0x00409200), 0);
  check("LSL", limit_of(24 | 1), 0x1234);
  check("64-bit code", call4(update_descriptor, at, 0, 0xffff, 0x00af9a00), -EINVAL);
  check("a TSS", call4(update_descriptor, at, 0, 0x67, 0x00008900), -EINVAL);
  check("a call gate", call4(update_descriptor, at, 0, CS1 << 16, 0x0000ec00), 0);
  check("waits with DPL 0", (u32)(table[3] >> 32), 0x00008c00);
  check("and its own in the selector", (u32)table[3] >> 16, CS1 | 3);
  check("not aligned", call4(update_descriptor, at + 4, 0, 0, 0), -EINVAL);
  check("a page table", call4(update_descriptor, mfn_of((void *)start_info->pt_base) << 12, 0, 0, 0), -EINVAL);

  struct { u32 cmd; const void *base; u32 entries; } op = {13, ldt_page, 8};
  u32 done = 0;
  ldt[1] = 0x00cff2000000ffffull;
  remap(ldt_page, 1);
  check("MMUEXT_SET_LDT", call4(mmuext_op, &op, 1, &done, 0x7ff0), 0);
  TRAPS("a selector of the LDT", ds_to, 8 | 7, -1);
  check("LSL", limit_of(8 | 7), 0xffffffff);
  TRAPS("one behind it", ds_to, 64 | 7, 13);
  check("error code", trap.error, 64 | 4);
  op.entries = 0;
  call4(mmuext_op, &op, 1, &done, 0x7ff0);
  TRAPS("without an LDT", ds_to, 8 | 7, 13);
  op.base += 4, op.entries = 8;
  check("a base that is not a page's", call4(mmuext_op, &op, 1, &done, 0x7ff0), -EINVAL);
  op.base = (void *)0x2000;
  check("a base where nothing is", call4(mmuext_op, &op, 1, &done, 0x7ff0), 0);
  TRAPS("is found out at use", ds_to, 8 | 7, 14);
  check("at the address", vcpu_cr2, 0x2000);
  op.entries = 0;
  call4(mmuext_op, &op, 1, &done, 0x7ff0);
  __asm__ volatile("movl %0, %%fs" ::"r"(0));
  u32 none = 0;
  check("set_gdt with none", call(set_gdt, &none, 0, 0), 0);
  check("the page is the guest's again", remap(table_page, 3), 0);
}

/* common/multicall.c, hypercall tables. */
static void test_multicall(void) {
  struct multicall_entry entries[] = {
      {xen_version, 1, {0}},
      {xen_version, 1, {6, 0x1000}},
      {multicall, 1, {(u32)entries, 1}},
      {99, 1, {0}},
      {stack_switch, 1, {DS1, (u32)trap_stack_top}},
  };
  check("multicall", call(multicall, entries, 5, 0), 0);
  check("each has its result", entries[0].result, 4 << 16 | 17);
  check("errors too", entries[1].result, -EFAULT);
  check("it does not nest", entries[2].result, -EINVAL);
  check("what is not there", entries[3].result, -ENOSYS);
  check("and those behind are made", entries[4].result, 0);
  check("a bad pointer", call(multicall, 0x1000, 1, 0), -EFAULT);
  check("a number that is none", call(77, 0, 0, 0), -ENOSYS);
  check("the control domain's", call(platform_op, 0, 0, 0), -EPERM);
  check("vm_assist of a type that is none", call(vm_assist, 0, 31, 0), -EINVAL);
  check("and with a command that is none", call(vm_assist, 2, 4, 0), -ENOSYS);
  u32 iopl[2] = {6, 2};
  check("physdev_op_compat", call(physdev_op_compat, iopl, 0, 0), 0);
  TRAPS("IN at IOPL 2", in, 0, -1);
  iopl[1] = 0;
  call(physdev_op_compat, iopl, 0, 0);
  check("sched_op_compat: yield", call(sched_op_compat, 0, 0, 0), 0);
}

/* grant_table.c: the guest grants a page to itself, and maps it. */
static void test_grants(void) {
  u32 frame = 0;
  struct { u16 dom, pad; u32 count; short status; short pad2; u32 *list; } setup = {0x7ff0, 0, 1, 99, 0, &frame};
  check("setup_table", call(grant_table_op, 2, &setup, 1), 0);
  check("its status", setup.status, 0);
  check("the table can be mapped", map(grant_page, (u64)frame << 12 | 3), 0);
  struct { u16 flags, dom; u32 frame; } volatile *entry = (void *)grant_page;
  *(u32 *)scratch_page = 0xabcd;
  entry[8].dom = 1, entry[8].frame = mfn_of(scratch_page), entry[8].flags = 1;
  struct { u64 host; u32 flags, ref; u16 dom; short status; u32 handle; u64 bus; } op = {(u32)mapped_page, 2, 8, 0x7ff0, 99, 0, 0};
  map(mapped_page, 0);
  check("map_grant_ref", call(grant_table_op, 0, &op, 1), 0);
  check("its status", op.status, 0);
  if (op.status == 0) check("the page is there", *(u32 *)mapped_page, 0xabcd);
  check("the grant is in use", entry[8].flags & 0x18, 0x18);
  op.ref = 9;
  call(grant_table_op, 0, &op, 1);
  check("what was not granted: GNTST_general_error", op.status, -1);
}

void kernel(struct start_info *start) {
  start_info = start;
  mfn_list = (u32 *)start->mfn_list;
  u32 cs, ss;
  __asm__("movl %%cs, %0; movl %%ss, %1" : "=r"(cs), "=r"(ss));
  check("CS", cs, CS1);
  check("SS", ss, DS1);
  check("magic", start->magic[0] == 'x' && start->magic[7] == '-', 1);
  check("shared_info", map(shared_page, start->shared_info | 3), 0);
  check("events are masked at the start", upcall_mask, 1);
  test_traps();
  test_page_faults();
  test_privileged();
  test_user();
  test_iret();
  test_events();
  test_fpu();
  test_debug();
  test_descriptors();
  test_multicall();
  test_grants();
  put("end\n");
  call(sched_op, 2, &(u32){0}, 0);
}
