/*
 * Multiboot kernel for wide code: thousands of distinct functions called in data-dependent order, the shape of an operating system's boot.
 * WIDE is C text made by a generator (bench/cpu.mjs says which): it gives kmain(choice, thousands of calls). Each repetition is framed by
 * "BEGIN wide 1" and "RESULT wide 1 CHECKSUM" on COM1.
 */
#include WIDE

static inline void outb(unsigned short port, u8 value) { __asm__ volatile("outb %0,%1" ::"a"(value), "Nd"(port)); }
static inline u8 inb(unsigned short port) {
  u8 value;
  __asm__ volatile("inb %1,%0" : "=a"(value) : "Nd"(port));
  return value;
}
static void put(const char *text) {
  for (; *text; text++) {
    while (!(inb(0x3fd) & 0x20)) {
    }
    outb(0x3f8, (u8)*text);
  }
}
static void put_hex(u32 value) {
  char text[9] = {0};
  for (int i = 0; i < 8; i++) text[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
  put(text);
}

void run(void) {
  for (int i = 0; i < REPETITIONS; i++) {
    put("BEGIN wide 1\r\n");
    u32 sum = kmain(0, THOUSANDS);
    put("RESULT wide 1 ");
    put_hex(sum);
    put("\r\n");
  }
  put("ALL-DONE\r\n");
  for (;;) __asm__ volatile("cli; hlt");
}

/* Multiboot 1 header with addresses (flag 16), at the start of the image. */
extern char image_end[], bss_end[];
void start(void);
__attribute__((section(".header"), used)) static const struct {
  u32 magic, flags, checksum;
  const void *header, *load, *load_end, *bss_end;
  void (*entry)(void);
} header = {0x1BADB002, 0x10000, 0u - 0x1BADB002u - 0x10000u, &header, &header, image_end, bss_end, start};

static u8 stack[65536] __attribute__((aligned(16), used));
__asm__(".globl start\nstart: cli\n lea stack+65536, %esp\n call run\n");
