/* The command line: words divided by spaces, `name` or `name=value`. */
#include "kernel.h"

char command_line[512];

static const char *find(const char *name)
{
  u32 length = strlen(name);
  for (const char *word = command_line; *word;) {
    if (!strncmp(word, name, length) && (word[length] == '=' || word[length] == ' ' || !word[length]))
      return word + length;
    while (*word && *word != ' ')
      word++;
    while (*word == ' ')
      word++;
  }
  return NULL;
}

int option(const char *name) { return find(name) != NULL; }

const char *option_value(const char *name)
{
  const char *after = find(name);
  return after && *after == '=' ? after + 1 : NULL;
}

u32 parse_number(const char *text, const char **end)
{
  u32 value = 0, base = 10;
  if (text[0] == '0' && (text[1] | 0x20) == 'x') {
    base = 16;
    text += 2;
  }
  for (;; text++) {
    u32 digit = *text >= '0' && *text <= '9' ? *text - '0' : (*text | 0x20) >= 'a' ? (*text | 0x20) - 'a' + 10 : 99;
    if (digit >= base)
      break;
    value = value * base + digit;
  }
  if (end)
    *end = text;
  return value;
}
