/* The two ways back to user space, jumped to with the frame in place; and the op that does nothing. */
.text
.globl native_iret
.type native_iret, @function
native_iret:
  iret

/* EDX: user EIP, ECX: user ESP (Intel SDM vol. 2, SYSEXIT). STI takes effect after the next instruction. */
.globl native_irq_enable_sysexit
.type native_irq_enable_sysexit, @function
native_irq_enable_sysexit:
  sti
  sysexit

.globl _paravirt_nop
.type _paravirt_nop, @function
_paravirt_nop:
  ret
.size _paravirt_nop, . - _paravirt_nop
