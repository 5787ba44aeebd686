/*
 * The guest's side of the interface: code that runs in the guest, in place of its own. The numbers are src/abi.ts's; the
 * assembler gets them as HYPERCALL_…
 *
 * Conventions of the table: arguments in EAX, EDX, ECX, then on the stack; the result in EAX or EDX:EAX; these three registers
 * and the flags may change, and nothing else. C is as good: gcc -m32 -mregparm=3 -ffreestanding -fno-pic -c.
 */
        .text

/* The call's argument is in EDX; the op's first is in EAX, and makes room for the number. */
        .macro  op name, call
        .globl  hv_\name
        .type   hv_\name, @function
        .balign 16
hv_\name:
        movl    %eax, %edx
        movl    $HYPERCALL_\call, %eax
        vmcall
        ret
        .size   hv_\name, . - hv_\name
        .endm

/* unsigned long long sched_clock(void) */
        op      sched_clock, uptime
/* void safe_halt(void): interrupts on and sleep, without a gap between the two in which one could be missed */
        op      safe_halt, idle
/* void flush_tlb_one_user(unsigned long addr) */
        op      flush_tlb_one_user, flushPage

        .section .note.GNU-stack, "", @progbits
