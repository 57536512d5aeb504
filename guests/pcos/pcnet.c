/* An Am79C970A (PCnet-PCI II): descriptors in memory, 32-bit software style. Registers as in AMD's data sheet 19436. */
#include "pcos.h"

enum { RDP = 0x10, RAP = 0x14, RESET = 0x18, BDP = 0x1c };
enum { INIT = 1, STRT = 2, STOP = 4, TDMD = 8, IENA = 0x40, INTR = 0x80, IDON = 0x100, CAUSES = 0x7f00 };
enum { RINGS = 2, LOG = 3, COUNT = 1 << LOG, BYTES = 1536, STYLE = 20, WHOLE = 0x03000000 };
#define OWN 0x80000000u
struct descriptor { volatile u32 base, status, message, unused; };
static struct card {
  struct descriptor rx[COUNT], tx[COUNT];
  u8 rx_data[COUNT][BYTES], tx_data[COUNT][BYTES];
  u32 rx_at, tx_at;
} cards[RINGS] __attribute__((aligned(16)));
static struct nic *owners[RINGS];

static struct card *card_of(const struct nic *nic) { return &cards[owners[0] == nic ? 0 : 1]; }
static void csr(const struct nic *nic, u32 index, u32 value) { out32(nic->io + RAP, index); out32(nic->io + RDP, value); }
/* Two's complement of a length, below ones that the card wants. */
static u32 size(u32 bytes) { return (-bytes & 0xfff) | 0xf000; }

static void send(struct nic *nic, const void *frame, u32 bytes) {
  struct card *card = card_of(nic);
  u32 flags = lock();
  struct descriptor *d = &card->tx[card->tx_at];
  if (!(d->status & OWN)) {
    copy(card->tx_data[card->tx_at], frame, bytes);
    d->message = 0;
    d->status = OWN | WHOLE | size(bytes);
    card->tx_at = (card->tx_at + 1) % COUNT;
    csr(nic, 0, IENA | TDMD);
    nic->sent++;
  }
  unlock(flags);
}

static u32 receive(struct nic *nic, void *frame) {
  struct card *card = card_of(nic);
  struct descriptor *d = &card->rx[card->rx_at];
  if (d->status & OWN) return 0;
  u32 bytes = d->message & 0xfff;
  /* The frame check sequence is counted. What is not whole is nothing. */
  bytes = (d->status & (WHOLE | 0x40000000)) == WHOLE && bytes >= 18 && bytes <= FRAME_BYTES + 4 ? bytes - 4 : 1;
  copy(frame, card->rx_data[card->rx_at], bytes);
  d->message = 0;
  d->status = OWN | size(BYTES);
  card->rx_at = (card->rx_at + 1) % COUNT;
  nic->received++;
  return bytes;
}

static int acknowledge(struct nic *nic) {
  out32(nic->io + RAP, 0);
  u32 status = in32(nic->io + RDP);
  if (!(status & INTR)) return 0;
  out32(nic->io + RDP, (status & CAUSES) | IENA);
  return 1;
}

void pcnet_start(struct nic *nic, u32 function) {
  static struct { u32 mode; u8 mac[8]; u32 filter[2], rx, tx; } block __attribute__((aligned(4)));
  u32 which = owners[0] ? 1 : 0;
  if (owners[which]) return;
  owners[which] = nic;
  struct card *card = &cards[which];
  (void)function;
  in32(nic->io + RESET);
  in16(nic->io + RAP); /* a reset by its 16-bit place, too: after it the registers have 16 bits */
  for (u32 i = 0; i < 6; i++) nic->mac[i] = in8(nic->io + i);
  out32(nic->io + RDP, 0); /* and after this 32, as the address PROM */
  csr(nic, 0, STOP);
  out32(nic->io + RAP, STYLE);
  out32(nic->io + BDP, 2);
  for (u32 i = 0; i < COUNT; i++) {
    card->rx[i].base = (u32)card->rx_data[i];
    card->rx[i].status = OWN | size(BYTES);
    card->tx[i].base = (u32)card->tx_data[i];
  }
  block.mode = LOG << 20 | LOG << 28;
  copy(block.mac, nic->mac, 6);
  block.rx = (u32)card->rx;
  block.tx = (u32)card->tx;
  csr(nic, 1, (u32)&block & 0xffff);
  csr(nic, 2, (u32)&block >> 16);
  csr(nic, 0, INIT);
  for (u32 tries = 0; tries < 1000000 && !(in32(nic->io + RDP) & IDON); tries++);
  csr(nic, 0, STRT | IDON | IENA);
  nic->model = "PCnet";
  nic->send = send;
  nic->receive = receive;
  nic->acknowledge = acknowledge;
}
