/*
 * VMI's ops for a guest that does not know VMI: machine code that a boot module brings to an old kernel (ops ABI 1.3, i386).
 *
 * The first op that the kernel calls, arch_setup, looks for the ROM, starts it, and asks get_reloc where each call is.
 * From then on every op below goes there: straight on where op and call agree in their registers, through a few
 * instructions where they do not, and to the kernel's own function, `pg_native_…`, where the ROM answers none.
 *
 * Conventions: regparm(3), EAX EDX ECX and the stack, popped by the caller; EAX, EDX, ECX and flags may change. The interrupt ops
 * and the two returns may find any DS: their words are read through CS, and nothing else is touched.
 */
#include "vmi-abi.h"

/* NR_<call> for the assembler's own macros. */
#define NUMBER(number, name, arguments, stack, results, changed, kind) .set NR_##name, number;
VMI_CALLS(NUMBER)

/* The kernel's linear map, and descriptors that Linux 2.6.23 has at these places (asm-i386/segment.h). */
        .set    PAGE_OFFSET, 0xC0000000
        .set    TSS_SELECTOR, 16 * 8
        .set    LDT_ENTRY, 17
/* Slots of ops ABI 1.3 that are called through the table, so that another module's answer is asked. */
        .set    SLOT_read_cr4_safe, 25
        .set    SLOT_store_gdt, 44
        .set    SLOT_write_gdt_entry, 50
        .set    CR4_PAE, 0x20

/* The calls that are used. Each has a word `at_<call>` that holds the ROM's function, and `kind_<call>`, the ROM's answer. */
        .macro  calls x
        .irp    name, CPUID, SetGDT, SetLDT, SetIDT, SetTR, GetGDT, GetIDT, GetTR, WriteGDTEntry, WriteLDTEntry, WriteIDTEntry
        \x      \name
        .endr
        .irp    name, UpdateKernelStack, SetCR0, SetCR2, SetCR3, SetCR4, GetCR0, GetCR2, GetCR3, GetCR4, WBINVD, SetDR, GetDR
        \x      \name
        .endr
        .irp    name, RDTSC, CLTS, EnableInterrupts, DisableInterrupts, GetInterruptMask, SetInterruptMask, IRET, SYSEXIT, Halt
        \x      \name
        .endr
        .irp    name, SetPxE, SetPxELong, UpdatePxE, UpdatePxELong, AllocatePage, ReleasePage, InvalPage, FlushTLB
        \x      \name
        .endr
        .irp    name, SetIOPLMask, IODelay, GetCycleFrequency, GetCycleCounter, GetWallclockTime, SetLazyMode
        \x      \name
        .endr
        .endm

        .text

        .macro  op name
        .globl  vmi_ops_\name
        .type   vmi_ops_\name, @function
        .balign 16
vmi_ops_\name:
        .endm

        .macro  done name
        .size   vmi_ops_\name, . - vmi_ops_\name
        .endm

/*
 * An op that is the call. Before the ROM is found, and where it answers none, `to_<op>` holds the kernel's own function;
 * a nop's word holds a return.
 */
        .macro  same name, call, native
        op      \name
        jmp     *%cs:to_\name
        done    \name
        .pushsection .data
to_\name: .long \native
        .popsection
        .pushsection .rodata
        .long   to_\name, at_\call
        .popsection
        .endm

/* Leaves for the kernel's own function unless the ROM has one for this call. */
        .macro  unless call, native
        cmpl    $0, at_\call
        je      \native
        .endm

        .section .rodata
same_ops:
        .text

