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

	/* int try(u32 *at, u32 value): writes a word; 0, or -1 when that is a page fault. */
	.globl try, try8, page_fault
try:
	movl 4(%esp), %ecx
	movl 8(%esp), %edx
	xorl %eax, %eax
	movl %edx, (%ecx)
	ret

	/* int try8(u64 *at, u64 old, u64 value): the same with CMPXCHG8B, from the value that is expected. */
try8:
	pushl %ebx
	pushl %edi
	movl 12(%esp), %edi
	movl 16(%esp), %eax
	movl 20(%esp), %edx
	movl 24(%esp), %ebx
	movl 28(%esp), %ecx
	lock cmpxchg8b (%edi)
	je 2f
	cmpl $-1, %eax
	je 1f
	movl $1, %eax
	jmp 1f
2:	xorl %eax, %eax
1:	popl %edi
	popl %ebx
	ret

	/* The handler: what faulted is skipped, by its length, and EAX says so. */
page_fault:
	addl $4, %esp
	movl (%esp), %eax
	cmpb $0xf0, (%eax)
	movl $2, %eax
	jne 1f
	movl $4, %eax
1:	addl %eax, (%esp)
	movl $-1, %eax
	/* Not equal, whatever it was. */
	andl $~0x40, 8(%esp)
	iret

	.bss
	.align 4096
	.space 16384
stack_top:
