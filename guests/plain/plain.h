/* What every part of the program may use. */
#ifndef PLAIN_H
#define PLAIN_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

enum verdict { OK, REFUSED, FAILED };

/* 8 bytes; packages/conformance reads the titles from the image. */
struct plain_case {
  const char *title;
  enum verdict (*run)(void);
};
extern const struct plain_case __start_cases[], __stop_cases[];

#define PASTE(a, b) a##b
#define CASE_AT(line, title)                                                                                           \
  static enum verdict PASTE(case_, line)(void);                                                                        \
  static const struct plain_case PASTE(record_, line) __attribute__((section("cases"), used)) = {                      \
    title, PASTE(case_, line)                                                                                          \
  };                                                                                                                   \
  static enum verdict PASTE(case_, line)(void)
#define CASE_OF(line, title) CASE_AT(line, title)
#define CASE(title) CASE_OF(__LINE__, title)

enum verdict failed(const char *why);
enum verdict refused(const char *why);
#define EXPECT(condition)                                                                                              \
  do {                                                                                                                 \
    if (!(condition))                                                                                                  \
      return failed(#condition);                                                                                       \
  } while (0)

/* start.S */
extern u32 entry_eflags, entry_eax, entry_ebx, trapped, error_code, kept[4];
extern const u8 stubs[];
u32 attempt(void (*f)(u32), u32 argument);
void try_hypercall(u32 amd);
#define STUB_BYTES 32
#define FAULT(vector) ((vector) + 1)
#define VEC_DE 0
#define VEC_BP 3
#define VEC_UD 6
#define VEC_GP 13

/* boot.c: what whoever started us says. */
struct range {
  u64 base, length;
  u32 ram;
};
#define RANGES_MAX 32
extern struct range ranges[RANGES_MAX];
extern u32 range_count;
extern const char *command_line;
void boot_init(void);
int option(const char *name);
u32 number_after(const char *name, u32 otherwise);

static inline u8 inb(u16 port)
{
  u8 value;
  asm volatile("inb %w1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline void outb(u8 value, u16 port) { asm volatile("outb %0, %w1" : : "a"(value), "Nd"(port)); }
static inline void cpuid(u32 leaf, u32 *a, u32 *b, u32 *c, u32 *d)
{
  asm volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "0"(leaf), "2"(0));
}

#endif
