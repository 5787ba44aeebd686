/* What the user programs share: system calls, and lines made piece by piece. */
#ifndef OLDGUEST_USER_LIB_H
#define OLDGUEST_USER_LIB_H

typedef unsigned int u32;
typedef unsigned char u8;

static inline int call3(int nr, u32 a, u32 b, u32 c)
{
  int result;
  asm volatile("int $0x80" : "=a"(result) : "0"(nr), "b"(a), "c"(b), "d"(c) : "memory");
  return result;
}

static inline void exit(int code) { call3(1, code, 0, 0); }
static inline int fork(void) { return call3(2, 0, 0, 0); }
static inline int write(int fd, const void *text, u32 bytes) { return call3(4, fd, (u32)text, bytes); }
static inline int waitpid(int pid, int *status) { return call3(7, pid, (u32)status, 0); }
static inline int getpid(void) { return call3(20, 0, 0, 0); }
static inline u32 times(void) { return call3(43, 0, 0, 0); }
static inline int iopl(int level) { return call3(110, level, 0, 0); }
static inline int sched_yield(void) { return call3(158, 0, 0, 0); }
static inline int sleep_ticks(u32 ticks) { return call3(162, ticks, 0, 0); }

/* One line, written at once. */
struct line {
  char text[120];
  u32 length;
};

static inline void put(struct line *l, const char *text)
{
  while (*text && l->length < sizeof l->text - 1)
    l->text[l->length++] = *text++;
}

static inline void put_number(struct line *l, u32 value)
{
  char digits[11];
  int at = 10;
  digits[10] = 0;
  do
    digits[--at] = '0' + value % 10;
  while (value /= 10);
  put(l, digits + at);
}

static inline void end_line(struct line *l)
{
  l->text[l->length++] = '\n';
  write(1, l->text, l->length);
  l->length = 0;
}

#endif
