/* Bytes, text and numbers, without a C library. */
#include "minipv.h"

u32 length(const char *s) { u32 n = 0; while (s[n]) n++; return n; }
int same(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
void copy(void *to, const void *from, u32 bytes) {
  word count = bytes;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) :: "memory");
}
void fill(void *to, u8 value, u32 bytes) {
  word count = bytes;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
}
/* What GCC may call by itself. */
void *memcpy(void *to, const void *from, word bytes) { copy(to, from, bytes); return to; }
void *memset(void *to, int value, word bytes) { fill(to, value, bytes); return to; }

u64 divide(u64 value, u32 by) {
  u32 high = value >> 32, low = value, rest = high % by;
  u32 quotient;
  __asm__("divl %4" : "=a"(quotient), "=d"(rest) : "0"(low), "1"(rest), "r"(by));
  return (u64)(high / by) << 32 | quotient;
}

static u32 digits(char *to, u64 value, u32 base) {
  char text[24];
  u32 n = 0;
  do {
    u64 rest = divide(value, base);
    text[n++] = "0123456789abcdef"[(u32)(value - rest * base)];
    value = rest;
  } while (value);
  for (u32 i = 0; i < n; i++) to[i] = text[n - 1 - i];
  return n;
}

void vformat(char *to, u32 room, const char *pattern, __builtin_va_list arguments) {
  u32 n = 0;
  char text[24];
  for (; *pattern && n < room - 1; pattern++) {
    if (*pattern != '%') { to[n++] = *pattern; continue; }
    u32 bytes = 0;
    const char *from = text;
    switch (*++pattern) {
      case 's': from = __builtin_va_arg(arguments, const char *); bytes = length(from); break;
      case 'c': text[0] = __builtin_va_arg(arguments, int); bytes = 1; break;
      case 'u': bytes = digits(text, __builtin_va_arg(arguments, u32), 10); break;
      case 'x': bytes = digits(text, __builtin_va_arg(arguments, u32), 16); break;
      case 'U': bytes = digits(text, __builtin_va_arg(arguments, u64), 10); break;
      case 'd': {
        int value = __builtin_va_arg(arguments, int);
        if (value < 0) text[bytes++] = '-';
        bytes += digits(text + bytes, value < 0 ? -(u32)value : (u32)value, 10);
        break;
      }
      default: text[0] = *pattern; bytes = 1;
    }
    for (u32 i = 0; i < bytes && n < room - 1; i++) to[n++] = from[i];
  }
  to[n] = 0;
}
void format(char *to, u32 room, const char *pattern, ...) {
  __builtin_va_list arguments;
  __builtin_va_start(arguments, pattern);
  vformat(to, room, pattern, arguments);
  __builtin_va_end(arguments);
}
u32 number(const char *s) { u32 n = 0; while (*s >= '0' && *s <= '9') n = n * 10 + *s++ - '0'; return n; }

/* The CRC-32 of zlib and Ethernet, so that anybody outside can compare. */
u32 crc32(u32 crc, const void *data, u32 bytes) {
  static u32 table[256];
  if (!table[1])
    for (u32 i = 0; i < 256; i++) {
      u32 c = i;
      for (int bit = 0; bit < 8; bit++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
      table[i] = c;
    }
  const u8 *p = data;
  crc = ~crc;
  while (bytes--) crc = crc >> 8 ^ table[(crc ^ *p++) & 255];
  return ~crc;
}
