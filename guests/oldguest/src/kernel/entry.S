/*
 * Into the kernel and out of it.
 *
 * Every stub leaves a struct pt_regs (trap.h) and calls do_trap. DS and ES get the user's data segment, which any ring may
 * load; SS and CS came from the TSS and the gate. The way out is the iret op, with interrupts off.
 */
#include "layout.h"

.macro PV_JMP slot
771: jmp *paravirt_ops + 4 * \slot
772:
.pushsection .parainstructions, "a"
.long 771b
.byte \slot, 772b - 771b
.short 0
.popsection
.endm

.macro SAVE_ALL
  cld
  pushl %es
  pushl %ds
  pushl %eax
  pushl %ebp
  pushl %edi
  pushl %esi
  pushl %edx
  pushl %ecx
  pushl %ebx
  movl $USER_DS, %edx
  movl %edx, %ds
  movl %edx, %es
.endm

.macro STUB vector, has_error
  .balign 16
  .if !\has_error
  pushl $0
  .endif
  pushl $\vector
  jmp trap_common
.endm

.text
.globl exception_entries, irq_entries, syscall_entry, spurious_entry, sysenter_entry

.balign 16
exception_entries:
.set n, 0
.rept 32
  /* #DF #TS #NP #SS #GP #PF #AC push an error code (SDM vol. 3, table 6-1). */
  .if n == 8 || n == 10 || n == 11 || n == 12 || n == 13 || n == 14 || n == 17
  STUB n, 1
  .else
  STUB n, 0
  .endif
  .set n, n + 1
.endr

.balign 16
irq_entries:
.set n, 0x20
.rept 16
  STUB n, 0
  .set n, n + 1
.endr

syscall_entry: STUB VECTOR_SYSCALL, 0
spurious_entry: STUB VECTOR_SPURIOUS, 0

.balign 16
trap_common:
  SAVE_ALL
  movl %esp, %eax
  call do_trap

.globl ret_from_trap
ret_from_trap:
  movl %esp, %eax
  call prepare_return
  popl %ebx
  popl %ecx
  popl %edx
  popl %esi
  popl %edi
  popl %ebp
  popl %eax
  popl %ds
  popl %es
  addl $8, %esp
  PV_JMP SLOT_iret

/* A new process starts here, its registers on its stack, out of the middle of a schedule(). */
.globl ret_from_fork
ret_from_fork:
  call schedule_tail
  jmp ret_from_trap

/*
 * SYSENTER: EDX is the user's return address and ECX its stack, as SYSEXIT wants them. ESP points at the TSS (sysenter_init),
 * whose second word is the kernel stack.
 */
.balign 16
sysenter_entry:
  movl 4(%esp), %esp
  pushl $USER_DS
  pushl %ecx
  pushl $0x202
  pushl $USER_CS
  pushl %edx
  pushl $0
  pushl $VECTOR_SYSCALL
  SAVE_ALL
  movl %esp, %eax
  call do_trap
  movl %esp, %eax
  call prepare_return
  popl %ebx
  addl $8, %esp
  popl %esi
  popl %edi
  popl %ebp
  popl %eax
  popl %ds
  popl %es
  movl 8(%esp), %edx  /* eip */
  movl 20(%esp), %ecx /* esp */
  PV_JMP SLOT_irq_enable_sysexit

/* switch_to(EAX: where to keep our stack pointer, EDX: the next one). */
.globl switch_to
.type switch_to, @function
switch_to:
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl %esp, (%eax)
  movl %edx, %esp
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

/* trial(EAX: function, EDX: its argument): the function's return, or a fault that comes to trial_resume. */
.globl trial, trial_resume
.type trial, @function
trial:
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl %esp, trial_esp
  movl $0, trial_fault
  movl $1, trial_active
  movl %eax, %ecx
  movl %edx, %eax
  call *%ecx
trial_resume:
  movl trial_esp, %esp
  movl $0, trial_active
  movl trial_fault, %eax
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

/* iret_to_self(EAX: flags): an interrupt return from the kernel to the kernel. */
.globl iret_to_self
.type iret_to_self, @function
iret_to_self:
  pushl %eax
  movl paravirt_ops, %edx /* kernel_rpl */
  orl $KERNEL_CS, %edx
  pushl %edx
  pushl $1f
  PV_JMP SLOT_iret
1:
  ret

.bss
.globl trial_esp, trial_active, trial_fault
.balign 4
trial_esp: .skip 4
trial_active: .skip 4
trial_fault: .skip 4
