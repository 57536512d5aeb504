/* The benchmarks' workloads. Each takes a number of rounds and returns a checksum, which is the same on every processor. */
#include "guest.h"

#define NOINLINE __attribute__((noinline))

/* (a) integer: sieve of Eratosthenes over 64 Ki bytes */
static u8 sieve_buf[65536];
static NOINLINE u32 b_sieve(u32 n) {
  u32 c = 0;
  while (n--) {
    c = 0;
    for (u32 i = 0; i < 65536; i++) sieve_buf[i] = 1;
    for (u32 i = 2; i < 65536; i++) if (sieve_buf[i]) { c++; for (u32 j = i + i; j < 65536; j += i) sieve_buf[j] = 0; }
  }
  return c;
}
/* (a2) integer: register-only ALU loop with a data-dependent branch; one round = 1 Mi steps, 8 guest instructions or so each */
static NOINLINE u32 b_alu(u32 n) {
  u32 x = 12345, s = 0;
  while (n--) for (u32 i = 0; i < 1048576; i++) {
    x ^= x << 13; x ^= x >> 17; x ^= x << 5;
    if (x & 0x100) s += x; else s ^= i;
  }
  return s ^ x;
}
/* (a3) calls and branches: recursive Fibonacci fib(24), 75 k calls a round */
static NOINLINE u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static NOINLINE u32 b_fib(u32 n) { u32 s = 0; while (n--) s += fib(24); return s; }

