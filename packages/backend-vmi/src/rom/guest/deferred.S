/*
 * Page-table updates that wait. Under lazy MMU mode, and when the guest allows it (VMI_PAGE_DEFER), an update of a page table
 * goes to a queue in the ROM's scratch page; the machine takes the queue with the next call that it serves and that concerns page
 * tables, or with the page fault that an update still missing causes. Updates of directories never wait: guests follow them, to
 * find the table that they set next.
 *
 * Copyright the Paragraft authors. This program is free software; you can redistribute it and/or modify it under the terms
 * of version 2 of the GNU General Public License as published by the Free Software Foundation; see LICENSE beside this file.
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The queue's layout is the machine's (src/machine/queue.ts): count, lazy mode, and from QUEUE_FIRST on entries of 16 bytes,
 * address of the page-table entry, low and high half of its value, flags.
 */
#include "vmi-abi.h"

        .set    QUEUE_COUNT, 0
        .set    QUEUE_LAZY, 4
        .set    QUEUE_FIRST, 16
        .set    QUEUE_CAPACITY, (4096 - QUEUE_FIRST) / 16
        .set    QUEUE_LONG, 0x100
        .set    QUEUE_TOLD, 0x200
        /* The flags of the calls that mean something: kind, address space, deferral, address. */
        .set    QUEUE_FLAGS, VMI_PAGE_VA_MASK | 0x3f

        .macro  function name
        .globl  vmi_deferred_\name
        .balign 16
vmi_deferred_\name:
        .endm

        .text

/*
 * EDI = address of the entry, ESI:EBX = value, ECX = flags and kind. Carry set: it is to be done at once. Changes
 * EAX, ECX. Interrupt handlers queue too, so nobody may come in between.
 */
        .balign 16
enqueue:
        testb   $VMI_PAGE_PT, %cl
        jz      3f
        call    1f
1:      popl    %eax
        leal    vmi_scratch - 1b(%eax), %eax
        testb   $VMI_LAZY_MMU, QUEUE_LAZY(%eax)
        jnz     2f
        testb   $VMI_PAGE_DEFER, %cl
        jz      3f
        testb   $VMI_PAGE_CURRENT_AS, %cl
        jz      3f
2:      pushfl
        cli
        cmpl    $QUEUE_CAPACITY, QUEUE_COUNT(%eax)
        jae     4f
        pushl   %edx
        movl    QUEUE_COUNT(%eax), %edx
        shll    $4, %edx
        movl    %edi, QUEUE_FIRST(%eax,%edx)
        movl    %ebx, QUEUE_FIRST + 4(%eax,%edx)
        movl    %esi, QUEUE_FIRST + 8(%eax,%edx)
        movl    %ecx, QUEUE_FIRST + 12(%eax,%edx)
        incl    QUEUE_COUNT(%eax)
        popl    %edx
        popfl
        clc
        ret
4:      popfl
3:      stc
        ret

        .macro  save
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        pushl   %ecx
        pushl   %eax
        .endm

        .macro  restore
        popl    %eax
        popl    %ecx
        popl    %edi
        popl    %esi
        popl    %ebx
        .endm

/* EAX value, EDX entry, ECX flags. */
function SetPxE
        save
        movl    %edx, %edi
        movl    %eax, %ebx
        xorl    %esi, %esi
        andl    $QUEUE_FLAGS, %ecx
        call    enqueue
        restore
        jc      vmi_host_SetPxE
        ret

/* EDX:EAX value, ECX entry, flags on the stack. */
function SetPxELong
        save
        movl    %ecx, %edi
        movl    %eax, %ebx
        movl    %edx, %esi
        movl    24(%esp), %ecx
        andl    $QUEUE_FLAGS, %ecx
        orl     $QUEUE_LONG, %ecx
        call    enqueue
        restore
        jc      vmi_host_SetPxELong
        ret

/* EAX entry, EDX flags: the guest has written it itself, and the machine may learn it later. */
function UpdatePxE
        save
        movl    %eax, %edi
        movl    %edx, %ecx
        andl    $QUEUE_FLAGS, %ecx
        orl     $QUEUE_TOLD, %ecx
        call    enqueue
        restore
        jc      vmi_host_UpdatePxE
        ret
function UpdatePxELong
        save
        movl    %eax, %edi
        movl    %edx, %ecx
        andl    $QUEUE_FLAGS, %ecx
        orl     $(QUEUE_TOLD | QUEUE_LONG), %ecx
        call    enqueue
        restore
        jc      vmi_host_UpdatePxELong
        ret

/*
 * EAX mode. Beginning a mode costs no exit; an end does when something waits. What is no mode, or begins in another, the
 * machine hears of.
 */
function SetLazyMode
        call    1f
1:      popl    %edx
        leal    vmi_scratch - 1b(%edx), %edx
        cmpl    $VMI_LAZY_CPU, %eax
        ja      vmi_host_SetLazyMode
        testl   %eax, %eax
        jz      2f
        cmpl    $VMI_LAZY_NONE, QUEUE_LAZY(%edx)
        jne     vmi_host_SetLazyMode
        movl    %eax, QUEUE_LAZY(%edx)
        ret
2:      movl    %eax, QUEUE_LAZY(%edx)
        cmpl    $0, QUEUE_COUNT(%edx)
        jne     vmi_host_SetLazyMode
        ret
