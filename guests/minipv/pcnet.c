/* An AMD PCnet-PCI card in 32-bit style, polled; registers and descriptors as in the Am79C970A data sheet. */
#include "minipv.h"

enum { RDP = 0x10, RAP = 0x14, RESET = 0x18, BDP = 0x1c };
enum { INIT = 1, STRT = 2, STOP = 4, TDMD = 8, IDON = 0x100 };
#define OWN 0x80000000u
#define WHOLE 0x03000000u /* STP and ENP: a packet in one buffer */
enum { RX_LOG = 6, TX_LOG = 5, RX = 1 << RX_LOG, TX = 1 << TX_LOG, BYTES = 1536 };
struct descriptor { u32 base, status, message, own; };
static struct descriptor rx[RX] ALIGNED, tx[TX] ALIGNED;
static u8 rx_data[RX][BYTES] ALIGNED, tx_data[TX][BYTES] ALIGNED;
static u32 io, rx_at, tx_at;

static void csr(u32 index, u32 value) { out32(io + RAP, index); out32(io + RDP, value); }
static u32 read_csr(u32 index) { out32(io + RAP, index); return in32(io + RDP); }
/* Two's complement of the length, with the ones that the card wants above it. */
static u32 size(u32 bytes) { return (-bytes & 0xfff) | 0xf000; }

static int pcnet_send(const void *head, u32 head_bytes, const void *data, u32 data_bytes, u32 segment) {
  volatile struct descriptor *d = &tx[tx_at];
  u32 bytes = head_bytes + data_bytes;
  if (bytes > BYTES || segment) return -1;
  while (d->status & OWN) wait(100000);
  copy(tx_data[tx_at], head, head_bytes);
  copy(tx_data[tx_at] + head_bytes, data, data_bytes);
  d->message = 0;
  barrier();
  d->status = OWN | WHOLE | size(bytes);
  tx_at = (tx_at + 1) % TX;
  /* The start left CSR0 selected. */
  out32(io + RDP, TDMD);
  return 0;
}
static u32 pcnet_receive(void *frame) {
  volatile struct descriptor *d = &rx[rx_at];
  if (d->status & OWN) return 0;
  barrier();
  u32 bytes = (d->message & 0xfff) - 4; /* without the frame check sequence */
  if ((d->status & WHOLE) != WHOLE || bytes > 1514) bytes = 0;
  nic.valid = 0;
  copy(frame, rx_data[rx_at], bytes);
  d->message = 0;
  barrier();
  d->status = OWN | size(BYTES);
  rx_at = (rx_at + 1) % RX;
  return bytes;
}

void pcnet_start(void) {
  static struct { u32 mode; u8 mac[8]; u32 filter[2], rx, tx; } block ALIGNED;
  u32 device = pci_find(0xffffffff, 0x20001022, 0);
  if (!device) return;
  io = pci_ports(device, 0x10, 0xc100);
  in32(io + RESET);
  in8(io + 0x14);
  /* One write of 32 bits after a reset, and the registers are 32 bits wide. */
  out32(io + RDP, 0);
  for (int i = 0; i < 6; i++) nic.mac[i] = in8(io + i);
  csr(0, STOP);
  out32(io + RAP, 20);
  out32(io + BDP, 2);
  for (int i = 0; i < RX; i++) rx[i].base = (word)rx_data[i], rx[i].message = 0, rx[i].status = OWN | size(BYTES);
  for (int i = 0; i < TX; i++) tx[i].base = (word)tx_data[i], tx[i].status = 0;
  rx_at = tx_at = 0;
  /* Ring lengths are powers of two. */
  block.mode = RX_LOG << 20 | (u32)TX_LOG << 28;
  copy(block.mac, nic.mac, 6);
  block.rx = (word)rx;
  block.tx = (word)tx;
  csr(1, (word)&block & 0xffff);
  csr(2, (word)&block >> 16);
  csr(0, INIT);
  for (u32 i = 0; i < 1000000 && !(read_csr(0) & IDON); i++);
  csr(0, STRT | IDON);
  card_up(pcnet_send, pcnet_receive, "PCnet", 1);
}