same    write_cr0, SetCR0, pg_native_cpu_write_cr0
same    write_cr2, SetCR2, pg_native_mmu_write_cr2
same    write_cr3, SetCR3, pg_native_mmu_write_cr3
same    write_cr4, SetCR4, pg_native_cpu_write_cr4
same    read_cr0, GetCR0, pg_native_cpu_read_cr0
same    read_cr2, GetCR2, pg_native_mmu_read_cr2
same    read_cr3, GetCR3, pg_native_mmu_read_cr3
same    read_cr4, GetCR4, pg_native_cpu_read_cr4
same    clts, CLTS, pg_native_cpu_clts
same    get_debugreg, GetDR, pg_native_cpu_get_debugreg
same    set_debugreg, SetDR, pg_native_cpu_set_debugreg
same    wbinvd, WBINVD, pg_native_cpu_wbinvd
same    read_tsc, RDTSC, pg_native_cpu_read_tsc
same    set_iopl_mask, SetIOPLMask, pg_native_cpu_set_iopl_mask
same    io_delay, IODelay, pg_native_cpu_io_delay
same    load_gdt, SetGDT, pg_native_cpu_load_gdt
same    load_idt, SetIDT, pg_native_cpu_load_idt
same    store_gdt, GetGDT, pg_native_cpu_store_gdt
same    store_idt, GetIDT, pg_native_cpu_store_idt
same    store_tr, GetTR, pg_native_cpu_store_tr
same    write_gdt_entry, WriteGDTEntry, pg_native_cpu_write_gdt_entry
same    write_ldt_entry, WriteLDTEntry, pg_native_cpu_write_ldt_entry
same    write_idt_entry, WriteIDTEntry, pg_native_cpu_write_idt_entry
same    save_fl, GetInterruptMask, pg_native_irq_save_fl
same    restore_fl, SetInterruptMask, pg_native_irq_restore_fl
same    irq_disable, DisableInterrupts, pg_native_irq_irq_disable
same    irq_enable, EnableInterrupts, pg_native_irq_irq_enable
/* The call waits with interrupts on, always: `halt` is not it. */
same    safe_halt, Halt, pg_native_irq_safe_halt
same    flush_tlb_single, InvalPage, pg_native_mmu_flush_tlb_one_user

        .section .rodata
same_ops_end:
        .text

/* The returns: jumped to with the frame on the stack, and from here jumped to or called, as the ROM wants it. */
        .macro  return name, call, native
        op      \name
        cmpl    $VMI_RELOCATION_CALL, %cs:kind_\call
        je      1f
        cmpl    $VMI_RELOCATION_JUMP, %cs:kind_\call
        jne     \native
        jmp     *%cs:at_\call
1:      call    *%cs:at_\call
        done    \name
        .endm

return  iret, IRET, pg_native_cpu_iret
return  irq_enable_sysexit, SYSEXIT, pg_native_cpu_irq_enable_sysexit

/* cpu */

/* cpuid(eax, ebx, ecx, edx): four pointers; the call is the instruction. */
op cpuid
        unless  CPUID, pg_native_cpu_cpuid
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        pushl   %ebp
        movl    %eax, %esi
        movl    %edx, %edi
        movl    %ecx, %ebp
        movl    (%esi), %eax
        movl    (%ebp), %ecx
        call    *at_CPUID
        movl    %eax, (%esi)
        movl    %ebx, (%edi)
        movl    %ecx, (%ebp)
        movl    20(%esp), %eax
        movl    %edx, (%eax)
        popl    %ebp
        popl    %edi
        popl    %esi
        popl    %ebx
        ret
done cpuid

op load_tr_desc
        unless  SetTR, pg_native_cpu_load_tr_desc
        movl    $TSS_SELECTOR, %eax
        jmp     *at_SetTR
done load_tr_desc

/* set_ldt(table, entries): the descriptor by the op for descriptors, then the selector. */
op set_ldt
        unless  SetLDT, pg_native_cpu_set_ldt
        testl   %edx, %edx
        jz      1f
        pushl   %ebx
        subl    $8, %esp
        leal    -1(,%edx,8), %ecx
        movl    %eax, %ebx
        /* Low: base 15:0, limit 15:0. High: base 31:24, limit 19:16, present LDT, base 23:16. */
        andl    $0xFFFF, %ecx
        shll    $16, %eax
        orl     %ecx, %eax
        leal    -1(,%edx,8), %edx
        andl    $0xF0000, %edx
        orl     $0x8200, %edx
        movl    %ebx, %ecx
        andl    $0xFF000000, %ecx
        orl     %ecx, %edx
        shrl    $16, %ebx
        movzbl  %bl, %ebx
        orl     %ebx, %edx
        movl    %eax, %ebx
        pushl   %edx
        leal    4(%esp), %eax
        call    *pg_table + 4 * SLOT_store_gdt
        movl    6(%esp), %eax
        movl    $LDT_ENTRY, %edx
        movl    %ebx, %ecx
        call    *pg_table + 4 * SLOT_write_gdt_entry
        addl    $12, %esp
        popl    %ebx
        movl    $LDT_ENTRY * 8, %eax
        jmp     *at_SetLDT
1:      xorl    %eax, %eax
        jmp     *at_SetLDT
done set_ldt

/* load_esp0(tss, thread): the kernel writes its TSS, and the ROM is told. */
op load_esp0
        unless  UpdateKernelStack, pg_native_cpu_load_sp0
        pushl   %eax
        call    pg_native_cpu_load_sp0
        popl    %edx
        movl    4(%edx), %edx
        movl    %ss, %eax
        jmp     *at_UpdateKernelStack
