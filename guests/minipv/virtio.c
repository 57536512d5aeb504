/*
 * A disk and a card of virtio, as drivers before VIRTIO 1 drive them: registers in ports, rings in one block (VIRTIO 1.2, 2.7.2 and 4.1.4.8). Each side hears of
 * what is new only where it asks for that (event indices, 2.7.10): this one before it waits, and is interrupted then.
 */
#include "minipv.h"

enum { FEATURES = 0, AGREED = 4, BLOCK = 8, SIZE = 0xc, SELECT = 0xe, NOTIFY = 0x10, STATUS = 0x12, ISR = 0x13, CONFIG = 0x14 };
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4 };
enum { EVENT_INDEX = 1 << 29, CAN_FLUSH = 1 << 9, HAS_MAC = 1 << 5 };
enum { NEXT = 1, WRITE = 2 };
/* What QEMU's devices have; an older driver takes a queue as it is. */
enum { RING = 256, FAR = 0x4000 };
struct descriptor { u64 address; u32 bytes; u16 flags, next; };
struct queue {
  struct descriptor descriptors[RING];
  u16 flags, made, offered[RING], used_event;
  u8 pad[PAGE - 2 * (RING + 3)];
  u16 used_flags, used;
  struct { u32 head, bytes; } given[RING];
  u16 made_event;
  u8 pad1[PAGE - 2 * 3 - 8 * RING];
};
_Static_assert(sizeof(struct queue) == 3 * PAGE, "descriptors, the driver's ring, the device's ring: a page each");

/* One of 256 descriptors, or none. */
static int begin(u32 io, u32 index, struct queue *queue) {
  fill(queue, 0, sizeof *queue);
  out16(io + SELECT, index);
  if (in16(io + SIZE) != RING) return -1;
  out32(io + BLOCK, (word)queue / PAGE);
  return 0;
}
static u32 start(u32 device, u32 ports, u32 features) {
  u32 io = pci_ports(device, 0x10, ports);
  out8(io + STATUS, 0);
  out8(io + STATUS, ACKNOWLEDGE | DRIVER);
  out32(io + AGREED, in32(io + FEATURES) & features);
  return io;
}
static void describe(volatile struct queue *queue, u32 at, const void *from, u32 bytes, u32 flags) {
  queue->descriptors[at].address = (word)from;
  queue->descriptors[at].bytes = bytes;
  queue->descriptors[at].flags = flags;
  queue->descriptors[at].next = at + 1;
}
static void offer(volatile struct queue *queue, u32 head, u16 made) { queue->offered[made % RING] = head; }
/* What was offered counts; the device is notified where it has asked for one of these. */
static void push(u32 io, u32 index, volatile struct queue *queue, u16 made) {
  u16 old = queue->made;
  barrier();
  queue->made = made;
  queue->used_event = queue->used + FAR;
  barrier();
  if ((u16)(made - queue->made_event - 1) < (u16)(made - old)) out16(io + NOTIFY, index);
}

/* ---- a disk */

enum { IN = 0, OUT = 1, FLUSH = 4, DESCRIPTORS = 3, REQUESTS = RING / DESCRIPTORS };
static struct { u32 type, reserved; u64 sector; } headers[REQUESTS] __attribute__((aligned(16)));
static volatile u8 statuses[REQUESTS];
static struct queue disk_queue ALIGNED;
static u32 disk_io;

