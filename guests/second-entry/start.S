/* Multiboot 1 head: flat segments of our own, a stack, and on to main.c; and the step over into the other kernel. */
.set MAGIC, 0x1BADB002
.set FLAGS, 3

.text
.balign 4
.long MAGIC, FLAGS, -(MAGIC + FLAGS)

.globl _start
_start:
  lgdt gdt_descr
  ljmp $0x08, $1f
1:
  movl $0x10, %ecx
  movl %ecx, %ds
  movl %ecx, %es
  movl %ecx, %ss
  movl $stack_top, %esp
  movl %ebx, %eax
  call second_entry_main
1:
  hlt
  jmp 1b

/*
 * enter(EAX: registers in the order of struct start in main.c). Paging goes on with the tables that map this code at its own
 * address too; ESP is left pointing nowhere, as the contract allows.
 */
.globl enter
enter:
  movl %eax, %ebp
  movl 0(%ebp), %eax
  orl %eax, %eax
  jz 1f
  movl %cr4, %eax
  orl $0x20, %eax
  movl %eax, %cr4
1:
  movl 4(%ebp), %eax
  movl %eax, %cr3
  movl %cr0, %eax
  orl $0x80010000, %eax
  movl %eax, %cr0
  movl 12(%ebp), %ebx
  movl 16(%ebp), %esi
  movl 20(%ebp), %edi
  movl 8(%ebp), %ecx
  movl $0x2BADB002, %eax
  xorl %esp, %esp
  jmp *%ecx

.data
.balign 8
gdt:
  .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
gdt_descr:
  .word . - gdt - 1
  .long gdt

.bss
.balign 16
  .skip 4096
stack_top:
