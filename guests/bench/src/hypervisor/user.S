/*
 * Ring 3: how to get there and back, and the little programs that run there. They are position dependent, in section .user
 * at USER_BASE. EBX is the argument of run_user at entry; system calls take their number in EAX and an argument in EDI.
 */
#include "layout.h"

#define SYS_EXIT 0
#define SYS_ADD 1
#define EFLAGS_ON 0x2

.text
/* u32 run_user(const void *entry, u32 argument): EAX, EDX. */
.globl run_user
.type run_user, @function
run_user:
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl %edx, %ebx
  pushl %eax
  leal 4(%esp), %eax
  movl %eax, user_return_esp
  call set_esp0
  popl %eax
  movl $USER_DS, %edx
  movl %edx, %ds
  movl %edx, %es
  pushl %edx
  pushl $USER_STACK
  pushl $EFLAGS_ON
  pushl $USER_CS
  pushl %eax
  xorl %edi, %edi
  iret

/* void leave_user(u32 value): the system call `exit`; drops the kernel's frames and returns from run_user. */
.globl leave_user
.type leave_user, @function
leave_user:
  movl $KERNEL_DS, %edx
  movl %edx, %ds
  movl %edx, %es
  movl user_return_esp, %esp
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

/* SYSENTER's target: ECX is ring 3's stack, EDX its way back, as SYSEXIT wants them. */
.globl sysenter_entry
.type sysenter_entry, @function
sysenter_entry:
  cld
  pushl %ecx
  pushl %edx
  pushl %es
  pushl %ds
  movl $KERNEL_DS, %ecx
  movl %ecx, %ds
  movl %ecx, %es
  movl %edi, %eax
  call sys_add
  popl %ds
  popl %es
  popl %edx
  popl %ecx
  sysexit

.bss
.balign 4
user_return_esp: .skip 4

.section .user, "ax"
/* EBX system calls by INT 80h. */
.globl user_syscalls
user_syscalls:
1:
  movl $SYS_ADD, %eax
  int $VECTOR_SYSCALL
  movl %eax, %edi
  decl %ebx
  jnz 1b
  jmp user_exit

/* EBX system calls by SYSENTER. */
.globl user_sysenters
user_sysenters:
1:
  movl %esp, %ecx
  movl $2f, %edx
  sysenter
2:
  movl %eax, %edi
  decl %ebx
  jnz 1b
  jmp user_exit

/* EBX privileged instructions, which someone else must make good: CLI is #GP(0) here. */
.globl user_privileged
user_privileged:
1:
  cli
  incl %edi
  decl %ebx
  jnz 1b
  jmp user_exit

/* EBX times a write to one of 16 pages, of which only one is there at a time. */
.globl user_touches
user_touches:
  xorl %esi, %esi
1:
  movl %esi, %eax
  andl $15, %eax
  shll $12, %eax
  movl %esi, USER_DATA + PAGE_SIZE(%eax)
  addl %esi, %edi
  incl %esi
  decl %ebx
  jnz 1b

user_exit:
  movl $SYS_EXIT, %eax
  int $VECTOR_SYSCALL
