/*
 * Guest code of the example overlay.
 *
 * Copyright the Paragraft authors. This program is free software; you can redistribute it and/or modify it under the terms
 * of version 2 of the GNU General Public License as published by the Free Software Foundation; see LICENSE beside src.
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The builder defines vmi_base_<call>, the function that the ROM underneath has for a call, and vmi_host_<call>, the stub by which
 * the machine serves it. Both are reached by a jump with the caller's registers and stack as they were.
 */
        .set    FEATURES, 1
        .set    FEATURE_HYPERVISOR, 1 << 31

        .text
        .globl  overlay_CPUID, overlay_GetCycleCounter

/* CPUID as the ROM underneath has it, with the bit that says "under a hypervisor" (leaf 1, ECX bit 31). */
overlay_CPUID:
        cmpl    $FEATURES, %eax
        jne     vmi_base_CPUID
        call    vmi_base_CPUID
        orl     $FEATURE_HYPERVISOR, %ecx
        ret

/* The real counter is the time-stamp counter; only the others need the machine. EAX = counter. */
overlay_GetCycleCounter:
        testl   %eax, %eax
        jnz     vmi_host_GetCycleCounter
        rdtsc
        ret