/* (b) a mix: linked list, structs, switch state machine, integer matrix, CRC */
typedef struct node { struct node *next; u16 key, val; } node_t;
static node_t nodes[512]; static u32 ma[24][24], mb[24][24], mc[24][24]; static char text[] = "12,0x3f,-77,+8e4,foo,0.125,9999,;,1e-3,bar,0x,5,,-0,";
static u32 crc8(u32 crc, u32 d) { for (int i = 0; i < 8; i++) { u32 x = (crc ^ d) & 1; crc >>= 1; d >>= 1; if (x) crc ^= 0xa001; } return crc; }
static NOINLINE node_t *rev(node_t *l) { node_t *r = 0; while (l) { node_t *t = l->next; l->next = r; r = l; l = t; } return r; }
static NOINLINE node_t *find(node_t *l, u32 k) { while (l && l->key != k) l = l->next; return l; }
static NOINLINE u32 fsm(const char *p, u32 *cnt) {
  u32 st = 0, tr = 0;
  for (; *p; p++) {
    u32 old = st; char c = *p;
    if (c == ',') { cnt[st]++; st = 0; continue; }
    switch (st) {
      case 0: st = (c >= '0' && c <= '9') ? 1 : (c == '+' || c == '-') ? 2 : c == '.' ? 3 : 7; break;
      case 1: if (c == '.') st = 3; else if (c == 'x') st = 4; else if (c == 'e') st = 5; else if (c < '0' || c > '9') st = 7; break;
      case 2: st = (c >= '0' && c <= '9') ? 1 : c == '.' ? 3 : 7; break;
      case 3: if (c == 'e') st = 5; else if (c < '0' || c > '9') st = 7; break;
      case 4: if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) st = 7; break;
      case 5: st = (c == '-' || c == '+' || (c >= '0' && c <= '9')) ? 6 : 7; break;
      case 6: if (c < '0' || c > '9') st = 7; break;
      default: break;
    }
    tr += st != old;
  }
  return tr;
}
static NOINLINE u32 b_mix(u32 n) {
  u32 crc = 0xffff, cnt[8] = {0};
  for (u32 i = 0; i < 512; i++) { nodes[i].next = i < 511 ? &nodes[i + 1] : 0; nodes[i].key = (u16)(i * 7 & 511); nodes[i].val = (u16)i; }
  for (u32 i = 0; i < 24; i++) for (u32 j = 0; j < 24; j++) { ma[i][j] = i * j + 1; mb[i][j] = i + j; }
  node_t *l = nodes;
  while (n--) {
    for (u32 i = 0; i < 16; i++) { node_t *f = find(l, (i * 37 + n) & 511); if (f) { f->val++; crc = crc8(crc, f->val); } l = rev(l); }
    for (u32 i = 0; i < 24; i++) for (u32 j = 0; j < 24; j++) { u32 s = 0; for (u32 k = 0; k < 24; k++) s += ma[i][k] * mb[k][j]; mc[i][j] = s; }
    for (u32 i = 0; i < 24; i++) crc = crc8(crc, mc[i][(i * 5) % 24]);
    for (u32 i = 0; i < 8; i++) { text[0] = (char)('0' + ((i + n) & 7)); crc = crc8(crc, fsm(text, cnt)); }
    ma[n % 24][n % 23] = crc & 0xff;
  }
  return crc ^ cnt[1] ^ (cnt[7] << 8);
}
/* (c) rep movsd + rep stosd, 64 KiB each a round, then rep movsb 4 KiB */
static u8 mem_a[65536] __attribute__((aligned(4096))), mem_b[65536] __attribute__((aligned(4096)));
static NOINLINE u32 b_repmovs(u32 n) {
  while (n--) {
    void *d = mem_b, *s = mem_a; u32 c = 16384;
    __asm__ volatile("cld; rep movsl" : "+D"(d), "+S"(s), "+c"(c) :: "memory");
    d = mem_a; c = 16384; __asm__ volatile("rep stosl" : "+D"(d), "+c"(c) : "a"(n) : "memory");
    d = mem_b + 1; s = mem_a + 2; c = 4096; __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(c) :: "memory");
  }
  return mem_a[5] + mem_b[9];
}
/* (c2) plain word loop copy of 64 KiB, no string instruction */
static NOINLINE u32 b_copyloop(u32 n) {
  volatile u32 *d = (u32 *)mem_b; const u32 *s = (u32 *)mem_a;
  while (n--) { for (u32 i = 0; i < 16384; i++) d[i] = s[i] + n; }
  return d[77];
}
/* (d) x87 double: Mandelbrot 64x48, at most 100 steps */
static NOINLINE u32 b_mandel(u32 n) {
  u32 t = 0;
  while (n--) for (int y = 0; y < 48; y++) for (int x = 0; x < 64; x++) {
    double cr = x * (3.0 / 64) - 2.2, ci = y * (2.4 / 48) - 1.2, zr = 0, zi = 0; int k = 0;
    while (k < 100) { double a = zr * zr, b = zi * zi; if (a + b > 4.0) break; zi = 2 * zr * zi + ci; zr = a - b + cr; k++; }
    t += k;
  }
  return t;
}
/* (d2) x87 n-body, 5 bodies, 100 steps a round, fsqrt and fdiv */
static double bx[5] = {0, 4.84, 8.34, 12.89, 15.37}, by[5] = {0, -1.16, 4.12, -15.11, -25.9}, bz[5] = {0, -.10, -.4, -.22, .179},
  vx[5] = {0, .606, -1.01, 1.08, .979}, vy[5] = {0, 2.81, 1.82, .868, .594}, vz[5] = {0, -.02, .008, -.01, -.034}, bm[5] = {39.47, .037, .011, .0017, .002};
