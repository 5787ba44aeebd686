/* Data structures: sorting, a list, a hash of words, compression. */
#include "bench.h"

#define KEYS 4096

static void quicksort(s32 *low, s32 *high)
{
  while (high - low > 12) {
    s32 pivot = low[(high - low) / 2];
    s32 *i = low, *j = high;
    while (i <= j) {
      while (*i < pivot) i++;
      while (*j > pivot) j--;
      if (i > j) break;
      s32 key = *i;
      *i++ = *j;
      *j-- = key;
    }
    quicksort(low, j);
    low = i;
  }
  for (s32 *i = low + 1; i <= high; i++) {
    s32 key = *i, *j = i;
    for (; j > low && j[-1] > key; j--) *j = j[-1];
    *j = key;
  }
}

/* 4096 random words into order. */
KERNEL(sort)
{
  s32 *keys = (s32 *)ARENA;
  u32 seed = 5, sum = 0;
  while (n--) {
    for (u32 i = 0; i < KEYS; i++) keys[i] = next_random(&seed);
    quicksort(keys, keys + KEYS - 1);
    for (u32 i = 1; i < KEYS; i++) sum += keys[i] < keys[i - 1];
    sum = mix(sum, keys[KEYS / 3]);
  }
  return sum;
}

#define NODES 2048

struct node {
  struct node *next;
  u32 key, value, pad;
};

/* A walk along 2048 nodes that lie in random order. */
KERNEL(list)
{
  struct node *nodes = (struct node *)ARENA;
  u16 *order = (u16 *)(ARENA + 65536);
  u32 seed = 11, sum = 0;
  for (u32 i = 0; i < NODES; i++) order[i] = i;
  for (u32 i = NODES - 1; i > 0; i--) {
    u32 j = (next_random(&seed) >> 8) % (i + 1);
    u16 other = order[i];
    order[i] = order[j];
    order[j] = other;
  }
  for (u32 i = 0; i < NODES; i++)
    nodes[order[i]] = (struct node){i + 1 < NODES ? &nodes[order[i + 1]] : 0, i, next_random(&seed), 0};
  while (n--) {
    for (struct node *node = nodes + order[0]; node; node = node->next) {
      if (node->key & 1) sum += node->value;
      else node->value ^= sum;
    }
  }
  return sum;
}

#define BUCKETS 1024

/* Words of a text into a chained hash table, each compared byte by byte with those that are there. */
KERNEL(words)
{
  static const char syllables[16][4] = {"ka", "te", "mo", "ri", "su", "na", "lo", "ve",
                                        "an", "el", "is", "or", "un", "st", "gr", "ph"};
  struct word {
    struct word *next;
    const u8 *text;
    u32 length, count;
  };
  u8 *text = ARENA;
  struct word **table = (struct word **)(ARENA + 65536), *pool = (struct word *)(ARENA + 131072);
  u32 seed = 13, length = 0, sum = 0;
  while (length < 8192) {
    for (u32 i = 2 + (next_random(&seed) >> 30); i > 0; i--) {
      const char *s = syllables[next_random(&seed) >> 28];
      text[length++] = s[0];
      text[length++] = s[1];
    }
    text[length++] = ' ';
  }
  while (n--) {
    struct word *free = pool;
    for (u32 i = 0; i < BUCKETS; i++) table[i] = 0;
    for (u32 at = 0; at < length;) {
      u32 start = at, hash = 2166136261u;
      for (; text[at] != ' '; at++) hash = (hash ^ text[at]) * 16777619;
      struct word **slot = &table[hash % BUCKETS];
      for (; *slot; slot = &(*slot)->next)
        if ((*slot)->length == at - start && memcmp((*slot)->text, text + start, at - start) == 0) break;
      if (*slot) {
        (*slot)->count++;
      } else {
        *free = (struct word){0, text + start, at - start, 1};
        *slot = free++;
      }
      at++;
    }
    u32 most = 0;
    for (struct word *word = pool; word < free; word++)
      if (word->count > most) most = word->count;
    sum = mix(sum, (free - pool) * 31 + most);
  }
  return sum;
}

#define TEXT_BYTES 16384
#define HASH_BITS 12

/* LZ77 with a table of last places: token bytes 0lllllll (literals follow) and 1lllllll offset16 (a match of l + 4). */
static u32 compress(const u8 *in, u32 length, u8 *out, u16 *last)
{
  u8 *to = out, *literals = 0;
  for (u32 i = 0; i < 1 << HASH_BITS; i++) last[i] = 0xFFFF;
  for (u32 at = 0; at < length;) {
    u32 match = 0, from = 0;
    if (at + 4 < length) {
      u32 hash = (*(const u32 *)(in + at) * 2654435761u) >> (32 - HASH_BITS);
      from = last[hash];
      last[hash] = at;
      if (from != 0xFFFF)
        while (match < 131 && at + match < length && in[from + match] == in[at + match]) match++;
    }
    if (match >= 4) {
      u32 offset = at - from;
      *to++ = 0x80 | (match - 4);
      *to++ = offset;
      *to++ = offset >> 8;
      at += match;
      literals = 0;
    } else {
      if (!literals || *literals == 127) *(literals = to++) = 0;
      ++*literals;
      *to++ = in[at++];
    }
  }
  return to - out;
}

static u32 expand(const u8 *in, u32 length, u8 *out)
{
  u8 *to = out;
  for (const u8 *end = in + length; in < end;) {
    u32 token = *in++;
    if (token & 0x80) {
      const u8 *from = to - (in[0] | in[1] << 8);
      in += 2;
      for (u32 i = (token & 0x7F) + 4; i > 0; i--) *to++ = *from++;
    } else {
      for (; token > 0; token--) *to++ = *in++;
    }
  }
  return to - out;
}

KERNEL(lz)
{
  u8 *text = ARENA, *packed = ARENA + 65536, *again = ARENA + 131072;
  u16 *last = (u16 *)(ARENA + 196608);
  u32 seed = 17, sum = 0;
  for (u32 i = 0; i < TEXT_BYTES; i++) {
    u32 r = next_random(&seed);
    text[i] = i > 64 && r >> 30 ? text[i - 1 - (r >> 8 & 31)] : 'a' + (r >> 8) % 26;
  }
  while (n--) {
    u32 length = compress(text, TEXT_BYTES, packed, last);
    if (expand(packed, length, again) != TEXT_BYTES || memcmp(text, again, TEXT_BYTES) != 0)
      panic("lz: not what it was, after", length);
    sum = mix(sum, length);
    text[sum % TEXT_BYTES] ^= 1;
  }
  return sum;
}
