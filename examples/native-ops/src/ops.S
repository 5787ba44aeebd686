/*
 * The code answers: i386, regparm(3), one function per op. They run in the guest, at the guest's privilege.
 *
 * An ordinary op may change EAX, EDX, ECX and the flags; a callee-save op only EAX, EDX and the flags. pg_native_… is the
 * function that the guest's table held before; it is weak, because no guest has all of them.
 */
        .text

        .macro  op name
        .globl  native_ops_\name
        .type   native_ops_\name, @function
        .balign 16
native_ops_\name:
        .endm

        .macro  done name
        .size   native_ops_\name, . - native_ops_\name
        .endm

        /* An op that is answered by what was there before: counted on the way, otherwise as it was. */
        .macro  forward name, to
        op      \name
        .weak   \to
        jmp     \to
        done    \name
        .endm

/* cpu */

/* About a microsecond: the POST code port is decoded by nobody (Linux, arch/x86/kernel/io_delay.c, "0x80"). */
op io_delay
        outb    %al, $0x80
        ret
done io_delay

op read_tsc
        rdtsc
        ret
done read_tsc

/* Entered by a jump, with the frame on the stack. */
op iret
        iret
done iret

/* irq */

op save_fl
        pushfl
        popl    %eax
        ret
done save_fl

op restore_fl
        pushl   %eax
        popfl
        ret
done restore_fl

op irq_disable
        cli
        ret
done irq_disable

op irq_enable
        sti
        ret
done irq_enable

/* No interrupt comes between the two: STI holds them off for one instruction (SDM vol. 2, STI). */
op safe_halt
        sti
        hlt
        ret
done safe_halt

/* mmu */

op read_cr3
        movl    %cr3, %eax
        ret
done read_cr3

op write_cr3
        movl    %eax, %cr3
        ret
done write_cr3

/*
 * All translations go, global ones too, when CR4.PGE changes (SDM vol. 3A, 4.10.4.1). Interrupts stay off in between: the
 * kernel's own functions change CR4 as well, and keep a copy of it.
 */
        .set    CR4_PGE, 0x80
op flush_tlb_kernel
        pushfl
        cli
        movl    %cr4, %eax
        testl   $CR4_PGE, %eax
        jz      1f
        movl    %eax, %edx
        andl    $~CR4_PGE, %edx
        movl    %edx, %cr4
        movl    %eax, %cr4
        popfl
        ret
1:      movl    %cr3, %eax
        movl    %eax, %cr3
        popfl
        ret
done flush_tlb_kernel

forward flush_tlb_others, pg_native_mmu_flush_tlb_others
forward flush_tlb_multi, pg_native_mmu_flush_tlb_multi
forward tlb_remove_table, pg_native_mmu_tlb_remove_table

/* lock */

forward queued_spin_lock_slowpath, pg_native_lock_queued_spin_lock_slowpath

/* The locked byte is the lock's first (include/asm-generic/qspinlock_types.h). Callee-save: nothing changes at all. */
op queued_spin_unlock
        movb    $0, (%eax)
        ret
done queued_spin_unlock

/* On bare hardware never. Callee-save: the result is AL. */
op vcpu_is_preempted
        xorl    %eax, %eax
        ret
done vcpu_is_preempted

        .section .note.GNU-stack, "", @progbits
