/*
 * The guest's half: how an old kernel (ops ABI 1.3, Linux 2.6.23) begins as a guest, and what it does in place of what only
 * ring 0 may. All of it runs in the guest, in ring 1. The numbers are src/abi.ts's.
 *
 * Conventions of the table: regparm(3), EAX EDX ECX and then the stack, popped by the caller; these three and the flags may
 * change. A kernel that is on its way out to a program has the program's DS already: the interrupt ops and iret reach memory by
 * way of SS.
 */
        .set    X86_EFLAGS_IF, 0x200
        .set    CR0_TS, 8
        .set    CR0_AT_START, 0x80050033        /* PG, AM, WP, NE, ET, MP, PE */
        .set    GATE_INTERRUPT, 0x8E
        .set    ENTRY_STUB_BYTES, 16
        .set    GDT_ENTRY_TLS_MIN, 6
        .set    TLS_ENTRIES, 3
        .set    LAZY_FLUSH, 3
        .set    TICK_NS, 10000000
        .set    NS_PER_SECOND, 1000000000

        .text

        .macro  op name
        .globl  lguest_\name
        .type   lguest_\name, @function
        .balign 16
lguest_\name:
        .endm

        .macro  done name
        .size   lguest_\name, . - lguest_\name
        .endm

        .macro  hcall name
        movl    $CALL_\name, %eax
        vmcall
        .endm

/* Calls that the kernel's linear map says physical addresses to: EBX, from a linear one in `from`. */
        .macro  physical from
        leal    -PAGE_OFFSET(\from), %ebx
        .endm

/*
 * The way in: entered in ring 1 with paging on, the linear map in place, and registers as the kernel's second entry wants
 * them; ECX has the page directory, as the kernel will be told that CR3 has it. There is no stack yet.
 */
        .globl  lguest_entry
        .type   lguest_entry, @function
lguest_entry:
        movl    %ecx, current_cr3
        movl    %eax, %ebp
        movl    %ebx, %edx
        movl    $lguest_data - PAGE_OFFSET, %ebx
        movl    $PAGE_OFFSET, %ecx
        hcall   lguestInit
        movl    %ebp, %eax
        movl    %edx, %ebx
        jmp     pg_guest_startup_paging_on
        .size   lguest_entry, . - lguest_entry

/*
 * A call that may wait: EAX, EBX, ECX, EDX. Outside of a batch, and when the ring is full, it is made at once. Interrupts stay
 * out while a place is being filled, for their handlers may have calls of their own.
 */
        .type   lazy_hcall, @function
lazy_hcall:
        cmpl    $0, lazy_mode
        je      2f
        pushl   %esi
        pushl   %edi
        pushl   lguest_data + DATA_irqEnabled
        movl    $0, lguest_data + DATA_irqEnabled
        movl    next_place, %esi
        cmpb    $RING_FREE, lguest_data + DATA_ringStatus(%esi)
        jne     1f
        movl    %esi, %edi
        shll    $4, %edi
        movl    %eax, lguest_data + DATA_ring(%edi)
        movl    %ebx, lguest_data + DATA_ring + 4(%edi)
        movl    %ecx, lguest_data + DATA_ring + 8(%edi)
        movl    %edx, lguest_data + DATA_ring + 12(%edi)
        movb    $0, lguest_data + DATA_ringStatus(%esi)
        incl    %esi
        andl    $RING_SIZE - 1, %esi
        movl    %esi, next_place
        popl    lguest_data + DATA_irqEnabled
        popl    %edi
        popl    %esi
        ret
1:      popl    lguest_data + DATA_irqEnabled
        popl    %edi
        popl    %esi
2:      vmcall
        ret
        .size   lazy_hcall, . - lazy_hcall

        .macro  lazy name
        movl    $CALL_\name, %eax
        call    lazy_hcall
        .endm

/* 0 none, 1 MMU, 2 CPU; 3 says that what waits is wanted now, and the batch goes on. */
op set_lazy_mode
        cmpl    $LAZY_FLUSH, %eax
        je      1f
        movl    %eax, lazy_mode
1:      hcall   flushAsync
        ret
done set_lazy_mode

/* Interrupts. The flag is a word of memory: neither of its ways costs an exit, unless something waits. */

op save_fl
        movl    %ss:lguest_data + DATA_irqEnabled, %eax
        ret