static NOINLINE u32 b_nbody(u32 n) {
  n *= 100;
  while (n--) {
    for (int i = 0; i < 5; i++) for (int j = i + 1; j < 5; j++) {
      double dx = bx[i] - bx[j], dy = by[i] - by[j], dz = bz[i] - bz[j], d2 = dx * dx + dy * dy + dz * dz, d;
      __asm__("fsqrt" : "=t"(d) : "0"(d2));
      double m = 0.001 / (d2 * d), a = bm[j] * m, b = bm[i] * m;
      vx[i] -= dx * a; vy[i] -= dy * a; vz[i] -= dz * a; vx[j] += dx * b; vy[j] += dy * b; vz[j] += dz * b;
    }
    for (int i = 0; i < 5; i++) { bx[i] += .001 * vx[i]; by[i] += .001 * vy[i]; bz[i] += .001 * vz[i]; }
  }
  return (u32)(int)(bx[0] * 1e6);
}
/* (e) SSE2: packed single a*x+y over 16 KiB and packed 32-bit integer add/xor/shuffle, one round = both */
static float fa[4096] __attribute__((aligned(16))), fb[4096] __attribute__((aligned(16)));
static NOINLINE u32 b_sse2(u32 n) {
  static const float k[4] __attribute__((aligned(16))) = {1.0001f, .9999f, 1.0002f, .9998f};
  for (int i = 0; i < 4096; i++) { fa[i] = (float)i; fb[i] = 1.0f; }
  while (n--) {
    float *p = fa, *q = fb; u32 c = 1024;
    __asm__ volatile("movaps %3,%%xmm2; 1: movaps (%0),%%xmm0; mulps %%xmm2,%%xmm0; movaps (%1),%%xmm1; addps %%xmm1,%%xmm0;"
      " minps %%xmm1,%%xmm0; movaps %%xmm0,(%0); add $16,%0; add $16,%1; dec %2; jnz 1b"
      : "+r"(p), "+r"(q), "+r"(c) : "m"(*k) : "memory");
    p = fa; q = fb; c = 1024;
    __asm__ volatile("1: movdqa (%0),%%xmm0; pshufd $0x1b,%%xmm0,%%xmm1; paddd (%1),%%xmm0; pxor %%xmm1,%%xmm0; pand (%1),%%xmm0;"
      " movdqa %%xmm0,(%0); add $16,%0; add $16,%1; dec %2; jnz 1b"
      : "+r"(p), "+r"(q), "+r"(c) :: "memory");
  }
  u32 r; memcpy(&r, &fa[9], 4); return r;
}
/* (i) self-modifying code: patch an immediate in a small function, call it; 1000 patches a round */
static u8 smc_code[64] __attribute__((aligned(64))) = { 0xb8, 0, 0, 0, 0, 0x01, 0xc8, 0xc3 }; /* mov eax,imm; add eax,ecx; ret */
u8 *smc_page = smc_code;
static NOINLINE u32 b_smc(u32 n) {
  u32 s = 0; n *= 1000; u8 *code = smc_page;
  while (n--) { *(volatile u32 *)(code + 1) = n; u32 r; __asm__ volatile("call *%2" : "=&a"(r) : "c"(s), "r"(code) : "memory"); s = r; }
  return s;
}
/* (i2) the same page holds code that runs and data that is written (no code byte changes), 1000 writes a round */
static NOINLINE u32 b_smcdata(u32 n) {
  u32 s = 0; n *= 1000; u8 *code = smc_page;
  while (n--) { *(volatile u32 *)(code + 32) = n; u32 r; __asm__ volatile("call *%2" : "=&a"(r) : "c"(s), "r"(code) : "memory"); s = r; }
  return s;
}
/* (j) SHA-256 of 16 KiB a round */
static const u32 K[64] = {
0x428a2f98,0x71374491,0xb5c0fbcf,0xe9b5dba5,0x3956c25b,0x59f111f1,0x923f82a4,0xab1c5ed5,0xd807aa98,0x12835b01,0x243185be,0x550c7dc3,0x72be5d74,0x80deb1fe,0x9bdc06a7,0xc19bf174,
0xe49b69c1,0xefbe4786,0x0fc19dc6,0x240ca1cc,0x2de92c6f,0x4a7484aa,0x5cb0a9dc,0x76f988da,0x983e5152,0xa831c66d,0xb00327c8,0xbf597fc7,0xc6e00bf3,0xd5a79147,0x06ca6351,0x14292967,
0x27b70a85,0x2e1b2138,0x4d2c6dfc,0x53380d13,0x650a7354,0x766a0abb,0x81c2c92e,0x92722c85,0xa2bfe8a1,0xa81a664b,0xc24b8b70,0xc76c51a3,0xd192e819,0xd6990624,0xf40e3585,0x106aa070,
0x19a4c116,0x1e376c08,0x2748774c,0x34b0bcb5,0x391c0cb3,0x4ed8aa4a,0x5b9cca4f,0x682e6ff3,0x748f82ee,0x78a5636f,0x84c87814,0x8cc70208,0x90befffa,0xa4506ceb,0xbef9a3f7,0xc67178f2};
#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))
static NOINLINE void sha_block(u32 *h, const u8 *p) {
  u32 w[64];
  for (int i = 0; i < 16; i++) w[i] = (u32)p[4*i] << 24 | (u32)p[4*i+1] << 16 | (u32)p[4*i+2] << 8 | p[4*i+3];
  for (int i = 16; i < 64; i++) { u32 a = w[i-15], b = w[i-2]; w[i] = w[i-16] + (ROR(a,7) ^ ROR(a,18) ^ a >> 3) + w[i-7] + (ROR(b,17) ^ ROR(b,19) ^ b >> 10); }
  u32 a=h[0],b=h[1],c=h[2],d=h[3],e=h[4],f=h[5],g=h[6],hh=h[7];
  for (int i = 0; i < 64; i++) {
    u32 t1 = hh + (ROR(e,6) ^ ROR(e,11) ^ ROR(e,25)) + ((e & f) ^ (~e & g)) + K[i] + w[i], t2 = (ROR(a,2) ^ ROR(a,13) ^ ROR(a,22)) + ((a & b) ^ (a & c) ^ (b & c));
    hh = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2;
  }
  h[0]+=a;h[1]+=b;h[2]+=c;h[3]+=d;h[4]+=e;h[5]+=f;h[6]+=g;h[7]+=hh;
}
static NOINLINE u32 b_sha256(u32 n) {
  u32 h[8] = {0x6a09e667,0xbb67ae85,0x3c6ef372,0xa54ff53a,0x510e527f,0x9b05688c,0x1f83d9ab,0x5be0cd19};
  for (u32 i = 0; i < 16384; i++) mem_a[i] = (u8)(i * 31);
  while (n--) for (u32 i = 0; i < 16384; i += 64) sha_block(h, mem_a + i);
  return h[0];
}
/* (j2) LZ77 with a hash of 3-byte strings over 32 KiB of synthetic text, a round compresses it once */
static u8 lz_out[65536]; static u16 lz_head[4096];
static NOINLINE u32 b_lz(u32 n) {
  u32 x = 1, total = 0;
  for (u32 i = 0; i < 32768; i++) { x = x * 1103515245 + 12345; mem_a[i] = (u8)("etaoin shrdlu,cmfwyp"[(x >> 16) % 20]); if ((x & 0x3f00) == 0 && i > 300) for (u32 k = 0; k < 40 && i < 32767; k++, i++) mem_a[i + 1] = mem_a[i - 250]; }
  while (n--) {
    u32 o = 0, i = 0; memset(lz_head, 0, sizeof lz_head);
    while (i < 32768 - 16) {
      u32 h = ((mem_a[i] << 8 ^ mem_a[i+1] << 4 ^ mem_a[i+2]) * 2654435u >> 8) & 4095, c = lz_head[h], len = 0;
      lz_head[h] = (u16)i;
      if (c && c < i) while (len < 258 && i + len < 32768 && mem_a[c + len] == mem_a[i + len]) len++;
      if (len >= 4) { lz_out[o++] = 0xff; lz_out[o++] = (u8)len; lz_out[o++] = (u8)(i - c); lz_out[o++] = (u8)((i - c) >> 8); i += len; }
      else lz_out[o++] = mem_a[i++];
      o &= 65535;
    }
    total += o;
  }
  return total;
}

