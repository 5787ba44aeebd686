/* Formatted output to the console. Lines end in CR LF there. */
#include "kernel.h"

typedef __builtin_va_list va_list;

static void put(char c)
{
  if (c == '\n')
    console_putc('\r');
  console_putc(c);
}

static void put_padded(const char *text, u32 length, u32 width, char pad)
{
  for (; width > length; width--)
    put(pad);
  for (u32 i = 0; i < length; i++)
    put(text[i]);
}

static void put_number(u64 value, u32 base, int negative, u32 width, char pad)
{
  char digits[24];
  u32 at = sizeof digits, rem;
  do {
    value = div64(value, base, &rem);
    digits[--at] = "0123456789abcdef"[rem];
  } while (value);
  if (negative)
    digits[--at] = '-';
  put_padded(digits + at, sizeof digits - at, width, pad);
}

static void vprintk(const char *f, va_list args)
{
  for (; *f; f++) {
    if (*f != '%') {
      put(*f);
      continue;
    }
    f++;
    char pad = ' ';
    u32 width = 0, wide = 0;
    if (*f == '0')
      pad = '0';
    while (*f >= '0' && *f <= '9')
      width = width * 10 + (*f++ - '0');
    while (*f == 'l') {
      wide++;
      f++;
    }
    u64 value;
    switch (*f) {
    case 's': {
      const char *s = __builtin_va_arg(args, const char *);
      put_padded(s, strlen(s), width, ' ');
      break;
    }
    case 'c':
      put(__builtin_va_arg(args, int));
      break;
    case 'd':
      value = __builtin_va_arg(args, int);
      put_number((s32)value < 0 ? (u32)-value : value, 10, (s32)value < 0, width, pad);
      break;
    case 'u':
    case 'x':
      value = wide > 1 ? __builtin_va_arg(args, u64) : __builtin_va_arg(args, u32);
      put_number(value, *f == 'x' ? 16 : 10, 0, width, pad);
      break;
    case 'p':
      put_number(__builtin_va_arg(args, u32), 16, 0, 8, '0');
      break;
    default:
      put(*f);
    }
  }
}

void printk(const char *format, ...)
{
  va_list args;
  __builtin_va_start(args, format);
  vprintk(format, args);
  __builtin_va_end(args);
}

void panic(const char *format, ...)
{
  va_list args;
  printk("Kernel panic: ");
  __builtin_va_start(args, format);
  vprintk(format, args);
  __builtin_va_end(args);
  printk("\n");
  stop_here();
}
