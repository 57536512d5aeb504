/* The first IDE disk, by PIO (ATA-4): sectors by 28-bit numbers. */
#include "pcos.h"

enum { DATA = 0x1f0, COUNT = 0x1f2, LOW, MIDDLE, HIGH, DRIVE, COMMAND, CONTROL = 0x3f6 };
enum { BSY = 0x80, DRQ = 8, DF = 0x20, ERR = 1 };
u32 disk_sectors;

static int ready(u8 wanted) {
  for (u32 tries = 0; tries < 4000000; tries++) {
    u8 status = in8(COMMAND);
    if (status & BSY) continue;
    if (status & (ERR | DF)) return -1;
    if ((status & wanted) == wanted) return 0;
  }
  return -1;
}

static int move(u32 sector, void *data, int writing) {
  u32 words = 256;
  if (sector >= disk_sectors || ready(0)) return -1;
  out8(DRIVE, 0xe0 | sector >> 24);
  out8(COUNT, 1);
  out8(LOW, sector);
  out8(MIDDLE, sector >> 8);
  out8(HIGH, sector >> 16);
  out8(COMMAND, writing ? 0x30 : 0x20);
  if (ready(DRQ)) return -1;
  if (!writing) { __asm__ volatile("rep insw" : "+D"(data), "+c"(words) : "d"(DATA) : "memory"); return 0; }
  __asm__ volatile("rep outsw" : "+S"(data), "+c"(words) : "d"(DATA) : "memory");
  if (ready(0)) return -1;
  out8(COMMAND, 0xe7); /* FLUSH CACHE */
  return ready(0);
}
int disk_read(u32 sector, void *to) { return move(sector, to, 0); }
int disk_write(u32 sector, const void *from) { return move(sector, (void *)from, 1); }

void ata_start(void) {
  u16 identity[256];
  void *data = identity;
  u32 words = 256;
  out8(CONTROL, 2); /* no interrupts */
  out8(DRIVE, 0xe0);
  u8 status = in8(COMMAND);
  if (status == 0xff || status == 0) return;
  out8(COMMAND, 0xec); /* IDENTIFY DEVICE: a CD drive gives it up */
  if (ready(DRQ)) return;
  __asm__ volatile("rep insw" : "+D"(data), "+c"(words) : "d"(DATA) : "memory");
  disk_sectors = identity[60] | (u32)identity[61] << 16;
}