done load_esp0

/* A flush ends the batch and begins the next; the ROM knows modes only (0, 1, 2). */
op set_lazy_mode
        unless  SetLazyMode, pg_native_cpu_set_lazy_mode
        cmpl    $3, %eax
        je      1f
        movl    %eax, lazy_mode
        jmp     *at_SetLazyMode
1:      xorl    %eax, %eax
        call    *at_SetLazyMode
        movl    lazy_mode, %eax
        jmp     *at_SetLazyMode
done set_lazy_mode

/* time */

/* Nanoseconds, of the cycles that this machine had. Whole megahertz; a scheduler does not mind the rest. */
op sched_clock
        unless  GetCycleCounter, pg_native_time_sched_clock
        unless  GetCycleFrequency, pg_native_time_sched_clock
        pushl   %ebx
        pushl   %esi
        call    *at_GetCycleFrequency
        movl    $1000000, %ecx
        divl    %ecx
        movl    %eax, %ebx
        testl   %ebx, %ebx
        jnz     1f
        incl    %ebx
1:      movl    $VMI_CYCLES_AVAILABLE, %eax
        call    *at_GetCycleCounter
        /* EDX:EAX / EBX = microseconds ESI:EAX, rest EDX. */
        movl    %eax, %ecx
        movl    %edx, %eax
        xorl    %edx, %edx
        divl    %ebx
        movl    %eax, %esi
        movl    %ecx, %eax
        divl    %ebx
        pushl   %eax
        imull   $1000, %edx, %eax
        xorl    %edx, %edx
        divl    %ebx
        movl    %eax, %ebx
        popl    %eax
        imull   $1000, %esi, %esi
        movl    $1000, %ecx
        mull    %ecx
        addl    %esi, %edx
        addl    %ebx, %eax
        adcl    $0, %edx
        popl    %esi
        popl    %ebx
        ret
done sched_clock

/* Kilohertz of what read_tsc counts is the kernel's own to measure: cycles and TSC need not agree. */

/* Seconds, of nanoseconds that fit until 2106. */
op get_wallclock
        unless  GetWallclockTime, pg_native_time_get_wallclock
        call    *at_GetWallclockTime
        movl    $VMI_WALLCLOCK_HZ, %ecx
        cmpl    %ecx, %edx
        jae     1f
        divl    %ecx
        ret
1:      xorl    %eax, %eax
        ret
done get_wallclock

/* What is read is the hypervisor's, so it cannot be set: refused. */
op set_wallclock
        unless  GetWallclockTime, pg_native_time_set_wallclock
        movl    $-1, %eax
        ret
done set_wallclock

/* mmu: flushes */

op flush_tlb_user
        unless  FlushTLB, pg_native_mmu_flush_tlb_user
        movl    $VMI_FLUSH_TLB, %eax
        jmp     *at_FlushTLB
done flush_tlb_user

op flush_tlb_kernel
        unless  FlushTLB, pg_native_mmu_flush_tlb_kernel
        movl    $VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL, %eax
        jmp     *at_FlushTLB
done flush_tlb_kernel

/* mmu: pages that become tables, and no longer are */

/* AllocatePage(EAX frame, EDX level, 0, 0, 0). */
        .macro  allocate
        orl     page_type, %edx
        xorl    %ecx, %ecx
        pushl   %ecx
        pushl   %ecx
        call    *at_AllocatePage
        addl    $8, %esp
        ret
        .endm

/* The kernel's own top level, of which other tables are cloned; it holds what start-of-day built. */
op pagetable_setup_start
        unless  AllocatePage, pg_native_mmu_pagetable_setup_start
        pushl   %eax
        call    pg_native_mmu_pagetable_setup_start
        popl    %eax
        subl    $PAGE_OFFSET, %eax
        shrl    $12, %eax
        movl    $VMI_PAGE_PD, %edx
        cmpl    $0, page_type
        je      1f
        movl    $VMI_PAGE_PDP, %edx
1:      allocate
done pagetable_setup_start

op alloc_pt
        unless  AllocatePage, pg_native_mmu_alloc_pte
        movl    %edx, %eax
        movl    $VMI_PAGE_PT | VMI_PAGE_ZEROED, %edx
        allocate
done alloc_pt

op alloc_pd
        unless  AllocatePage, pg_native_mmu_alloc_pmd
        movl    $VMI_PAGE_PD | VMI_PAGE_ZEROED, %edx
        allocate
done alloc_pd

