/*
 * From Multiboot 1 machine state (specification 0.6.96, 3.2: flat segments, paging off, EAX magic, EBX information) to C in
 * the higher half: PAE tables of 4 KiB pages that map LINEAR_BYTES at PAGE_OFFSET, and at 0 for as long as this code runs.
 */
#include "layout.h"

#define PA(symbol) ((symbol) - PAGE_OFFSET)
#define MULTIBOOT_HEADER_MAGIC 0x1BADB002
#define MULTIBOOT_HEADER_FLAGS 3 /* modules page aligned, memory information */
#define LINEAR_PAGES (LINEAR_BYTES / PAGE_SIZE)
#define PTE_FLAGS 0x163 /* global, dirty, accessed, writable, present */
#define CR4_PAE_PGE_SSE 0x6A0 /* OSXMMEXCPT, OSFXSR, PGE, PAE */
#define CR0_ON 0x80010033 /* PG, WP, NE, ET, MP, PE */
#define STACK_BYTES 16384

.section .head.text, "ax"
.balign 4
.long MULTIBOOT_HEADER_MAGIC, MULTIBOOT_HEADER_FLAGS, -(MULTIBOOT_HEADER_MAGIC + MULTIBOOT_HEADER_FLAGS)

.globl start
.type start, @function
start:
  cli
  cld
  movl %eax, PA(boot_magic)
  movl %ebx, PA(boot_info)
  lgdt PA(boot_gdt_descr)
  ljmp $KERNEL_CS, $PA(1f)
1:
  movl $KERNEL_DS, %ecx
  movl %ecx, %ds
  movl %ecx, %es
  movl %ecx, %ss
  movl %ecx, %fs
  movl %ecx, %gs

  movl $PA(linear_tables), %edi
  movl $PTE_FLAGS, %eax
  movl $LINEAR_PAGES, %ecx
1:
  movl %eax, (%edi)
  movl $0, 4(%edi)
  addl $8, %edi
  addl $PAGE_SIZE, %eax
  loop 1b

  /* A directory entry has no G; the other flags mean the same there. */
  movl $PA(kernel_directory), %edi
  movl $(PA(linear_tables) + (PTE_FLAGS & ~0x140)), %eax
  movl $(LINEAR_PAGES / 512), %ecx
1:
  movl %eax, (%edi)
  movl $0, 4(%edi)
  addl $8, %edi
  addl $PAGE_SIZE, %eax
  loop 1b
  movl $(PA(kernel_directory) + 1), %eax
  movl %eax, PA(kernel_space)
  movl %eax, PA(kernel_space + 8 * (PAGE_OFFSET >> 30))

  movl %cr4, %eax
  orl $CR4_PAE_PGE_SSE, %eax
  movl %eax, %cr4
  movl $PA(kernel_space), %eax
  movl %eax, %cr3
  movl $CR0_ON, %eax
  movl %eax, %cr0
  movl $1f, %eax
  jmp *%eax
1:
  /* The low half goes: nothing but the linear map is left. */
  movl $0, kernel_space
  movl $PA(kernel_space), %eax
  movl %eax, %cr3
  movl $stack_top, %esp
  xorl %ebp, %ebp
  fninit
  call main
1:
  cli
  hlt
  jmp 1b

.data
.globl boot_magic, boot_info
.balign 8
boot_gdt:
  .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
boot_gdt_descr:
  .word . - boot_gdt - 1
  .long PA(boot_gdt)
.balign 4
boot_magic: .long 0
boot_info: .long 0

.bss
.globl kernel_space, kernel_directory, stack_top
.balign PAGE_SIZE
kernel_directory: .skip PAGE_SIZE
linear_tables: .skip LINEAR_PAGES * 8
stack: .skip STACK_BYTES
stack_top:
kernel_space: .skip 32