static void ask(u32 n, u32 type, u32 sector, u8 *data, u32 bytes) {
  volatile struct queue *queue = &disk_queue;
  u32 head = n * DESCRIPTORS;
  headers[n].type = type;
  headers[n].sector = sector;
  statuses[n] = 0xff;
  describe(queue, head, &headers[n], sizeof headers[n], NEXT);
  if (bytes) describe(queue, head + 1, data, bytes, NEXT | (type == IN ? WRITE : 0));
  else queue->descriptors[head].next = head + 2;
  describe(queue, head + 2, (const void *)&statuses[n], 1, WRITE);
  offer(queue, head, queue->made + n);
}
/* Pushes this many requests together and waits until all are answered; the worst status. */
static int answers(u32 asked) {
  volatile struct queue *queue = &disk_queue;
  u16 end = queue->made + asked;
  int status = 0;
  push(disk_io, 0, queue, end);
  /* The last of them is to interrupt. It may have come before that was asked for. */
  for (;;) {
    queue->used_event = end - 1;
    barrier();
    if (queue->used == end) break;
    wait(0);
  }
  barrier();
  for (u32 n = 0; n < asked; n++) if (statuses[n]) status = -statuses[n];
  return status;
}
static int move(struct disk *disk, u32 sector, u32 count, int writing) {
  (void)disk;
  u8 *at = buffer;
  int status = 0;
  while (count && !status) {
    u32 asked = 0;
    for (; count && asked < REQUESTS; asked++) {
      u32 part = count < request_sectors ? count : request_sectors;
      ask(asked, writing ? OUT : IN, sector, at, part * 512);
      at += part * 512;
      sector += part;
      count -= part;
    }
    status = answers(asked);
  }
  return status;
}
static int flush(struct disk *disk) {
  (void)disk;
  ask(0, FLUSH, 0, 0, 0);
  return answers(1);
}
static void disk_start(void) {
  u32 device = pci_find(0xffffffff, 0x10011af4, 0);
  if (!device) return;
  disk_io = start(device, 0xc200, EVENT_INDEX | CAN_FLUSH);
  if (begin(disk_io, 0, &disk_queue)) return;
  pci_interrupts(device, disk_io + ISR);
  out8(disk_io + STATUS, ACKNOWLEDGE | DRIVER | DRIVER_OK);
  struct disk *disk = &disks[disk_count++];
  format(disk->name, sizeof disk->name, "vda");
  disk->sectors = in32(disk_io + CONFIG);
  disk->move = move;
  disk->flush = flush;
  print("vda: %u sectors\n", disk->sectors);
}

/* ---- a card; each frame is in one buffer, behind a header that says that nothing was left to the card */

enum { RX = 0, TX = 1, HEADER = 10, FRAME = 1514, BUFFERS = 64 };
static struct queue rx ALIGNED, tx ALIGNED;
static u8 rx_data[BUFFERS][HEADER + FRAME], tx_data[BUFFERS][HEADER + FRAME];
static u32 nic_io;
static u16 rx_taken;

static int virtio_send(const void *head, u32 head_bytes, const void *data, u32 data_bytes, u32 segment) {
  volatile struct queue *queue = &tx;
  u32 n = queue->made % BUFFERS, bytes = head_bytes + data_bytes;
  if (bytes > FRAME || segment) return -1;
  while ((u16)(queue->made - queue->used) >= BUFFERS) wait(100000);
  copy(tx_data[n] + HEADER, head, head_bytes);
  copy(tx_data[n] + HEADER + head_bytes, data, data_bytes);
  describe(queue, n, tx_data[n], HEADER + bytes, 0);
  offer(queue, n, queue->made);
  push(nic_io, TX, queue, queue->made + 1);
  return 0;
}
static u32 virtio_receive(void *frame) {
  volatile struct queue *queue = &rx;
  if (queue->used == rx_taken) {
    queue->used_event = rx_taken;
    barrier();
    if (queue->used == rx_taken) return 0;
  }
  barrier();
  u32 head = queue->given[rx_taken % RING].head, bytes = queue->given[rx_taken % RING].bytes;
  bytes = bytes > HEADER ? bytes - HEADER : 0;
  if (bytes > FRAME || head >= BUFFERS) bytes = 0;
  nic.valid = 0;
  copy(frame, rx_data[head % BUFFERS] + HEADER, bytes);
  rx_taken++;
  offer(queue, head % BUFFERS, queue->made);
  push(nic_io, RX, queue, queue->made + 1);
  return bytes;
}
static void nic_start(void) {
  u32 device = pci_find(0xffffffff, 0x10001af4, 0);
  if (!device) return;
  nic_io = start(device, 0xc300, EVENT_INDEX | HAS_MAC);
  if (begin(nic_io, RX, &rx) || begin(nic_io, TX, &tx)) return;
  pci_interrupts(device, nic_io + ISR);
  for (int i = 0; i < 6; i++) nic.mac[i] = in8(nic_io + CONFIG + i);
  out8(nic_io + STATUS, ACKNOWLEDGE | DRIVER | DRIVER_OK);
  for (u32 n = 0; n < BUFFERS; n++) {
    describe(&rx, n, rx_data[n], HEADER + FRAME, WRITE);
    offer(&rx, n, n);
  }
  rx_taken = 0;
  push(nic_io, RX, &rx, BUFFERS);
  card_up(virtio_send, virtio_receive, "virtio", 0);
}

void virtio_start(void) { disk_start(); nic_start(); }
