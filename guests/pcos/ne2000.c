/* An NE2000: a DP8390 with 16 KiB of its own, reached by its remote DMA (National's data sheet DP8390D), as Realtek's RTL8029 has it on PCI. */
#include "pcos.h"

enum { CR = 0, PSTART = 1, PSTOP, BNRY, TPSR, TBCR0, TBCR1, ISR, RSAR0, RSAR1, RBCR0, RBCR1, RCR, TCR, DCR, IMR, DATA = 0x10, RESET = 0x1f };
enum { STOP = 0x21, START = 0x22, TRANSMIT = 0x26, READ = 0x0a, WRITE = 0x12, PAGE1 = 0x40 };
enum { PAR0 = 1, CURR = 7, MAR0 = 8 };
enum { OVW = 0x10, RDC = 0x40, RST = 0x80, CAUSES = 0x3d /* all but packets sent, the remote DMA and the reset */ };
/* Pages of 256 bytes: one packet to be sent, then the ring. */
enum { TX = 0x40, RING = 0x46, END = 0x80 };

static void set(const struct nic *nic, u32 at, u8 value) { out8(nic->io + at, value); }

/* Moves bytes between the card's memory and ours, in words. */
static void remote(const struct nic *nic, u32 address, void *bytes, u32 count, int writing) {
  u32 words = (count + 1) / 2;
  set(nic, ISR, RDC);
  set(nic, RBCR0, words * 2);
  set(nic, RBCR1, words * 2 >> 8);
  set(nic, RSAR0, address);
  set(nic, RSAR1, address >> 8);
  set(nic, CR, writing ? WRITE : READ);
  if (writing) __asm__ volatile("rep outsw" : "+S"(bytes), "+c"(words) : "d"(nic->io + DATA) : "memory");
  else __asm__ volatile("rep insw" : "+D"(bytes), "+c"(words) : "d"(nic->io + DATA) : "memory");
  for (u32 tries = 0; tries < 100000 && !(in8(nic->io + ISR) & RDC); tries++);
  set(nic, CR, START);
}

static void send(struct nic *nic, const void *frame, u32 bytes) {
  u32 flags = lock();
  /* One packet at a time: the one before has left soon. */
  for (u32 tries = 0; tries < 100000 && in8(nic->io + CR) & 4; tries++);
  remote(nic, TX * 256, (void *)frame, bytes, 1);
  set(nic, TPSR, TX);
  set(nic, TBCR0, bytes);
  set(nic, TBCR1, bytes >> 8);
  set(nic, CR, TRANSMIT);
  nic->sent++;
  unlock(flags);
}

static void start(const struct nic *nic) {
  set(nic, CR, STOP);
  set(nic, DCR, 0x49); /* words, FIFO of 8 bytes */
  set(nic, RBCR0, 0);
  set(nic, RBCR1, 0);
  set(nic, RCR, 4); /* broadcasts, too */
  set(nic, TCR, 2); /* no packets yet */
  set(nic, PSTART, RING);
  set(nic, PSTOP, END);
  set(nic, BNRY, RING);
  set(nic, ISR, 0xff);
  set(nic, CR, STOP | PAGE1);
  for (u32 i = 0; i < 6; i++) set(nic, PAR0 + i, nic->mac[i]);
  set(nic, CURR, RING + 1);
  set(nic, CR, START);
  set(nic, TCR, 0);
  set(nic, IMR, CAUSES);
}

static u32 receive(struct nic *nic, void *frame) {
  u8 head[4];
  u32 bytes = 0, flags = lock();
  if (in8(nic->io + ISR) & OVW) { start(nic); unlock(flags); return 0; }
  set(nic, CR, START | PAGE1);
  u8 current_page = in8(nic->io + CURR);
  set(nic, CR, START);
  u8 page = in8(nic->io + BNRY) + 1;
  if (page >= END) page = RING;
  if (page != current_page) {
    remote(nic, page * 256, head, sizeof head, 0);
    bytes = head[2] | head[3] << 8;
    u8 next = head[1];
    if (next < RING || next >= END || bytes < 18 || bytes > FRAME_BYTES + 8) { start(nic); unlock(flags); return 0; }
    /* Of the head and the frame check sequence, four bytes each, one is counted. The ring's end lies in the packet, or not. */
    bytes -= 4;
    u32 to_end = END * 256 - (page * 256 + 4), part = bytes < to_end ? bytes : to_end;
    remote(nic, page * 256 + 4, frame, part, 0);
    if (part < bytes) remote(nic, RING * 256, (u8 *)frame + part, bytes - part, 0);
    set(nic, BNRY, next == RING ? END - 1 : next - 1);
    nic->received++;
  }
  unlock(flags);
  return bytes;
}

static int acknowledge(struct nic *nic) {
  u8 causes = in8(nic->io + ISR) & 0x3f;
  /* An overflow lasts until the receiver is started again, and is not reported again meanwhile. */
  if (causes & OVW) set(nic, IMR, CAUSES & ~OVW);
  set(nic, ISR, causes & ~OVW);
  return causes != 0;
}

void ne2000_start(struct nic *nic, u32 function) {
  u8 station[32];
  (void)function;
  set(nic, RESET, in8(nic->io + RESET));
  for (u32 tries = 0; tries < 100000 && !(in8(nic->io + ISR) & RST); tries++);
  set(nic, CR, STOP);
  set(nic, DCR, 0x49);
  /* The station address, each byte twice: the PROM has eight bits. */
  remote(nic, 0, station, sizeof station, 0);
  for (u32 i = 0; i < 6; i++) nic->mac[i] = station[2 * i];
  start(nic);
  nic->model = "NE2000";
  nic->send = send;
  nic->receive = receive;
  nic->acknowledge = acknowledge;
}
