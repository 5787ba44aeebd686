/*
 * Start of the processor test kernels, and what they need in assembler: trap stubs, attempts that come back when they
 * trap, rings 3 and virtual-8086 mode. Multiboot 0.6.96; loaded at 1 MB, flat, paging off.
 */
    .section .multiboot, "a"
    .align 4
    .long 0x1badb002, 0, -0x1badb002

    .text
    .globl _start, attempt, recover, enter_user, enter_v86, load_gdt, switch_segments
_start:
    movl $boot_stack_top, %esp
    xorl %ebp, %ebp
    pushl $0
    popfl
    call init
    call main
    call finish
1:  hlt
    jmp 1b

/* int attempt(void (*f)(u32), u32 argument): -1, or the vector of the trap that ended it. */
attempt:
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl %ebp
    pushfl
    movl 24(%esp), %eax
    movl 28(%esp), %edx
    movl %esp, saved_esp
    pushl %edx
    call *%eax
    movl $-1, %ss:trap_vector
recover:
    movl $0x10, %eax
    movl %eax, %ss
    movl %ss:saved_esp, %esp
    movl %eax, %ds
    movl %eax, %es
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl trap_vector, %eax
    cld
    popfl
    popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    ret

/* void enter_user(u32 eip): to ring 3 with flat segments; it comes back by a trap. */
enter_user:
    movl 4(%esp), %eax
    movl $0x23, %edx
    movl %edx, %ds
    movl %edx, %es
    pushl $0x23
    pushl $user_stack_top
    pushl user_eflags
    pushl $0x1b
    pushl %eax
    iret

/* void enter_v86(u32 cs:ip packed): to virtual-8086 mode with every segment as CS. */
enter_v86:
    movl 4(%esp), %eax
    movl %eax, %edx
    shrl $16, %edx
    andl $0xffff, %eax
    pushl %edx
    pushl %edx
    pushl %edx
    pushl %edx
    pushl %edx
    pushl $0xf000
    pushl user_eflags
    orl $0x20000, (%esp)
    pushl %edx
    pushl %eax
    iret

switch_segments:
    ljmp $8, $1f
1:  movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    ret

/* Trap stubs, 16 bytes each: error code (or 0), vector, and on to the common part. */
    .align 16
    .globl stubs
stubs:
    .set vector, 0
    .rept 256
    .align 16
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
    nop
    nop
    .else
    pushl $0
    .endif
    pushl $vector
    jmp common
    .set vector, vector + 1
    .endr
common:
    pushal
    pushl %ds
    pushl %es
    pushl %fs
    pushl %gs
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    cld
    pushl %esp
    call on_trap
    addl $4, %esp
    testl %eax, %eax
    jz recover
    popl %gs
    popl %fs
    popl %es
    popl %ds
    popal
    addl $8, %esp
    iret

    .bss
    .align 16
    .skip 0x4000
    .globl boot_stack_top, ring0_stack_top, user_stack_top, df_stack_top
boot_stack_top:
    .skip 0x2000
ring0_stack_top:
    .skip 0x2000
user_stack_top:
    .skip 0x2000
df_stack_top:
saved_esp:
    .skip 4
    .globl trap_vector, saved_esp
trap_vector:
    .skip 4

    .section .note.GNU-stack, "", @progbits
