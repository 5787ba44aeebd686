/*
 * Two ways in, both 32-bit, flat, with paging off: Multiboot 1 (EAX its magic, EBX its information) and PVH by the note
 * PHYS32_ENTRY (EBX a hvm_start_info; xen/include/public/arch-x86/hvm/start_info.h). And what C cannot say: trap stubs, attempts
 * that come back when they trap, hypercalls with every register set.
 */
#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10

.section .multiboot, "a"
.balign 4
.long 0x1BADB002, 0, -0x1BADB002

.section .note.Xen, "a", @note
.balign 4
.long 4, 4, 18
.asciz "Xen"
.long start

.text
.globl start, attempt, try_hypercall
start:
  movl $stack_top, %esp
  pushfl
  popl entry_eflags
  movl %eax, entry_eax
  movl %ebx, entry_ebx
  lgdt gdt_pointer
  ljmp $SELECTOR_CODE, $1f
1:
  movl $SELECTOR_DATA, %ecx
  movl %ecx, %ds
  movl %ecx, %es
  movl %ecx, %ss
  cld
  xorl %ebp, %ebp
  call main
1:
  cli
  hlt
  jmp 1b

/* u32 attempt(void (*f)(u32), u32 argument): 0, or 1 + the vector of the trap that ended it. */
attempt:
  pushl %ebx
  pushl %esi
  pushl %edi
  pushl %ebp
  movl 20(%esp), %eax
  movl 24(%esp), %edx
  movl %esp, saved_esp
  movl $0, trapped
  pushl %edx
  call *%eax
recover:
  movl saved_esp, %esp
  movl trapped, %eax
  cld
  popl %ebp
  popl %edi
  popl %esi
  popl %ebx
  ret

/* void try_hypercall(u32 amd): VMCALL or VMMCALL with a number that nobody has; what the other registers were is in `kept` after it. */
try_hypercall:
  movl 4(%esp), %edx
  pushl %ebx
  pushl %esi
  pushl %edi
  pushl %ebp
  movl $0x7FFFFFF0, %eax
  movl $0x0B0B0B0B, %ebx
  movl $0x0C0C0C0C, %ecx
  movl $0x51515151, %esi
  movl $0xD1D1D1D1, %edi
  movl $0xBBBBBBBB, %ebp
  testl %edx, %edx
  movl $0x0D0D0D0D, %edx
  jnz 1f
  .byte 0x0F, 0x01, 0xC1
  jmp 2f
1:
  .byte 0x0F, 0x01, 0xD9
2:
  movl %ebx, kept
  movl %esi, kept + 4
  movl %edi, kept + 8
  movl %ebp, kept + 12
  popl %ebp
  popl %edi
  popl %esi
  popl %ebx
  ret

/* A trap ends the attempt; its error code, where the processor pushes one (SDM vol. 3, table 6-1), is noted. */
.balign 32
.globl stubs
stubs:
.set n, 0
.rept 32
  .balign 32
  .if n == 8 || (n >= 10 && n <= 14) || n == 17
  popl error_code
  .else
  movl $-1, error_code
  .endif
  movl $(n + 1), trapped
  jmp recover
  .set n, n + 1
.endr

.data
.balign 8
gdt:
  .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
gdt_pointer:
  .word 3 * 8 - 1
  .long gdt

.bss
.balign 16
.skip 8192
stack_top:
.globl entry_eflags, entry_eax, entry_ebx, trapped, error_code, kept
entry_eflags: .skip 4
entry_eax: .skip 4
entry_ebx: .skip 4
saved_esp: .skip 4
trapped: .skip 4
error_code: .skip 4
kept: .skip 16