done save_fl

op restore_fl
        andl    $X86_EFLAGS_IF, %eax
        movl    %eax, %ss:lguest_data + DATA_irqEnabled
        jnz     send_waiting
        ret
done restore_fl

op irq_disable
        movl    $0, %ss:lguest_data + DATA_irqEnabled
        ret
done irq_disable

op irq_enable
        movl    $X86_EFLAGS_IF, %ss:lguest_data + DATA_irqEnabled
send_waiting:
        movl    %ss:lguest_data + DATA_blockedInterrupts, %eax
        notl    %eax
        testl   %eax, %ss:lguest_data + DATA_irqPending
        jz      1f
        hcall   sendInterrupts
1:      ret
done irq_enable

/* The host sees the flag and the halt together: nothing can slip in between. */
op safe_halt
        movl    $X86_EFLAGS_IF, %ss:lguest_data + DATA_irqEnabled
        hcall   halt
        ret
done safe_halt

op halt
        hcall   halt
        ret
done halt

/* EIP, CS, EFLAGS on the stack. The processor lets ring 1 set no IF; the word takes it from the frame. */
op iret
        pushl   %eax
        movl    12(%esp), %eax
        andl    $X86_EFLAGS_IF, %eax
        movl    %eax, %ss:lguest_data + DATA_irqEnabled
        jz      1f
        call    send_waiting
1:      popl    %eax
        iret
done iret

/* The interrupt controller: a bit of a word. */
        .type   mask_irq, @function
mask_irq:
        btsl    %eax, lguest_data + DATA_blockedInterrupts
        ret
        .type   unmask_irq, @function
unmask_irq:
        btrl    %eax, lguest_data + DATA_blockedInterrupts
        cmpl    $0, lguest_data + DATA_irqEnabled
        jne     send_waiting
        ret
        .type   ack_irq, @function
ack_irq:
        btsl    %eax, lguest_data + DATA_blockedInterrupts
        xorl    %eax, %eax
        ret

op init_IRQ
        movl    $irq_chip, pg_guest_irq_chip
        pushl   %ebx
        xorl    %ebx, %ebx
1:      leal    FIRST_VECTOR(%ebx), %eax
        movl    $GATE_INTERRUPT, %edx
        movl    %ebx, %ecx
        imull   $ENTRY_STUB_BYTES, %ecx
        addl    $pg_guest_irq_entries, %ecx
        call    pg_guest_set_gate
        incl    %ebx
        cmpl    $IRQS, %ebx
        jb      1b
        popl    %ebx
        ret
done init_IRQ

/* Time */

op time_init
        movl    lguest_data + DATA_tscKhz, %eax
        movl    %eax, pg_guest_cpu_khz
        movl    $IRQ_CLOCK, %eax
        movl    $pg_guest_timer_interrupt, %edx
        call    pg_guest_setup_irq
        pushl   %ebx
        movl    $TICK_NS, %ebx
        hcall   setClockEvent
        popl    %ebx
        ret
done time_init

op get_cpu_khz
        movl    lguest_data + DATA_tscKhz, %eax
        ret
done get_cpu_khz

op get_wallclock
        movl    lguest_data + DATA_timeSeconds, %eax
        ret
done get_wallclock

/* The time of day is the host's: refused. */
op set_wallclock
        movl    $-1, %eax
        ret
done set_wallclock

/* Nanoseconds since 1970, read again when the second has changed meanwhile. */
op sched_clock
1:      movl    lguest_data + DATA_timeSeconds, %ecx
        movl    $NS_PER_SECOND, %eax
        mull    %ecx
        addl    lguest_data + DATA_timeNanoseconds, %eax
        adcl    $0, %edx
        cmpl    %ecx, lguest_data + DATA_timeSeconds
        jne     1b
        ret
done sched_clock

op banner
        pushl   %ebx
        movl    $banner_text, %ebx
        movl    $banner_end - banner_text, %ecx
        hcall   notify
        popl    %ebx
        ret
done banner

/* Control registers: what the guest may know of them is kept here. */

op read_cr0
        movl    current_cr0, %eax
        ret
done read_cr0

op write_cr0
        movl    %eax, current_cr0
        pushl   %ebx
        movl    %eax, %ebx
        andl    $CR0_TS, %ebx
        lazy    ts
        popl    %ebx
        ret
