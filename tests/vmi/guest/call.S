/*
 * Calling a ROM with every register known before and looked at after. The calls that may rely on CS and SS alone are made
 * with null in the other segment registers, so everything here goes through SS.
 */
    .text

/* The stack and registers as `pushed`, `words` and `in` say; the guest's own stack stays in saved_stack. */
    .macro to_rom
    pushal
    movl %esp, saved_stack
    movl pushed, %ecx
1:  testl %ecx, %ecx
    jz 2f
    decl %ecx
    pushl words(,%ecx,4)
    jmp 1b
2:  movl %esp, esp_before
    movl in_segments, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    pushl %ss:in_eflags
    popfl
    movl %ss:in, %eax
    movl %ss:in + 4, %ecx
    movl %ss:in + 8, %edx
    movl %ss:in + 12, %ebx
    movl %ss:in + 20, %ebp
    movl %ss:in + 24, %esi
    movl %ss:in + 28, %edi
    .endm

/* Registers and flags to `out`, and the stack as it was before the ROM had it. */
    .macro from_rom
    movl %eax, %ss:out
    movl %ecx, %ss:out + 4
    movl %edx, %ss:out + 8
    movl %ebx, %ss:out + 12
    movl %esp, %ss:out + 16
    movl %ebp, %ss:out + 20
    movl %esi, %ss:out + 24
    movl %edi, %ss:out + 28
    movl %ss:esp_before, %esp
    pushfl
    popl %ss:out_eflags
    .endm

/* void call_rom(void): `in` to the registers, calls in_target; the registers to `out`. `pushed` words from `words` on the stack. */
    .globl call_rom
call_rom:
    to_rom
    call *%ss:in_target
    from_rom
    movl %ds, %eax
    movl %eax, %ss:out_segments
    movl %es, %eax
    movl %eax, %ss:out_segments + 4
    movl %fs, %eax
    movl %eax, %ss:out_segments + 8
    movl %gs, %eax
    movl %eax, %ss:out_segments + 12
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    /* The words above those that were arguments are the caller's. */
    movl pushed, %ecx
    xorl %edx, %edx
3:  cmpl %edx, %ecx
    jbe 4f
    movl (%esp,%edx,4), %eax
    movl %eax, words_after(,%edx,4)
    incl %edx
    jmp 3b
4:  movl saved_stack, %esp
    cld
    popal
    ret

/*
 * void return_by_rom(void): the ROM's IRET or SYSEXIT with the registers of `in` and `pushed` words (the frame) on the stack;
 * by a jump or, when `by_call` is set, a call. Where it leads to is to end in kernel_landing or in a trap.
 */
    .globl return_by_rom, kernel_landing, user_landing
return_by_rom:
    to_rom
    /* No flag may change on the way: which of the two it is was decided by the address. */
    jmp *%ss:in_jump
    .globl jump_there, call_there
jump_there:
    jmp *%ss:in_target
call_there:
    call *%ss:in_target
kernel_landing:
    from_rom
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl saved_stack, %esp
    cli
    cld
    popal
    ret

/* In ring 3: straight back, by the gate of vector 40h. */
user_landing:
    int $0x40

/* A hardware interrupt: counted, and its line acknowledged. */
    .globl interrupt_entry, local_interrupt_entry
interrupt_entry:
    pushl %eax
    incl %ss:interrupts
    movb $0x20, %al
    outb %al, $0x20
    popl %eax
    iret
local_interrupt_entry:
    incl %ss:local_interrupts
    movl $0, %ss:APIC_VA + 0xB0
    iret

    .bss
    .align 4
    .globl in, in_eflags, in_segments, in_target, in_jump, words, words_after, pushed, out, out_eflags, out_segments, esp_before
    .globl interrupts, local_interrupts
in: .skip 32
in_eflags: .skip 4
in_segments: .skip 4
in_target: .skip 4
in_jump: .skip 4
words: .skip 64
words_after: .skip 64
pushed: .skip 4
out: .skip 32
out_eflags: .skip 4
out_segments: .skip 16
esp_before: .skip 4
saved_stack: .skip 4
interrupts: .skip 4
local_interrupts: .skip 4

    .section .note.GNU-stack, "", @progbits
