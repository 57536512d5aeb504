/* What loads a processor, the hypervisor, memory or a disk, with dials. Each ends by itself and says what it did. */
#include "minipv.h"

static u32 dial(int count, char **words, int at, u32 otherwise) { return at < count ? number(words[at]) : otherwise; }

/* hog MS [PERCENT]: computes PERCENT of each 10 ms. */
static void hog(u32 ms, u32 percent) {
  u64 end = now() + ms * 1000000ull;
  u32 rounds = 0;
  volatile u32 value = 1;
  for (; now() < end; control()) {
    u64 busy = now() + percent * 100000ull;
    while (now() < busy) for (int i = 0; i < 1000; i++, rounds++) value = value * 1664525 + 1013904223;
    if (percent < 100) { u64 rest = (100 - percent) * 100000ull; wait(rest); }
  }
  print("hog: %u rounds in %u ms\n", rounds, ms);
}
/* calls N: hypercalls that do the least there is, xen_version. */
static void calls(u32 n) {
  u64 begin = now();
  for (u32 i = 0; i < n; i++) hypercall(17, 0, 0, 0, 0, 0);
  u32 ns = now() - begin;
  print("calls: %u in %u us\n", n, ns / 1000);
}
/* tables N: changes N page-table entries through the hypervisor: a page of our own loses its right to be written and gets it back. */
static void tables(u32 n) {
  static u8 page[PAGE] ALIGNED;
  if (mode != PV_MODE) { print("tables: only a paravirtual guest asks for its page tables\n"); return; }
  u64 entry = (u64)mfn_of(page) << 12;
  u32 refused = 0;
  for (u32 i = 0; i < n; i++) {
    u64 value = entry | (i & 1 ? 3 : 1);
    if (hypercall(14, (word)page, value, value >> 32, 2, 0)) refused++;
  }
  print("tables: %u changes, %u refused\n", n, refused);
}
/* dirty PAGES ROUNDS [PAUSE_US [WORDS]]: writes WORDS words (1) of each of PAGES pages again, ROUNDS times; in its pauses the network is served. */
static void dirty(u32 pages, u32 rounds, u32 pause, u32 words) {
  static u32 round;
  if (pages > BUFFER_PAGES) pages = BUFFER_PAGES;
  if (words > PAGE / 4) words = PAGE / 4;
  for (u32 r = 0; r < rounds; r++, control()) {
    round++;
    for (u32 i = 0; i < pages; i++)
      for (u32 w = 0; w < words; w++) ((volatile u32 *)(buffer + i * PAGE))[w] = (round + i) * 2654435761u + w;
    for (u64 until = now() + pause * 1000ull; now() < until;) { u64 rest = until - now(); wait(rest); ip_poll(); }
  }
  print("dirty: %u pages, %u times\n", pages, rounds);
}
/* writer DISK SECTORS TIMES: writes the pattern of the round over the first SECTORS of the disk, and flushes. */
static void writer(const char *name, u32 sectors, u32 times) {
  for (int d = 0; d < disk_count; d++) {
    if (!same(disks[d].name, name)) continue;
    u32 errors = 0, chunk = BUFFER_PAGES * 8;
    if (sectors > disks[d].sectors) sectors = disks[d].sectors;
    for (u32 t = 1; t <= times; t++, control()) {
      for (u32 s = 0; s < sectors; s += chunk) {
        u32 n = sectors - s < chunk ? sectors - s : chunk;
        fill(buffer, t, n * 512);
        errors += disks[d].move(&disks[d], s, n, 1) != 0;
      }
      errors += disks[d].flush(&disks[d]) != 0;
    }
    print("writer: %u sectors, %u times, %u errors\n", sectors, times, errors);
    return;
  }
  print("writer: no disk %s\n", name);
}

int workload(int count, char **words) {
  if (same(words[0], "hog")) hog(dial(count, words, 1, 1000), dial(count, words, 2, 100));
  else if (same(words[0], "calls")) calls(dial(count, words, 1, 1000));
  else if (same(words[0], "tables")) tables(dial(count, words, 1, 1000));
  else if (same(words[0], "dirty")) dirty(dial(count, words, 1, 16), dial(count, words, 2, 1), dial(count, words, 3, 0), dial(count, words, 4, 1));
  else if (same(words[0], "writer")) writer(count > 1 ? words[1] : "", dial(count, words, 2, 64), dial(count, words, 3, 1));
  else return 0;
  return 1;
}