/* alloc_pd_clone(frame, source, start, count on the stack) */
op alloc_pd_clone
        unless  AllocatePage, pg_native_mmu_alloc_pmd_clone
        pushl   4(%esp)
        pushl   %ecx
        movl    %edx, %ecx
        movl    $VMI_PAGE_PD | VMI_PAGE_ZEROED | VMI_PAGE_CLONE, %edx
        orl     page_type, %edx
        call    *at_AllocatePage
        addl    $8, %esp
        ret
done alloc_pd_clone

        .macro  release level
        movl    $\level, %edx
        orl     page_type, %edx
        jmp     *at_ReleasePage
        .endm

op release_pt
        unless  ReleasePage, pg_native_mmu_release_pte
        release VMI_PAGE_PT
done release_pt

op release_pd
        unless  ReleasePage, pg_native_mmu_release_pmd
        release VMI_PAGE_PD
done release_pd

/* mmu: entries. EAX the entry, ECX:EDX its value; at_SetEntry is SetPxELong under PAE, else SetPxE. */

        .macro  set_entry level
        cmpl    $0, page_type
        jne     1f
        xchgl   %eax, %edx
        movl    $\level, %ecx
        jmp     *at_SetPxE
1:      xchgl   %eax, %edx
        xchgl   %edx, %ecx
        pushl   $\level
        call    *at_SetPxELong
        addl    $4, %esp
        ret
        .endm

        .macro  unless_set native
        cmpl    $0, can_set
        je      \native
        .endm

op set_pte
        unless_set pg_native_mmu_set_pte
        set_entry VMI_PAGE_PT
done set_pte

op set_pmd
        unless_set pg_native_mmu_set_pmd
        set_entry VMI_PAGE_PD
done set_pmd

op set_pud
        unless_set pg_native_mmu_set_pud
        set_entry VMI_PAGE_PDP
done set_pud

op pmd_clear
        unless_set pg_native_mmu_pmd_clear
        xorl    %edx, %edx
        xorl    %ecx, %ecx
        set_entry VMI_PAGE_PD
done pmd_clear

/*
 * (address space, address, entry, …): whether the space is the one in use only the kernel knows, so the call is told of
 * none, and the ROM may not defer on our account.
 */
op pte_clear
        unless_set pg_native_mmu_pte_clear
        movl    %ecx, %eax
        xorl    %edx, %edx
        xorl    %ecx, %ecx
        set_entry VMI_PAGE_PT
done pte_clear

op set_pte_at
        unless_set pg_native_mmu_set_pte_at
        movl    %ecx, %eax
        movl    4(%esp), %edx
        movl    8(%esp), %ecx
        set_entry VMI_PAGE_PT
done set_pte_at

op set_pte_present
        unless_set pg_native_mmu_set_pte_present
        movl    %ecx, %eax
        movl    4(%esp), %edx
        movl    8(%esp), %ecx
        set_entry VMI_PAGE_PT
done set_pte_present

/* UpdatePxE(ECX entry): at_UpdateEntry is the one for the tables in use. */
op pte_update
        cmpl    $0, at_UpdateEntry
        je      pg_native_mmu_pte_update
        movl    %ecx, %eax
        movl    $VMI_PAGE_PT, %edx
        jmp     *at_UpdateEntry
done pte_update

op pte_update_defer
        cmpl    $0, at_UpdateEntry
        je      pg_native_mmu_pte_update_defer
        movl    %ecx, %eax
        movl    $VMI_PAGE_PT, %edx
        jmp     *at_UpdateEntry
done pte_update_defer

/* In one step by the kernel, and then told. */
op set_pte_atomic
        cmpl    $0, at_UpdateEntry
        je      pg_native_mmu_set_pte_atomic
        pushl   %eax
        call    pg_native_mmu_set_pte_atomic
        popl    %eax
        movl    $VMI_PAGE_PT, %edx
        jmp     *at_UpdateEntry
done set_pte_atomic

/* init */

op arch_setup
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        call    find_rom
        testl   %ebx, %ebx
        jz      1f
        leal    VMI_ROM_AT_VMI_INIT(%ebx), %eax
        call    *%eax
        testl   %eax, %eax
        jnz     1f
        call    ask
        call    install
1:      popl    %edi
        popl    %esi
        popl    %ebx
        jmp     pg_native_init_arch_setup
done arch_setup

/*
 * EBX: the ROM, or 0. As guests of that time look for it: signatures, version, PCI header, licence; and the checksum that
 * every option ROM has.
 */
        .type   find_rom, @function
find_rom:
        movl    $PAGE_OFFSET + VMI_ROM_PROBE_START, %ebx
