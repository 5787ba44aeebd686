/* The entry of the probe: its notes for Xen, a stack, and C. */
	.section .note.Xen, "a", @note
	.macro note type, text
	.align 4
	.long 4, 2f - 1f, \type
	.asciz "Xen"
1:	.asciz "\text"
2:	.align 4
	.endm
	.macro notenumber type, value
	.align 4
	.long 4, 4, \type
	.asciz "Xen"
	.long \value
	.endm
	note 6, "probe"
	note 8, "generic"
	note 5, "xen-3.0"
	note 9, "yes"
	notenumber 1, _start
	notenumber 3, 0

	.text
	.globl _start
_start:
	movl $stack_top, %esp
	pushl %esi
	call main
1:	jmp 1b

	/* int hypercall(int number, a, b, c, d, e): arguments in EBX, ECX, EDX, ESI, EDI. */
	.globl hypercall
hypercall:
	pushl %ebx
	pushl %esi
	pushl %edi
	movl 16(%esp), %eax
	movl 20(%esp), %ebx
	movl 24(%esp), %ecx
	movl 28(%esp), %edx
	movl 32(%esp), %esi
	movl 36(%esp), %edi
	int $0x82
	popl %edi
	popl %esi
	popl %ebx
	ret

	.bss
	.align 4096
	.space 16384
stack_top:
