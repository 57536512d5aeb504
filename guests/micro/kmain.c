/* Benchmark guest: a multiboot kernel. The command line names what to run:
 *   name:rounds[*times] [name:rounds[*times] ...]
 * and each prints "BEGIN name rounds" and "RESULT name rounds checksum" on COM1.
 * Paging is on (4 KiB pages, the first 32 MiB mapped one to one). */
#include "guest.h"
static inline void outb(u16 p, u8 v) { __asm__ volatile("outb %0,%1" :: "a"(v), "Nd"(p)); }
/* With QEMU -icount shift=0 this counts instructions; elsewhere it is only printed. */
static inline u64 tsc(void) { u64 t; __asm__ volatile("rdtsc" : "=A"(t)); return t; }
static inline u8 inb(u16 p) { u8 v; __asm__ volatile("inb %1,%0" : "=a"(v) : "Nd"(p)); return v; }
void *memcpy(void *d, const void *s, __SIZE_TYPE__ n) { u8 *a = d; const u8 *b = s; while (n--) *a++ = *b++; return d; }
void *memset(void *d, int c, __SIZE_TYPE__ n) { u8 *a = d; while (n--) *a++ = (u8)c; return d; }
int memcmp(const void *a, const void *b, __SIZE_TYPE__ n) { const u8 *x = a, *y = b; for (; n--; x++, y++) if (*x != *y) return *x - *y; return 0; }
__SIZE_TYPE__ strlen(const char *s) { __SIZE_TYPE__ n = 0; while (s[n]) n++; return n; }
static void putch(char c) { if (c == '\n') putch('\r'); while (!(inb(0x3fd) & 0x20)) ; outb(0x3f8, (u8)c); }
void put(const char *s) { while (*s) putch(*s++); }
void putu(u32 v) { char b[12]; int i = 11; b[i] = 0; do b[--i] = (char)('0' + v % 10); while (v /= 10); put(b + i); }
void putx(u32 v) { for (int i = 28; i >= 0; i -= 4) putch("0123456789abcdef"[v >> i & 15]); }

#define MAPPED (32u << 20)
static u32 page_dir[1024] __attribute__((aligned(4096))), page_dir_b[1024] __attribute__((aligned(4096)));
u32 page_tables[MAPPED >> 12] __attribute__((aligned(4096)));
static u32 table_b[1024] __attribute__((aligned(4096)));
static u64 gdt[6], idt[256];
static u32 tss[26] __attribute__((aligned(128)));
#define WINDOW 0x01c00000u /* 28 MiB: the last 4 MiB of the map, used by the paging benchmarks */

extern u32 user_run(u32 n); extern u32 fault_count, syscall_count;
extern void load_segments(void *, void *); extern void int80_entry(void), pf_entry(void), bad_entry(void);
__asm__(".globl tss_esp0\n.set tss_esp0, tss+4");
void kbad(u32 a, u32 b, u32 c) { put("UNEXPECTED-EXCEPTION "); putx(a); put(" "); putx(b); put(" "); putx(c); put("\n"); }

static void gate(int v, void (*h)(void), int dpl) { u32 a = (u32)h; idt[v] = (u64)(a & 0xffff0000u) << 32 | (u64)(0x8e00 | dpl << 13) << 32 | 0x80000u | (a & 0xffff); }
static void setcr3(u32 v) { __asm__ volatile("mov %0,%%cr3" :: "r"(v) : "memory"); }
static void setup(void) {
  gdt[1] = 0x00cf9a000000ffffull; gdt[2] = 0x00cf92000000ffffull; gdt[3] = 0x00cffa000000ffffull; gdt[4] = 0x00cff2000000ffffull;
  u32 t = (u32)tss; tss[2] = 0x10; tss[25] = 104 << 16;
  gdt[5] = (u64)(t >> 24) << 56 | (u64)0x89 << 40 | (u64)(t & 0xffffff) << 16 | 103;
  for (int i = 0; i < 32; i++) gate(i, bad_entry, 0);
  gate(14, pf_entry, 0); gate(0x80, int80_entry, 3);
  struct { u16 l; u32 b; } __attribute__((packed)) g = { sizeof gdt - 1, (u32)gdt }, d = { sizeof idt - 1, (u32)idt };
  load_segments(&g, &d);
  for (u32 i = 0; i < MAPPED >> 12; i++) page_tables[i] = i << 12 | 7;
  for (u32 i = 0; i < MAPPED >> 22; i++) page_dir_b[i] = page_dir[i] = (u32)&page_tables[i << 10] | 7;
  for (u32 i = 0; i < 1024; i++) table_b[i] = (WINDOW + ((i ^ 1) << 12)) | 7;  /* the window with neighbouring pages exchanged */
  page_dir_b[WINDOW >> 22] = (u32)table_b | 7;
  setcr3((u32)page_dir);
  u32 c; __asm__ volatile("mov %%cr4,%0" : "=r"(c)); __asm__ volatile("mov %0,%%cr4" :: "r"(c | 0x600));
  __asm__ volatile("mov %%cr0,%0" : "=r"(c)); c = (c & ~0xcu) | 0x80010022u; __asm__ volatile("mov %0,%%cr0; jmp 1f; 1:" :: "r"(c) : "memory");
  __asm__ volatile("fninit");
}
/* (f) 100 system calls from ring 3 a round, segments saved and loaded as an operating system does */
u32 b_int80(u32 n) { syscall_count = 0; return user_run(n * 100); }
/* (g) cr3 reload and a touch of 8 pages, 100 a round */
u32 b_cr3(u32 n) { u32 s = 0; n *= 100; while (n--) { setcr3((u32)page_dir); for (u32 i = 0; i < 8; i++) s += *(volatile u32 *)(WINDOW + i * 4096); } return s; }
/* (g2) two address spaces: switch, write in one, switch, read it in the other; 50 pairs (100 switches) a round */
u32 b_pgswitch(u32 n) {
  u32 bad = 0; n *= 50;
  while (n--) {
    setcr3((u32)page_dir); *(volatile u32 *)(WINDOW + 4096 * (n & 254)) = n;
    setcr3((u32)page_dir_b); if (*(volatile u32 *)(WINDOW + 4096 * ((n & 254) ^ 1)) != n) bad++;
  }
  setcr3((u32)page_dir); return bad;
}
/* (g3) map another page and invlpg, read and write it; 100 a round */
u32 b_invlpg(u32 n) {
  volatile u32 *p = (u32 *)WINDOW; u32 s = 0; n *= 100;
  while (n--) { page_tables[WINDOW >> 12] = (WINDOW + ((n & 511) << 12)) | 7; __asm__ volatile("invlpg (%0)" :: "r"(p) : "memory"); s += *p; *p = n; }
  page_tables[WINDOW >> 12] = WINDOW | 7; __asm__ volatile("invlpg (%0)" :: "r"(p) : "memory"); return s & 0;
}
/* (g4) page fault taken and repaired, 100 a round */
u32 b_pgfault(u32 n) {
  u32 s = 0; fault_count = 0; n *= 100;
  while (n--) { u32 a = WINDOW + ((n & 63) << 12); page_tables[a >> 12] &= ~1u; __asm__ volatile("invlpg (%0)" :: "r"(a) : "memory"); s += *(volatile u32 *)a & 0; }
  return fault_count + s;
}
/* (g5) no flush, but 2048 pages touched in turn (8 MiB), a round = one pass */
u32 b_memtlb(u32 n) { u32 s = 0; while (n--) for (u32 i = 0; i < 2048; i++) s += *(volatile u32 *)(0x01400000u + ((i * 37 & 2047) << 12) + ((i & 15) << 6)); return s & 0; }
/* (h) port output, 100 a round */
u32 b_outb(u32 n) { n *= 100; while (n--) outb(0x80, (u8)n); return 0; }

void kmain(u32 magic, u32 *mbi) {
  outb(0x3f9, 0); outb(0x3fb, 0x80); outb(0x3f8, 1); outb(0x3f9, 0); outb(0x3fb, 3); outb(0x3fa, 0xc7); outb(0x3fc, 3);
  setup();
  const char *c = "";
  if (magic == 0x2BADB002 && (mbi[0] & 4)) c = (const char *)mbi[4];
  put("GUEST-READY "); put(c); put("\n");
  while (*c) {
    while (*c == ' ') c++;
    const char *s = c; while (*c && *c != ' ' && *c != ':') c++;
    __SIZE_TYPE__ l = (__SIZE_TYPE__)(c - s);
    if (*c != ':') continue;
    c++; u32 n = 0; while (*c >= '0' && *c <= '9') n = n * 10 + (u32)(*c++ - '0');
    u32 k = 1; if (*c == '*') { c++; k = 0; while (*c >= '0' && *c <= '9') k = k * 10 + (u32)(*c++ - '0'); }
    int ok = 0;
    for (const bench_t *b = benches; b->name; b++) if (strlen(b->name) == l && !memcmp(b->name, s, l)) while (k--) {
      put("BEGIN "); put(b->name); put(" "); putu(n); put("\n");
      u64 t = tsc(); u32 r = b->run(n); t = tsc() - t;
      put("RESULT "); put(b->name); put(" "); putu(n); put(" "); putx(r); put(" tsc="); putx((u32)(t >> 32)); putx((u32)t); put("\n"); ok = 1;
    }
    if (!ok) put("SKIP\n");
  }
  put("ALL-DONE\n");
}
