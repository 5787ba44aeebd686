/*
 * Entries of all 256 vectors, 16 bytes each, and the way back. What is saved and reloaded is what a kernel of the time
 * saves and reloads: all general registers, DS and ES.
 */
#include "layout.h"

.text
.balign 16
.globl trap_entries
trap_entries:
.set vector, 0
.rept 256
  .balign 16
  /* Vectors with an error code: SDM vol. 3, table 6-1. */
  .if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && vector != 14 && vector != 17
  pushl $0
  .endif
  pushl $vector
  jmp trap_common
  .set vector, vector + 1
.endr

.balign 16
trap_common:
  cld
  pushl %es
  pushl %ds
  pushal
  movl $KERNEL_DS, %edx
  movl %edx, %ds
  movl %edx, %es
  movl %esp, %eax
  call trap
  popal
  popl %ds
  popl %es
  addl $8, %esp
  iret