1:      cmpw    $VMI_ROM_SIGNATURE, (%ebx)
        jne     4f
        cmpl    $VMI_SIGNATURE, VMI_ROM_AT_VROM_SIGNATURE(%ebx)
        jne     4f
        movzbl  VMI_ROM_AT_ROM_LENGTH(%ebx), %ecx
        shll    $9, %ecx
        jz      4f
        leal    (%ebx,%ecx), %eax
        cmpl    $PAGE_OFFSET + VMI_ROM_PROBE_END, %eax
        ja      4f
        xorl    %eax, %eax
2:      addb    -1(%ebx,%ecx), %al
        decl    %ecx
        jnz     2b
        testb   %al, %al
        jnz     4f
        /* VMI_API_MINOR is 0: any minor is at least that. */
        cmpb    $VMI_API_MAJOR, VMI_ROM_AT_API_VERSION_MAJOR(%ebx)
        jne     4f
        cmpw    $0, VMI_ROM_AT_PCI_HEADER_OFFSET(%ebx)
        je      4f
        movzwl  VMI_ROM_AT_LICENSE_OFFSET(%ebx), %eax
        testl   %eax, %eax
        jz      4f
        addl    %ebx, %eax
        cmpl    $0x004C5047, (%eax)     /* "GPL" */
        je      3f
        cmpl    $0x204C5047, (%eax)     /* "GPL v2" */
        jne     4f
        cmpw    $0x3276, 4(%eax)
        jne     4f
        cmpb    $0, 6(%eax)
        jne     4f
3:      ret
4:      addl    $VMI_ROM_PROBE_STEP, %ebx
        cmpl    $PAGE_OFFSET + VMI_ROM_PROBE_END, %ebx
        jb      1b
        xorl    %ebx, %ebx
        ret
        .size   find_rom, . - find_rom

/* Asks the ROM at EBX for every call: its kind, and for calls and jumps its address. */
        .type   ask, @function
ask:
        movl    $call_table, %esi
1:      movl    (%esi), %eax
        leal    VMI_ROM_AT_GET_RELOC(%ebx), %ecx
        call    *%ecx
        movzbl  %dl, %edx
        movl    4(%esi), %ecx
        movl    %edx, 4(%ecx)
        cmpl    $VMI_RELOCATION_CALL, %edx
        je      2f
        /* Only what does not come back may be jumped to. */
        cmpl    $VMI_RELOCATION_JUMP, %edx
        jne     3f
        cmpl    $VMI_CALL_IRET, (%esi)
        je      2f
        cmpl    $VMI_CALL_SYSEXIT, (%esi)
        jne     3f
2:      movl    %eax, (%ecx)
3:      addl    $8, %esi
        cmpl    $call_table_end, %esi
        jb      1b
        ret
        .size   ask, . - ask

/* The words of the ops that are calls, and the format of the page tables. */
        .type   install, @function
install:
        movl    $same_ops, %esi
1:      movl    (%esi), %ecx
        movl    4(%esi), %edx
        movl    (%edx), %eax
        testl   %eax, %eax
        jnz     2f
        cmpl    $VMI_RELOCATION_NOP, 4(%edx)
        jne     3f
        movl    $nothing, %eax
2:      movl    %eax, (%ecx)
3:      addl    $8, %esi
        cmpl    $same_ops_end, %esi
        jb      1b
        call    *pg_table + 4 * SLOT_read_cr4_safe
        movl    at_SetPxE, %ecx
        movl    at_UpdatePxE, %edx
        testl   $CR4_PAE, %eax
        jz      4f
        movl    $VMI_PAGE_PAE, page_type
        movl    at_SetPxELong, %ecx
        movl    at_UpdatePxELong, %edx
4:      movl    %ecx, can_set
        movl    %edx, at_UpdateEntry
        ret
        .size   install, . - install

/* A call that the ROM wants erased; what it would have done with EAX is nothing. */
nothing:
        ret

        .section .rodata
        .balign 4
call_table:
        .macro  entry name
        .long   NR_\name, at_\name
        .endm
        calls   entry
call_table_end:

        .data
        .balign 4
        .macro  word name
at_\name: .long 0
kind_\name: .long VMI_RELOCATION_NONE
        .endm
        calls   word
/* VMI_PAGE_PAE under PAE, else 0. */
page_type: .long 0
/* The SetPxE of the tables in use, 0 when the ROM has none. */
can_set: .long 0
at_UpdateEntry: .long 0
lazy_mode: .long 0

        .section .note.GNU-stack, "", @progbits