done write_cr0

op clts
        andl    $~CR0_TS, current_cr0
        pushl   %ebx
        xorl    %ebx, %ebx
        lazy    ts
        popl    %ebx
        ret
done clts

op read_cr2
        movl    lguest_data + DATA_cr2, %eax
        ret
done read_cr2

op write_cr2
        movl    %eax, lguest_data + DATA_cr2
        ret
done write_cr2

op read_cr3
        movl    current_cr3, %eax
        ret
done read_cr3

op write_cr3
        movl    %eax, current_cr3
        movl    $1, cr3_changed
        pushl   %ebx
        movl    %eax, %ebx
        lazy    newPageTable
        popl    %ebx
        ret
done write_cr3

/* Nothing of CR4 is the guest's: no feature that it would switch on there is shown. */
op read_cr4
        xorl    %eax, %eax
        ret
done read_cr4

op get_debugreg
        pushl   %ebx
        movl    %eax, %ebx
        hcall   getDebug
        popl    %ebx
        ret
done get_debugreg

op set_debugreg
        pushl   %ebx
        movl    %eax, %ebx
        movl    %edx, %ecx
        hcall   setDebug
        popl    %ebx
        ret
done set_debugreg

/* (level, where EFLAGS has it): the real IOPL is 0, and the host asks this one when a program's I/O has faulted. */
op set_iopl_mask
        pushl   %ebx
        movl    %eax, %ebx
        shrl    $12, %ebx
        lazy    setIopl
        popl    %ebx
        ret
done set_iopl_mask

/* What a guest need not do: caches, the task register, CR4, delays for devices that need none. */
op nothing
        ret
done nothing

/* Descriptor tables: the host has copies, which are what counts. The kernel's own are kept as it knows them. */

/* (descriptor): 16 bits of limit, 32 of address */
op load_gdt
        movl    2(%eax), %edx
        movl    %edx, gdt_descriptor + 2
        movzwl  (%eax), %ecx
        movw    %cx, gdt_descriptor
        incl    %ecx
        shrl    $3, %ecx
        pushl   %ebx
        movl    %edx, %ebx
        hcall   loadGdt
        popl    %ebx
        ret
done load_gdt

op load_idt
        movl    2(%eax), %edx
        movl    %edx, idt_descriptor + 2
        movzwl  (%eax), %ecx
        movw    %cx, idt_descriptor
        incl    %ecx
        shrl    $3, %ecx
        pushl   %ebx
        movl    %edx, %ebx
        hcall   loadIdt
        popl    %ebx
        ret
done load_idt

op store_gdt
        movl    gdt_descriptor, %ecx
        movl    %ecx, (%eax)
        movw    gdt_descriptor + 4, %cx
        movw    %cx, 4(%eax)
        ret
done store_gdt

op store_idt
        movl    idt_descriptor, %ecx
        movl    %ecx, (%eax)
        movw    idt_descriptor + 4, %cx
        movw    %cx, 4(%eax)
        ret
done store_idt

/* (table, entries) */
op set_ldt
        movl    %eax, current_ldt
        pushl   %ebx
        movl    %eax, %ebx
        movl    %edx, %ecx
        lazy    setLdt
        popl    %ebx
        ret
done set_ldt

/* (table, number, low, high on the stack): into the table, and to the host if that is the one it has. */
        .macro  write_entry name, current, call
op \name
        pushl   %ebx
        leal    (%eax,%edx,8), %ebx
        movl    %ecx, (%ebx)
        pushl   %eax
        movl    12(%esp), %eax
        movl    %eax, 4(%ebx)
        popl    %eax
        cmpl    %eax, \current
        jne     1f
        movl    %edx, %ebx
        movl    8(%esp), %edx
        lazy    \call
1:      popl    %ebx
        ret
done \name
        .endm

        write_entry write_gdt_entry, gdt_descriptor + 2, loadGdtEntry
        write_entry write_idt_entry, idt_descriptor + 2, loadIdtEntry
        write_entry write_ldt_entry, current_ldt, loadLdtEntry

/* (thread, cpu): its three descriptors come behind its stack pointer. */
op load_tls
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        leal    4(%eax), %esi
        movl    $GDT_ENTRY_TLS_MIN, %edi