u32 b_int80(u32 n); u32 b_cr3(u32 n); u32 b_pgswitch(u32 n); u32 b_invlpg(u32 n); u32 b_outb(u32 n); u32 b_cpuid(u32 n); u32 b_pgfault(u32 n); u32 b_memtlb(u32 n);

const bench_t benches[] = {
  { "alu", b_alu, 0 }, { "sieve", b_sieve, 0 }, { "fib", b_fib, 0 }, { "mix", b_mix, 0 }, { "repmovs", b_repmovs, 0 }, { "copyloop", b_copyloop, 0 },
  { "mandel", b_mandel, 0 }, { "nbody", b_nbody, 0 }, { "sse2", b_sse2, 0 }, { "smc", b_smc, 0 }, { "smcdata", b_smcdata, 0 },
  { "sha256", b_sha256, 0 }, { "lz", b_lz, 0 },
  { "int80", b_int80, 1 }, { "cpuid", b_cpuid, 0 },
  { "memtlb", b_memtlb, 1 }, { "cr3", b_cr3, 1 }, { "pgswitch", b_pgswitch, 1 }, { "invlpg", b_invlpg, 1 }, { "pgfault", b_pgfault, 1 }, { "outb", b_outb, 1 },
  { 0, 0, 0 } };

u32 b_cpuid(u32 n) { u32 s = 0; n *= 100; while (n--) { u32 a = 1, b, c = 0, d; __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d)); s += a; } return s & 0; }
