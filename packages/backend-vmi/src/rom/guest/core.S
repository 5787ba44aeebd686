/*
 * What every ROM of the builder has: vmi_init and get_reloc.
 *
 * Copyright the Paragraft authors. This program is free software; you can redistribute it and/or modify it under the terms
 * of version 2 of the GNU General Public License as published by the Free Software Foundation; see LICENSE beside this file.
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Symbols that the builder defines: vmi_rom (the ROM's first byte), vmi_relocations (a word per call number: offset in the
 * ROM, then the answer in the third byte), vmi_host_Init (a stub that leaves to the machine). The ROM does not know where
 * it is mapped, so everything is found from EIP.
 */
#include "vmi-abi.h"

        .text
        .globl  vmi_init, vmi_get_reloc

/* EAX = 0 when the machine takes the guest. */
        .balign 16
vmi_init:
        jmp     vmi_host_Init

/* EAX = call; EAX = address or 0, EDX = answer. */
        .balign 16
vmi_get_reloc:
        xorl    %edx, %edx
        cmpl    $VMI_CALL_LIMIT, %eax
        jae     2f
        call    1f
1:      popl    %ecx
        movl    vmi_relocations - 1b(%ecx,%eax,4), %eax
        movl    %eax, %edx
        shrl    $16, %edx
        movzwl  %ax, %eax
        testl   %eax, %eax
        jz      3f
        leal    vmi_rom - 1b(%ecx,%eax), %eax
        ret
2:      xorl    %eax, %eax
3:      ret
