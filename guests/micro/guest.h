/* Bare-metal benchmark guest: shared declarations. */
#ifndef GUEST_H
#define GUEST_H
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef struct { const char *name; u32 (*run)(u32 n); int privileged; } bench_t;
extern const bench_t benches[];
void put(const char *s); void putu(u32 v); void putx(u32 v);
void *memcpy(void *d, const void *s, __SIZE_TYPE__ n); void *memset(void *d, int c, __SIZE_TYPE__ n);
int memcmp(const void *a, const void *b, __SIZE_TYPE__ n); __SIZE_TYPE__ strlen(const char *s);
#endif