1:      movl    gdt_descriptor + 2, %ebx
        leal    (%ebx,%edi,8), %ebx
        movl    (%esi), %ecx
        movl    4(%esi), %edx
        movl    %ecx, (%ebx)
        movl    %edx, 4(%ebx)
        movl    %edi, %ebx
        lazy    loadGdtEntry
        addl    $8, %esi
        incl    %edi
        cmpl    $GDT_ENTRY_TLS_MIN + TLS_ENTRIES, %edi
        jb      1b
        popl    %edi
        popl    %esi
        popl    %ebx
        ret
done load_tls

/* (tss, thread): the thread's stack pointer comes first. */
op load_esp0
        pushl   %ebx
        movl    (%edx), %ecx
        movl    %ss, %ebx
        lazy    setStack
        popl    %ebx
        ret
done load_esp0

/* Page tables: the kernel writes its own, and the host, which has shadows of them, is told. */

op flush_tlb_user
        pushl   %ebx
        xorl    %ebx, %ebx
        lazy    flushTlb
        popl    %ebx
        ret
done flush_tlb_user

op flush_tlb_kernel
        pushl   %ebx
        movl    $1, %ebx
        lazy    flushTlb
        popl    %ebx
        ret
done flush_tlb_kernel

/* (address) */
op flush_tlb_single
        pushl   %ebx
        movl    %eax, %ecx
        movl    current_cr3, %ebx
        lazy    setPte
        popl    %ebx
        ret
done flush_tlb_single

/* (entry, low, high): in whose tables it is, nobody says. Until the first change of tables it does not matter. */
op set_pte
        movl    %edx, (%eax)
        cmpl    $0, cr3_changed
        jne     lguest_flush_tlb_kernel
        ret
done set_pte

/* (mm, address, entry, low and high on the stack). The directory is the first word of an mm. */
op set_pte_at
        pushl   %ebx
        movl    8(%esp), %ebx
        movl    %ebx, (%ecx)
1:      movl    (%eax), %ebx
        physical %ebx
        movl    %edx, %ecx
        lazy    setPte
        popl    %ebx
        ret
done set_pte_at

/* (mm, address, entry): it is in place already. */
op pte_update
        pushl   %ebx
        jmp     1b
done pte_update

op pte_clear
        movl    $0, (%ecx)
        pushl   %ebx
        jmp     1b
done pte_clear

/* (entry, low, high): where the entry is says which directory, and which of its entries. */
op set_pmd
        movl    %edx, (%eax)
2:      pushl   %ebx
        movl    %eax, %ebx
        andl    $~0xFFF, %ebx
        physical %ebx
        movl    %eax, %ecx
        andl    $0xFFF, %ecx
        shrl    $2, %ecx
        lazy    setPgd
        popl    %ebx
        ret
done set_pmd

op pmd_clear
        movl    $0, (%eax)
        jmp     2b
done pmd_clear

/* (mm) */
op exit_mmap
        pushl   %ebx
        movl    (%eax), %ebx
        physical %ebx
        lazy    dropPageTable
        popl    %ebx
        ret
done exit_mmap

        .section .rodata
        .globl  lguest_name
        .type   lguest_name, @object
lguest_name:
        .asciz  "lguest"
        .size   lguest_name, . - lguest_name
banner_text:
        .ascii  "paravirt: booting on lguest, in ring 1\r\n"
banner_end:

        .data
        .balign 4
/* struct lguest_data: nothing is enabled, all lines are masked, the ring is free. */
lguest_data:
        .fill   DATA_blockedInterrupts, 1, 0
        .long   0xFFFFFFFF
        .fill   DATA_ringStatus - DATA_blockedInterrupts - 4, 1, 0
        .fill   RING_SIZE, 1, RING_FREE
        .fill   DATA_BYTES - DATA_ring, 1, 0
/* struct irq_chip of the kernel: its name, and three functions. */
irq_chip:
        .long   lguest_name, mask_irq, unmask_irq, ack_irq
next_place:     .long 0
lazy_mode:      .long 0
cr3_changed:    .long 0
current_cr0:    .long CR0_AT_START
current_cr3:    .long 0
current_ldt:    .long 0
        .balign 4
        .short  0
gdt_descriptor: .short 0
        .long   0
        .short  0
idt_descriptor: .short 0
        .long   0

        .section .note.GNU-stack, "", @progbits
