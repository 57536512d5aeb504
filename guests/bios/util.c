/* Memory by segments, CMOS, waiting, words on the screen. */
#include "bios.h"

void copy_out(u16 segment, u32 offset, const void *from, u32 bytes) {
  const u8 *source = from;
  use(segment);
  for (u32 i = 0; i < bytes; i++) FAR(u8, offset + i) = source[i];
}

void copy_in(void *to, u16 segment, u32 offset, u32 bytes) {
  u8 *target = to;
  use(segment);
  for (u32 i = 0; i < bytes; i++) target[i] = FAR(u8, offset + i);
}

/* Two at a time, then the odd one: on the screen each access costs a virtual machine an exit. */
void fill_words(u16 segment, u32 offset, u16 value, u32 words) {
  u32 odd = words & 1, pairs = words >> 1;
  __asm__ volatile("pushw %%es; movw %4, %%es; rep stosl; movl %3, %%ecx; rep stosw; popw %%es"
                   : "+D"(offset), "+c"(pairs) : "a"(value | (u32)value << 16), "r"(odd), "r"(segment) : "memory");
}

/* Upwards or, where the target is behind the source, downwards. */
void move_words(u16 to_segment, u16 to, u16 from_segment, u16 from, u32 words) {
  u32 target = to, source = from;
  if (to_segment == from_segment && to > from) {
    target = (u16)(to + 2 * words - 2);
    source = (u16)(from + 2 * words - 2);
    __asm__ volatile("pushw %%es; pushw %%ds; movw %3, %%es; movw %4, %%ds; std; rep movsw; cld; popw %%ds; popw %%es"
                     : "+D"(target), "+S"(source), "+c"(words) : "r"(to_segment), "r"(from_segment) : "memory");
    return;
  }
  u32 odd = words & 1;
  words >>= 1;
  __asm__ volatile("pushw %%es; pushw %%ds; movw %3, %%es; movw %4, %%ds; rep movsl; movl %5, %%ecx; rep movsw; popw %%ds; popw %%es"
                   : "+D"(target), "+S"(source), "+c"(words) : "r"(to_segment), "r"(from_segment), "r"(odd) : "memory");
}

void *memset(void *at, int value, unsigned bytes) {
  u8 *target = at;
  while (bytes--) *target++ = value;
  return at;
}

void *memcpy(void *to, const void *from, unsigned bytes) {
  u8 *target = to;
  const u8 *source = from;
  while (bytes--) *target++ = *source++;
  return to;
}

int equal(const void *a, const void *b, u32 bytes) {
  const u8 *x = a, *y = b;
  for (u32 i = 0; i < bytes; i++)
    if (x[i] != y[i]) return 0;
  return 1;
}

/* The processor divides 64 bits by 32 where the quotient fits: in two steps it always does. */
u32 divide(u64 dividend, u32 divisor, u32 *remainder) {
  u32 high = dividend >> 32, low = dividend, rest = high % divisor;
  __asm__("divl %2" : "+a"(low), "+d"(rest) : "r"(divisor));
  if (remainder) *remainder = rest;
  return high >= divisor ? 0xffffffff : low;
}

/* Index with bit 7: NMI stays masked while CMOS is read. */
u8 cmos(u8 index) {
  out8(0x70, index | 0x80);
  return in8(0x71);
}

void set_cmos(u8 index, u8 value) {
  out8(0x70, index | 0x80);
  out8(0x71, value);
}

/* Bit 4 of port 61h changes with each refresh request, every 15.085 µs (IBM AT technical reference; PIIX3 datasheet, NMISC). */
#define REFRESH_NS 15085
void wait_us(u32 us) {
  u32 left = divide((u64)us * 1000, REFRESH_NS, 0) + 1;
  for (u8 last = in8(0x61) & 0x10; left;) {
    u8 now = in8(0x61) & 0x10;
    if (now != last) left--;
    last = now;
  }
}

struct limit limit_ms(u32 ms) { return (struct limit){ ms * 66, in8(0x61) & 0x10 }; }

/* Some instructions of patience: looking at a port costs more than they do. */
static void pause(void) {
  for (int i = 0; i < 32; i++) __asm__ volatile("pause");
}

int expired(struct limit *limit) {
  pause();
  u8 now = in8(0x61) & 0x10;
  if (now != limit->last && limit->left) limit->left--;
  limit->last = now;
  return limit->left == 0;
}

#define DEBUG_PORT 0x402
void put_char(char c) {
  /* Where a hypervisor listens there (QEMU's isa-debugcon, Bochs): a read gives E9h. */
  if (in8(DEBUG_PORT) == 0xe9) out8(DEBUG_PORT, c);
  if (c == '\n') put_char('\r');
  u32 ax = 0x0e00 | (u8)c, bx = 7;
  __asm__ volatile("pushl %%ebp; int $0x10; popl %%ebp" : "+a"(ax), "+b"(bx) : : "memory", "cc");
}

void print(const char *text) {
  u32 at = far(text);
  for (char c; (c = peek8(at >> 16, (u16)at)); at++) put_char(c);
}

void print_number(u32 value) {
  if (value >= 10) print_number(value / 10);
  put_char('0' + value % 10);
}

void print_hex(u32 value, int digits) {
  while (digits--) put_char("0123456789ABCDEF"[(value >> (4 * digits)) & 15]);
}

void set_vector(u8 number, u16 segment, u16 offset) { poke32(0, 4 * number, (u32)segment << 16 | offset); }
