/* Entry, trap stubs and callbacks of the paravirtual test kernel. Numbers are those of xen/include/public. */
#define VIRT_BASE 0xC0000000

.macro note type, format, value:vararg
  .long 4, 2f - 1f, \type
  .asciz "Xen"
1: \format \value
2: .p2align 2
.endm

.section .note.Xen, "a", @note
  note 5, .asciz, "xen-3.0"
  note 6, .asciz, "paragraft-test"
  note 8, .asciz, "generic"
  note 9, .asciz, "yes"
  note 3, .long, VIRT_BASE
  note 4, .long, VIRT_BASE
  note 1, .long, _start
  note 2, .long, hypercall_page

.text
.globl _start
_start:
  cld
  movl $boot_stack_top, %esp
  pushl %esi
  call kernel
1: jmp 1b

/* int attempt(void (*f)(u32), u32 argument): calls f, and returns -1, or the vector of the trap that ended it. */
.globl attempt
attempt:
  pushl %ebp; pushl %ebx; pushl %esi; pushl %edi
  pushl resume_esp
  movl %esp, resume_esp
  pushl 28(%esp)
  call *28(%esp)
  movl $-1, %eax
  jmp 1f
.globl attempt_ended
attempt_ended:            /* The vector is in EAX. */
  movl resume_esp, %esp
  movl $0xe021, %ecx
  movl %ecx, %ds
  movl %ecx, %es
1: movl resume_esp, %esp
  popl resume_esp
  popl %edi; popl %esi; popl %ebx; popl %ebp
  ret

.altmacro
.macro stub n
  .p2align 4
  .if (\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17)
  .else
  pushl $0
  .endif
  pushl $\n
  jmp common
.endm
.p2align 4
.globl stubs
stubs:
.set i, 0
.rept 256
  stub %i
  .set i, i + 1
.endr
.p2align 4
common:
  pushal
  pushl %ds; pushl %es; pushl %fs; pushl %gs
  movl $0xe021, %eax
  movl %eax, %ds
  movl %eax, %es
  pushl %esp
  call on_trap            /* Comes back when the guest is to go on; EAX says how. */
  addl $4, %esp
  movl %eax, return_way
  popl %gs; popl %fs; popl %es; popl %ds
  popal
  addl $8, %esp
  cmpl $0, %cs:return_way
  jne 1f
  iret
1: jmp hypercall_page + 23 * 32

.globl event_callback
event_callback:
  pushl $0
  pushl $0x100
  jmp common
.globl failsafe_callback
failsafe_callback:        /* DS, ES, FS, GS below EIP. */
  popl failsafe_ds; popl failsafe_es; popl failsafe_fs; popl failsafe_gs
  pushl $0
  pushl $0x101
  jmp common

/* void enter(struct context *, way): an IRET frame from { eip, cs, eflags, esp, ss }, by instruction (0) or hypercall. */
.globl enter
enter:
  movl 4(%esp), %eax
  movl 8(%esp), %edx
  pushl 16(%eax); pushl 12(%eax); pushl 8(%eax); pushl 4(%eax); pushl (%eax)
  testl %edx, %edx
  jne 1f
  iret
1: jmp hypercall_page + 23 * 32

/* Programs of ring 3, in a page of their own. */
.section .user, "ax"
.globl user_int80, user_hypercall, user_in, user_hlt, user_read, user_sysenter
user_int80: movl $0x1234, %eax; int $0x80
user_hypercall: movl $17, %eax; xorl %ebx, %ebx; int $0x82; int $0x80
user_in: inb $0x84, %al; int $0x80
user_hlt: hlt
user_read: movl $0xe033, %eax; movl %eax, %ds; movl kernel_word, %eax; int $0x80
user_sysenter: sysenter

.section .note.GNU-stack, "", @progbits

.bss
.p2align 12
.globl hypercall_page, shared_page, table_page, ldt_page, scratch_page, user_stack_top, trap_stack_top, boot_stack_top, grant_page, mapped_page
hypercall_page: .skip 4096
shared_page: .skip 4096
table_page: .skip 4096
ldt_page: .skip 4096
scratch_page: .skip 4096
grant_page: .skip 4096
mapped_page: .skip 4096
.skip 8192
user_stack_top:
.skip 8192
trap_stack_top:
.skip 16384
boot_stack_top:
.globl resume_esp, failsafe_ds, failsafe_es, failsafe_fs, failsafe_gs
resume_esp: .long 0
return_way: .long 0
failsafe_ds: .long 0
failsafe_es: .long 0
failsafe_fs: .long 0
failsafe_gs: .long 0
.globl kernel_word
kernel_word: .long 0
