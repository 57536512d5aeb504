/* Bytes, text and numbers, without a C library. */
#include "pcos.h"

u32 length(const char *s) { u32 n = 0; while (s[n]) n++; return n; }
int same(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
void copy(void *to, const void *from, u32 bytes) { __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory"); }
void fill(void *to, u8 value, u32 bytes) { __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory"); }
/* What GCC may call by itself. */
void *memcpy(void *to, const void *from, u32 bytes) { copy(to, from, bytes); return to; }
void *memset(void *to, int value, u32 bytes) { fill(to, value, bytes); return to; }

typedef void give(void *where, char c);

static void pattern_to(give *to, void *where, const char *pattern, __builtin_va_list values) {
  for (; *pattern; pattern++) {
    if (*pattern != '%') { to(where, *pattern); continue; }
    char digits[12], filler = ' ';
    const char *text = digits;
    u32 bytes = 0, width = 0, left = 0;
    if (*++pattern == '-') left = 1, pattern++;
    if (*pattern == '0') filler = '0', pattern++;
    while (*pattern >= '0' && *pattern <= '9') width = width * 10 + *pattern++ - '0';
    if (*pattern == 's') text = __builtin_va_arg(values, const char *), bytes = length(text);
    else if (*pattern == 'c') digits[0] = __builtin_va_arg(values, int), bytes = 1;
    else if (*pattern == 'u' || *pattern == 'd' || *pattern == 'x') {
      u32 value = __builtin_va_arg(values, u32), base = *pattern == 'x' ? 16 : 10, negative = *pattern == 'd' && (int)value < 0;
      char *at = digits + sizeof digits;
      if (negative) value = -value;
      do *--at = "0123456789abcdef"[value % base]; while (value /= base);
      if (negative) *--at = '-';
      text = at;
      bytes = digits + sizeof digits - at;
    } else digits[0] = *pattern, bytes = 1;
    for (u32 i = bytes; i < width && !left; i++) to(where, filler);
    for (u32 i = 0; i < bytes; i++) to(where, text[i]);
    for (u32 i = bytes; i < width && left; i++) to(where, ' ');
  }
}

struct room { char *at, *end; };
static void to_room(void *where, char c) { struct room *room = where; if (room->at < room->end) *room->at++ = c; }
void format(char *to, u32 room, const char *pattern, ...) {
  struct room rest = { to, to + room - 1 };
  __builtin_va_list values;
  __builtin_va_start(values, pattern);
  pattern_to(to_room, &rest, pattern, values);
  __builtin_va_end(values);
  *rest.at = 0;
}
static void to_console(void *where, char c) { (void)where; put(c); }
void print(const char *pattern, ...) {
  __builtin_va_list values;
  __builtin_va_start(values, pattern);
  u32 flags = lock();
  pattern_to(to_console, 0, pattern, values);
  cursor_on();
  unlock(flags);
  __builtin_va_end(values);
}

u32 number(const char *s, const char **end) {
  u32 value = 0, base = s[0] == '0' && s[1] == 'x' ? 16 : 10;
  if (base == 16) s += 2;
  for (;; s++) {
    u32 digit = *s >= '0' && *s <= '9' ? *s - '0' : *s >= 'a' && *s <= 'f' ? *s - 'a' + 10 : 16;
    if (digit >= base) break;
    value = value * base + digit;
  }
  if (end) *end = s;
  return value;
}
