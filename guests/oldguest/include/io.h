/*
 * Port I/O. It is not among the ops of this era: a kernel that is not at IOPL has its IN and OUT emulated by whoever took
 * the privilege away, or is given IOPL.
 */
#ifndef OLDGUEST_IO_H
#define OLDGUEST_IO_H

#include "types.h"

static inline u8 inb(u16 port)
{
  u8 value;
  asm volatile("inb %w1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline void outb(u8 value, u16 port) { asm volatile("outb %0, %w1" : : "a"(value), "Nd"(port)); }
static inline u32 inl(u16 port)
{
  u32 value;
  asm volatile("inl %w1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline void outl(u32 value, u16 port) { asm volatile("outl %0, %w1" : : "a"(value), "Nd"(port)); }
static inline void outw(u16 value, u16 port) { asm volatile("outw %0, %w1" : : "a"(value), "Nd"(port)); }

#endif
