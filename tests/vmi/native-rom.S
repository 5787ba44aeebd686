/*
 * A VMI ROM without a hypervisor: every call is native code in the ROM itself. It runs anywhere, in QEMU too, and so tells
 * whether a guest's side of the interface is right before any other ROM is trusted. API 3.0; position-independent.
 *
 * -DIRET_BY_CALL: the returns are to be called instead of jumped to. -DSPARSE: most calls answer none. -DBROKEN: some calls are
 * wrong.
 * The checksum byte at the end is left 0, to be made right by whoever makes the image.
 */
#define NONE 0
#define CALL 1
#define JUMP 2
#define NOP 3
#ifndef VIRTUAL_TOP
#define VIRTUAL_TOP 0xFC000000
#endif
#ifndef LENGTH
#define LENGTH 4096
#endif

.text
.globl _start
_start:
rom:
  .word 0xAA55
  .byte LENGTH / 512
  .byte 0xCB, 0, 0, 0        /* a far return: nothing to do for the BIOS */
  .byte 0
  .ascii "cVmi"
  .byte 0, 3                 /* minor, major */
  .byte 74, 0
  .long VIRTUAL_TOP
  .word 0, license - rom, pci - rom, pnp - rom
  .long 0
  .org rom + 128
  jmp init
  .org rom + 136
  jmp get_reloc
  .org rom + 160

pci:
  .ascii "PCIR"
  .word 0x15AD, 0x0801, 0, pci_end - pci
  .byte 0, 0, 0, 5
  .word LENGTH / 512
  .byte 0, 1, 0, 0x80
  .word 0
pci_end:
  .balign 4
pnp:
  .ascii "$PnP"
  .byte 1, 2
  .word 0, 0
  .long 0
  .word maker - rom, product - rom
  .skip 14
license: .asciz "GPL"
maker: .asciz "nobody"
product: .asciz "native ROM"
  .balign 4

init:
  xorl %eax, %eax
  ret

/* EAX: call number. EAX: address, EDX: kind. */
get_reloc:
  cmpl $(relocs_end - relocs) / 4, %eax
  jae 2f
  call 1f
1:
  popl %ecx
  movl relocs - 1b(%ecx,%eax,4), %edx
  movzwl %dx, %eax
  leal rom - 1b(%ecx,%eax), %eax
  shrl $16, %edx
  jnz 3f
2:
  xorl %eax, %eax
  xorl %edx, %edx
3:
  ret

.macro reloc number, kind, function
  .org relocs + 4 * \number
  .word \function - rom, \kind
.endm

/* What a sparse ROM leaves native. */
.macro often number, kind, function
#ifndef SPARSE
  reloc \number, \kind, \function
#endif
.endm

cpuid_: cpuid; ret
wrmsr_: wrmsr; ret
rdmsr_: rdmsr; ret
set_gdt: lgdt (%eax); ret
set_ldt: lldt %ax; ret
set_idt: lidt (%eax); ret
set_tr: ltr %ax; ret
get_gdt: sgdt (%eax); ret
get_ldt: xorl %eax, %eax; sldt %ax; ret
get_idt: sidt (%eax); ret
get_tr: xorl %eax, %eax; str %ax; ret
write_entry:
  movl %ecx, (%eax,%edx,8)
  movl 4(%esp), %ecx
  movl %ecx, 4(%eax,%edx,8)
  ret
set_cr0: movl %eax, %cr0; ret
#ifdef BROKEN
/* Wrong in one thing each: a register, the result, a flag, the stack of the caller, what the call is for. */
set_cr2: movl %eax, %cr2; movl %eax, %ebx; ret
get_cr4: movl %cr4, %eax; incl %eax; ret
clts_: clts; std; ret
get_cr0: movl %cr0, %eax; movl $0, 4(%esp); ret
inval_page: ret
cli_: cli; xorl %ecx, %ecx; ret
#else
set_cr2: movl %eax, %cr2; ret
get_cr0: movl %cr0, %eax; ret
get_cr4: movl %cr4, %eax; ret
clts_: clts; ret
cli_: cli; ret
inval_page: invlpg (%eax); ret
#endif
set_cr3: movl %eax, %cr3; ret
set_cr4: movl %eax, %cr4; ret
get_cr2: movl %cr2, %eax; ret
get_cr3: movl %cr3, %eax; ret
rdtsc_: rdtsc; ret
sti_: sti; ret
get_mask:
  pushfl
  popl %eax
  andl $0x200, %eax
  ret
set_mask:
  testl $0x200, %eax
  jz cli_
  jmp sti_
/* A return does not restore IOPL: the frame gets the present one. */
.macro keep_iopl
  pushl %eax
  pushfl
  popl %eax
  andl $0x3000, %eax
  andl $~0x3000, 12(%esp)
  orl %eax, 12(%esp)
  popl %eax
.endm
#ifdef IRET_BY_CALL
/* The address of the call site is on top of the frame. */
iret_: addl $4, %esp; keep_iopl; iret
sysexit_: addl $4, %esp; sti; sysexit
#define RETURNS CALL
#else
iret_: keep_iopl; iret
sysexit_: sti; sysexit
#define RETURNS JUMP
#endif
halt: sti; hlt; ret
set_pxe: movl %eax, (%edx); ret
set_pxe_long:
  movl $0, (%ecx)
  movl %edx, 4(%ecx)
  movl %eax, (%ecx)
  ret
nothing: ret
flush_tlb:
  testl $2, %eax
  jz 1f
  movl %cr4, %eax
  testl $0x80, %eax
  jz 1f
  xorl $0x80, %eax
  movl %eax, %cr4
  xorl $0x80, %eax
  movl %eax, %cr4
  ret
1:
  movl %cr3, %eax
  movl %eax, %cr3
  ret

  .balign 4
relocs:
  reloc 0, CALL, cpuid_
  often 1, CALL, wrmsr_
  often 2, CALL, rdmsr_
  often 3, CALL, set_gdt
  often 4, CALL, set_ldt
  often 5, CALL, set_idt
  often 6, CALL, set_tr
  often 7, CALL, get_gdt
  often 8, CALL, get_ldt
  often 9, CALL, get_idt
  often 10, CALL, get_tr
  often 11, CALL, write_entry
  often 12, CALL, write_entry
  often 13, CALL, write_entry
  often 14, CALL, nothing
  often 15, CALL, set_cr0
  often 16, CALL, set_cr2
  often 17, CALL, set_cr3
  often 18, CALL, set_cr4
  often 19, CALL, get_cr0
  often 20, CALL, get_cr2
  often 21, CALL, get_cr3
  often 22, CALL, get_cr4
  often 23, NOP, nothing
  often 27, CALL, rdtsc_
  often 28, CALL, clts_
  often 29, CALL, sti_
  often 30, CALL, cli_
  reloc 31, CALL, get_mask
  often 32, CALL, set_mask
  reloc 33, RETURNS, iret_
  often 34, RETURNS, sysexit_
  often 35, CALL, halt
  often 38, CALL, set_pxe
  often 39, CALL, set_pxe_long
  often 40, CALL, nothing
  often 41, CALL, nothing
  often 44, CALL, nothing
  often 45, CALL, nothing
  often 46, CALL, inval_page
  often 47, CALL, flush_tlb
  often 48, NOP, nothing
  often 65, NOP, nothing
  often 73, CALL, nothing
  .org relocs + 4 * 74
relocs_end:
  .org rom + LENGTH
