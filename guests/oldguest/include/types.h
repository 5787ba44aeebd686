/* Fixed-width types, and the few macros that every file uses. */
#ifndef OLDGUEST_TYPES_H
#define OLDGUEST_TYPES_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;

#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)
#define noinline __attribute__((noinline))
#define packed __attribute__((packed))
#define array_size(a) (sizeof(a) / sizeof((a)[0]))

/* Errors as the syscall interface and the MSR ops return them (negated). */
#define ENOENT 2
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EFAULT 14
#define EINVAL 22
#define ENOSYS 38

#endif
