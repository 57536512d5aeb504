/* The first IDE disk of a PIIX, by PIO and by bus-master DMA, as ATA and Intel's data sheet say; polled, with interrupts off. */
#include "minipv.h"

enum { DATA = 0x1f0, COUNT = 0x1f2, LOW = 0x1f3, MIDDLE = 0x1f4, HIGH = 0x1f5, DRIVE = 0x1f6, COMMAND = 0x1f7, CONTROL = 0x3f6 };
enum { BSY = 0x80, DRQ = 8, ERR = 1 };
static u32 master;

static int ready(u8 wanted) {
  for (u32 i = 0; i < 10000000; i++) {
    u8 status = in8(COMMAND);
    if (status & BSY) continue;
    if (status & ERR) return -1;
    if ((status & wanted) == wanted) return 0;
  }
  return -1;
}
static void address(u32 sector, u32 count) {
  out8(DRIVE, 0xe0 | (sector >> 24 & 15));
  out8(COUNT, count);
  out8(LOW, sector);
  out8(MIDDLE, sector >> 8);
  out8(HIGH, sector >> 16);
}
/* Sectors of one command: 256 at most, which are written as 0. */
static u32 part_of(u32 count) {
  u32 most = request_sectors < 256 ? request_sectors : 256;
  return count < most ? count : most;
}
static int pio(struct disk *disk, u32 sector, u32 count, int writing) {
  (void)disk;
  u8 *at = buffer;
  while (count) {
    u32 part = part_of(count);
    if (ready(0)) return -1;
    address(sector, part);
    out8(COMMAND, writing ? 0x30 : 0x20);
    for (u32 i = 0; i < part; i++, at += 512) {
      if (ready(DRQ)) return -1;
      void *data = at;
      u32 words = 256;
      if (writing) __asm__ volatile("rep outsw" : "+S"(data), "+c"(words) : "d"(DATA) : "memory");
      else __asm__ volatile("rep insw" : "+D"(data), "+c"(words) : "d"(DATA) : "memory");
    }
    sector += part;
    count -= part;
  }
  return ready(0);
}
static int dma(struct disk *disk, u32 sector, u32 count, int writing) {
  (void)disk;
  static struct { u32 address, bytes; } table[16] ALIGNED;
  u8 *at = buffer;
  while (count) {
    u32 part = part_of(count), n = 0;
    /* A descriptor covers 64 KiB at most and crosses no such boundary. */
    for (u32 rest = part * 512, from = (word)at; rest; n++) {
      u32 bytes = 0x10000 - (from & 0xffff);
      if (bytes > rest) bytes = rest;
      table[n].address = from;
      table[n].bytes = (bytes & 0xffff) | (bytes == rest ? 0x80000000u : 0);
      from += bytes;
      rest -= bytes;
    }
    if (ready(0)) return -1;
    out8(master, writing ? 0 : 8);
    out32(master + 4, (word)table);
    out8(master + 2, 6);
    address(sector, part);
    out8(COMMAND, writing ? 0xca : 0xc8);
    out8(master, (writing ? 0 : 8) | 1);
    while ((in8(master + 2) & 7) == 1);
    out8(master, 0);
    if (in8(master + 2) & 2 || ready(0)) return -1;
    at += part * 512;
    sector += part;
    count -= part;
  }
  return 0;
}
static int flush(struct disk *disk) { (void)disk; out8(COMMAND, 0xe7); return ready(0); }

static void add(const char *name, u32 sectors, int (*move)(struct disk *, u32, u32, int)) {
  struct disk *disk = &disks[disk_count++];
  format(disk->name, sizeof disk->name, "%s", name);
  disk->sectors = sectors;
  disk->move = move;
  disk->flush = flush;
  print("%s: %u sectors\n", name, sectors);
}

/* `pio` and `dma` are the same disk by two ways. */
void ata_start(void) {
  unsigned short *words = (unsigned short *)buffer;
  void *data = words;
  u32 count = 256;
  out8(CONTROL, 2);
  out8(DRIVE, 0xe0);
  if (in8(COMMAND) == 0xff || in8(COMMAND) == 0) return;
  out8(COMMAND, 0xec);
  if (ready(DRQ)) return;
  __asm__ volatile("rep insw" : "+D"(data), "+c"(count) : "d"(DATA) : "memory");
  u32 sectors = words[60] | (u32)words[61] << 16;
  add("pio", sectors, pio);
  u32 device = pci_find(0xffff0000, 0x01010000, 8);
  if (!device) return;
  master = pci_ports(device, 0x20, 0xc000);
  add("dma", sectors, dma);
}
