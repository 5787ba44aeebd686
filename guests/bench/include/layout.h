/* Addresses and selectors that assembly needs too. */
#ifndef BENCH_LAYOUT_H
#define BENCH_LAYOUT_H

#define PAGE_SIZE 4096
#define PAGE_OFFSET 0xC0000000
/* Physical memory that is mapped linearly at PAGE_OFFSET; a machine has at least as much. */
#define LINEAR_BYTES 0x04000000

/* Physical: the image lies from 1 MiB; the kernels' data from 16 MiB; pages to map elsewhere from 48 MiB. */
#define ARENA_PA 0x01000000
#define ARENA_BYTES 0x02000000
#define POOL_PA 0x03000000
#define POOL_END 0x03C00000

/* Virtual, apart from the linear map. Ring 3's code and stack; buffers at power-of-two distances; pages that come and go;
   pages that every address space has for itself. */
#define USER_BASE 0x08000000
#define USER_STACK 0x08100000
#define USER_DATA 0x08200000
#define ALIAS_BASE 0x40000000
#define VOLATILE_BASE 0xD0000000
#define PRIVATE_BASE 0x80000000

/* In the order that SYSENTER and SYSEXIT take for granted (Intel SDM vol. 2, SYSENTER). */
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_CS 0x1B
#define USER_DS 0x23
#define TSS_SELECTOR 0x28
#define GDT_ENTRIES 6

#define VECTOR_IRQ0 0x20
#define VECTOR_SYSCALL 0x80
#define VECTOR_KERNEL 0x81

#endif
