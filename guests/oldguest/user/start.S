/* Where a user program begins: main(), and its result as the exit code. */
.text
.globl _start
_start:
  xorl %ebp, %ebp
  call main
  movl %eax, %ebx
  movl $1, %eax
  int $0x80
