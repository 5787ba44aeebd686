/* The user programs, as they are linked; user/ has their sources. */
.macro PROGRAM name
.pushsection .rodata.programs, "a"
.balign 16
8: .incbin "build/user/\name\().bin"
9:
.popsection
.pushsection .rodata.strings, "a"
7: .asciz "\name"
.popsection
.long 7b, 8b, 9b
.endm

.section .rodata
.balign 4
.globl programs
programs:
  PROGRAM counter
  PROGRAM pager
  PROGRAM compute
  PROGRAM fastcall
  PROGRAM ports
  PROGRAM null
  .long 0, 0, 0
