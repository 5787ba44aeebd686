/*
 * The two ways in.
 *
 * startup_32         the hardware's: Multiboot 1 machine state (paging off, flat segments, EAX magic, EBX info). The only
 *                    code of this kernel that does LGDT, CR0 and CR4 work by itself.
 * startup_paging_on  for whoever started the kernel with paging on and the table already installed; the contract is in
 *                    README.md, "The second entry".
 */
#include "layout.h"

#define PA(symbol) ((symbol) - PAGE_OFFSET)
#define MULTIBOOT_HEADER_MAGIC 0x1BADB002
#define MULTIBOOT_HEADER_FLAGS 3 /* modules page aligned, memory information */
#define MULTIBOOT_LOADER_MAGIC 0x2BADB002

#define PTE_FLAGS 0x63 /* present, writable, accessed, dirty */
#define BOOT_PAGES (BOOT_MAP_BYTES / PAGE_SIZE)

.section .head.text, "ax"
.balign 4
.long MULTIBOOT_HEADER_MAGIC, MULTIBOOT_HEADER_FLAGS, -(MULTIBOOT_HEADER_MAGIC + MULTIBOOT_HEADER_FLAGS)

.globl startup_32
.type startup_32, @function
startup_32:
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
  xorl %ecx, %ecx
  movl %ecx, %fs
  movl %ecx, %gs
  movl $PA(init_stack_top), %esp

  call has_pae
  testl %eax, %eax
  jz two_level
  call wants_nopae
  testl %eax, %eax
  jnz two_level

  /* PAE: 8-byte entries, 2 MiB per table; 0 and PAGE_OFFSET share one directory. */
  movl $PA(boot_page_tables), %edi
  movl $PTE_FLAGS, %eax
  movl $BOOT_PAGES, %ecx
1:
  movl %eax, (%edi)
  movl $0, 4(%edi)
  addl $8, %edi
  addl $PAGE_SIZE, %eax
  loop 1b
  movl $PA(boot_page_directory), %edi
  movl $(PA(boot_page_tables) + PTE_FLAGS), %eax
  movl $(BOOT_PAGES / 512), %ecx
1:
  movl %eax, (%edi)
  movl $0, 4(%edi)
  addl $8, %edi
  addl $PAGE_SIZE, %eax
  loop 1b
  movl $(PA(boot_page_directory) + 1), %eax
  movl %eax, PA(swapper_pg_dir)
  movl %eax, PA(swapper_pg_dir + 8 * (PAGE_OFFSET >> 30))
  movl %cr4, %eax
  orl $0x20, %eax
  movl %eax, %cr4
  jmp paging_on

two_level:
  movl $PA(boot_page_tables), %edi
  movl $PTE_FLAGS, %eax
  movl $BOOT_PAGES, %ecx
  cld
1:
  stosl
  addl $PAGE_SIZE, %eax
  loop 1b
  movl $PA(swapper_pg_dir), %edi
  movl $(PA(boot_page_tables) + PTE_FLAGS), %eax
  movl $(BOOT_PAGES / 1024), %ecx
1:
  movl %eax, (%edi)
  movl %eax, (4 * (PAGE_OFFSET >> 22))(%edi)
  addl $4, %edi
  addl $PAGE_SIZE, %eax
  loop 1b

paging_on:
  movl $PA(swapper_pg_dir), %eax
  movl %eax, %cr3
  movl $0x80050033, %eax /* PG, AM, WP, NE, ET, MP, PE */
  movl %eax, %cr0
  movl $BOOT_MAP_BYTES, PA(boot_mapped)
  movl $startup_common, %eax
  jmp *%eax

/* EAX: whether the processor has PAE. A processor whose EFLAGS.ID cannot be changed has no CPUID (SDM vol. 1, 20.1). */
has_pae:
  pushfl
  movl (%esp), %ecx
  xorl $0x00200000, (%esp)
  popfl
  pushfl
  popl %eax
  xorl %ecx, %eax
  andl $0x00200000, %eax
  jz 1f
  pushl %ebx
  movl $1, %eax
  cpuid
  popl %ebx
  movl %edx, %eax
  shrl $6, %eax
  andl $1, %eax
1:
  ret

/* EAX: whether the word `nopae` is on the command line. */
wants_nopae:
  xorl %eax, %eax
  cmpl $MULTIBOOT_LOADER_MAGIC, PA(boot_magic)
  jne 3f
  testl $4, (%ebx)
  jz 3f
  movl 16(%ebx), %esi
1: /* at the start of a word */
  cmpl $0x61706F6E, (%esi) /* "nopa" */
  jne 2f
  cmpb $0x65, 4(%esi) /* "e" */
  jne 2f
  cmpb $0x20, 5(%esi)
  ja 2f
  incl %eax
  ret
2:
  lodsb
  cmpb $0x20, %al
  je 4f
  testb %al, %al
  jnz 2b
  xorl %eax, %eax
3:
  ret
4:
  xorl %eax, %eax
  jmp 1b

.globl startup_paging_on
.type startup_paging_on, @function
startup_paging_on:
  cld
  movl %eax, boot_magic
  movl %ebx, boot_info
  movl %esi, boot_mapped
  movl %edi, boot_free
startup_common:
  movl $init_stack_top, %esp
  xorl %ebp, %ebp
  call start_kernel
1:
  jmp 1b

.data
.balign 8
boot_gdt_descr:
  .word GDT_ENTRIES * 8 - 1
  .long PA(gdt_table)

.globl boot_magic, boot_info, boot_mapped, boot_free
.balign 4
boot_magic: .long 0
boot_info: .long 0
boot_mapped: .long 0
boot_free: .long 0

.bss
.balign PAGE_SIZE
.globl swapper_pg_dir
.type swapper_pg_dir, @object
swapper_pg_dir: .skip PAGE_SIZE
.size swapper_pg_dir, PAGE_SIZE
boot_page_directory: .skip PAGE_SIZE
boot_page_tables: .skip BOOT_PAGES * 8
init_stack: .skip KERNEL_STACK_BYTES
.globl init_stack_top
init_stack_top:
