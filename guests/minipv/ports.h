/* Ports, and PCI's configuration through them. */
static inline __attribute__((unused)) void out8(u32 port, u8 value) { __asm__ volatile("outb %0, %w1" :: "a"(value), "d"(port)); }
static inline __attribute__((unused)) void out16(u32 port, unsigned short value) { __asm__ volatile("outw %0, %w1" :: "a"(value), "d"(port)); }
static inline __attribute__((unused)) void out32(u32 port, u32 value) { __asm__ volatile("outl %0, %w1" :: "a"(value), "d"(port)); }
static inline __attribute__((unused)) u8 in8(u32 port) { u8 value; __asm__ volatile("inb %w1, %0" : "=a"(value) : "d"(port)); return value; }
static inline __attribute__((unused)) u32 in16(u32 port) { unsigned short value; __asm__ volatile("inw %w1, %0" : "=a"(value) : "d"(port)); return value; }
static inline __attribute__((unused)) u32 in32(u32 port) { u32 value; __asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(port)); return value; }
