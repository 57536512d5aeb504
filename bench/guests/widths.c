/* Rows of the micro benchmark's work.c without a kernel: the host enters `start` in paged, flat code of 32 or of 64 bits and reads the checksum off EAX at the HLT. */
#include "../../guests/micro/work.c"

static u32 (*const rows[])(u32) = {b_alu, b_sieve, b_fib, b_mix, b_copyloop, b_sha256, b_lz, b_repmovs};

#ifdef __i386__
__attribute__((regparm(2)))
#endif
__attribute__((section(".text.start"), noreturn)) void start(u32 row, u32 rounds) {
  u32 checksum = rows[row](rounds);
  for (;;) __asm__ volatile("hlt" ::"a"(checksum));
}

/* Rows of work.c's list that need the kernel of micro.elf. */
#define NOT_HERE(row) \
  u32 row(u32 rounds) { return rounds; }
NOT_HERE(b_int80)
NOT_HERE(b_cr3)
NOT_HERE(b_pgswitch)
NOT_HERE(b_invlpg)
NOT_HERE(b_outb)
NOT_HERE(b_pgfault)
NOT_HERE(b_memtlb)

void *memcpy(void *to, const void *from, __SIZE_TYPE__ n) {
  u8 *d = to;
  for (const u8 *s = from; n--;) *d++ = *s++;
  return to;
}
void *memset(void *to, int value, __SIZE_TYPE__ n) {
  for (u8 *d = to; n--;) *d++ = (u8)value;
  return to;
}
