/*
 * Calls that need no hypervisor: the processor's own instructions, for a guest that runs at privilege level 0.
 *
 * Copyright the Paragraft authors. This program is free software; you can redistribute it and/or modify it under the terms
 * of version 2 of the GNU General Public License as published by the Free Software Foundation; see LICENSE beside this file.
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Registers and clobbers are those of the call table (src/abi/calls.ts). Calls of kind cs-ss touch no memory but the stack.
 */
#include "vmi-abi.h"

        .set    IOPL_NOT, ~VMI_IOPL_MASK

        .macro  function name
        .globl  vmi_\name
        .balign 16
vmi_\name:
        .endm

        .text

/* EAX, ECX in; EAX, EBX, ECX, EDX out. */
function CPUID
        cpuid
        ret

/* EDX:EAX to the register ECX. */
function WRMSR
        wrmsr
        ret
function RDMSR
        rdmsr
        ret
function RDPMC
        rdpmc
        ret
function RDTSC
        rdtsc
        ret

function GetGDT
        sgdt    (%eax)
        ret
function GetIDT
        sidt    (%eax)
        ret
function GetLDT
        xorl    %eax, %eax
        sldt    %ax
        ret
function GetTR
        xorl    %eax, %eax
        str     %ax
        ret

function SetCR2
        movl    %eax, %cr2
        ret
function GetCR0
        movl    %cr0, %eax
        ret
function GetCR2
        movl    %cr2, %eax
        ret
function GetCR3
        movl    %cr3, %eax
        ret
function GetCR4
        movl    %cr4, %eax
        ret
function CLTS
        clts
        ret
function WBINVD
        wbinvd
        ret

/* What is pending is delivered behind the return, which STI's shadow covers. */
function EnableInterrupts
        sti
        ret
function DisableInterrupts
        cli
        ret
function GetInterruptMask
        pushfl
        popl    %eax
        andl    $VMI_INTERRUPT_MASK, %eax
        ret
function SetInterruptMask
        testl   $VMI_INTERRUPT_MASK, %eax
        jz      1f
        sti
        ret
1:      cli
        ret
function Halt
        sti
        hlt
        ret

function SetIOPLMask
        andl    $VMI_IOPL_MASK, %eax
        pushfl
        andl    $IOPL_NOT, (%esp)
        orl     %eax, (%esp)
        popfl
        ret

/* Entered by a call: the return address is above the interrupt frame. */
function IRET_called
        addl    $4, %esp
/* Entered by a jump. IOPL stays what SetIOPLMask made it: the frame's is replaced. */
function IRET
        pushl   %eax
        pushfl
        popl    %eax
        andl    $VMI_IOPL_MASK, %eax
        andl    $IOPL_NOT, 12(%esp)
        orl     %eax, 12(%esp)
        popl    %eax
        iretl

/* EDX new EIP, ECX new ESP; STI's shadow makes the two one. */
function SYSEXIT
        sti
        sysexit

/* Machine memory is guest memory: a frame's number is the same in both. */
function MachineToPhysical
function PhysicalToMachine
        ret

/* The registers of the local APIC are where the guest has mapped them. */
function APICWrite
        movl    %edx, (%eax)
        ret
function APICRead
        movl    (%eax), %eax
        ret

/* A write to the port that shows diagnostic codes takes as long as the bus does. */
function IODelay
        outb    %al, $0x80
        ret
