/*
 * What must be assembly: the first instruction, the ways from Xen into the kernel and back, and the ops that may find any
 * data segment. Those reach their words through SS, which is flat in the kernel always.
 */
#define __ASSEMBLER__ 1
#include "xen-abi.h"

#define UPCALL_PENDING (shared_info + VCPU_UPCALL_PENDING)
#define UPCALL_MASK (shared_info + VCPU_UPCALL_MASK)
#define EFLAGS_IF 0x200
/* Linux's user segments on i386 (asm-i386/segment.h), where SYSEXIT finds them. */
#define USER_CS 0x73
#define USER_DS 0x7B

.macro FUNCTION name
.globl \name
.type \name, @function
.balign 16
\name:
.endm

.text

/* The start of day of a paravirtual guest: ESI start_info, ESP the top of its last page. */
FUNCTION xen_start
        cld
        movl    %esp, %edx
        movl    $stack_top, %esp
        movl    %esi, %eax
        call    begin
        movl    0(%eax), %ebx
        movl    4(%eax), %esi
        movl    8(%eax), %edi
        movl    $0x2BADB002, %eax
        jmp     pg_guest_startup_paging_on

/* hypercall(EAX number, EDX, ECX, three words on the stack) */
FUNCTION hypercall
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    %edx, %ebx
        movl    16(%esp), %edx
        movl    20(%esp), %esi
        movl    24(%esp), %edi
        int     $0x82
        popl    %edi
        popl    %esi
        popl    %ebx
        ret

/* irq */

FUNCTION xen_ops_save_fl
        xorl    %eax, %eax
        cmpb    $0, %ss:UPCALL_MASK
        jne     1f
        movl    $EFLAGS_IF, %eax
1:      ret

FUNCTION xen_ops_restore_fl
        testl   $EFLAGS_IF, %eax
        jnz     xen_ops_irq_enable

FUNCTION xen_ops_irq_disable
        movb    $1, %ss:UPCALL_MASK
        ret

/* What came while events were masked is delivered on the way out of the next hypercall, whichever it is. */
FUNCTION xen_ops_irq_enable
        movb    $0, %ss:UPCALL_MASK
        cmpb    $0, %ss:UPCALL_PENDING
        je      1f
        pushl   %ebx
        movl    $HYPERCALL_xen_version, %eax
        xorl    %ebx, %ebx
        int     $0x82
        popl    %ebx
1:      ret

/* The ways back, jumped to: EIP, CS, EFLAGS and, to a user, ESP and SS are on the stack. */
FUNCTION xen_ops_iret
        pushl   %eax
        movl    $HYPERCALL_iret, %eax
        int     $0x82
        ud2

/* EDX: the user's EIP, ECX: its ESP (Intel SDM vol. 2, SYSEXIT). */
FUNCTION xen_ops_irq_enable_sysexit
        pushl   $USER_DS
        pushl   %ecx
        pushl   $(EFLAGS_IF | 2)
        pushl   $USER_CS
        pushl   %edx
        jmp     xen_ops_iret

.macro FLAT
        movl    $FLAT_RING1_DS, %eax
        movl    %eax, %ds
        movl    %eax, %es
        cld
.endm

/* An event has come; the frame is a trap's, and events are masked. It goes to where interrupts of its line go. */
FUNCTION xen_event
        pushl   $0
        pushl   %eax
        pushl   %ecx
        pushl   %edx
        pushl   %ds
        pushl   %es
        FLAT
        call    next_line
        movl    %eax, 20(%esp)
        popl    %es
        popl    %ds
        popl    %edx
        popl    %ecx
        popl    %eax
        ret

/*
 * #GP: port I/O has no op in this era and ends here, for the kernel is given no I/O privilege. Everything else is the kernel's,
 * with the frame as it came: error code, EIP, CS, EFLAGS.
 */
FUNCTION xen_gp
        pushl   %es
        pushl   %ds
        pushal
        FLAT
        movl    %esp, %eax
        call    port_io
        testl   %eax, %eax
        popal
        popl    %ds
        popl    %es
        jz      1f
        addl    $4, %esp
        jmp     xen_ops_iret
1:      jmp     *%ss:kernel_gp

/* #NM: Xen clears CR0.TS as it delivers it, a processor does not. */
FUNCTION xen_nm
        pushl   %eax
        pushl   %ebx
        movl    $HYPERCALL_fpu_taskswitch, %eax
        movl    $1, %ebx
        int     $0x82
        popl    %ebx
        popl    %eax
        jmp     *%ss:kernel_nm

/* Selectors that cannot be loaded on the way back: DS, ES, FS, GS are above the frame. They become null. */
FUNCTION xen_failsafe
        pushl   %eax
        .macro  RELOAD at, segment
        movl    \at(%esp), %eax
        verr    %ax
        jz      1f
        xorl    %eax, %eax
1:      movl    %eax, %\segment
        .endm
        RELOAD  4, ds
        RELOAD  8, es
        RELOAD  12, fs
        RELOAD  16, gs
        popl    %eax
        addl    $16, %esp
        jmp     xen_ops_iret

.bss
.balign 16
        .skip   4096
stack_top:

.section .note.GNU-stack, "", @progbits
