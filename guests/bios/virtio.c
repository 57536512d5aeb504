/*
 * Disks of virtio, by the registers of VIRTIO 1 alone. They are reached through the window in configuration space, since a service cannot reach memory above
 * 1 MiB. One disk at a time has its queue here, of three descriptors and one request.
 * Source: OASIS Virtual I/O Device (VIRTIO) 1.2, 2.7 (split virtqueues), 3.1.1 (initialization), 4.1.4 (capabilities), 5.2.6 (requests).
 */
#include "pci.h"

#define VIRTIO_VENDOR 0x1af4
#define TRANSITIONAL_DISK 0x1001
#define MODERN_DISK 0x1042
#define COMMAND 0x04
#define MASTER 0x06
#define CAPABILITIES 0x34
#define VENDOR_CAPABILITY 9
/* Of a capability: where that lies which it tells of, and the data of a window. */
enum { CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_DATA = 16 };
enum { COMMON = 1, NOTIFY = 2, DEVICE = 4, WINDOW = 5 };
#define NOTIFY_MULTIPLIER 16
/* Common configuration. */
enum { FEATURE_SELECT = 8, FEATURES = 0x0c, STATUS = 0x14, QUEUE_SELECT = 0x16, QUEUE_SIZE = 0x18, QUEUE_ENABLE = 0x1c, QUEUE_NOTIFY = 0x1e, ADDRESSES = 0x20 };
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, DRIVING = ACKNOWLEDGE | DRIVER | DRIVER_OK | FEATURES_OK };
/* Of the second word of features. */
#define VERSION_1 1
#define NEXT 1
#define WRITE 2
#define NO_INTERRUPT 1
#define SIZE 4
#define REQUEST_MS 30000

static struct queue {
  struct { u32 address, high, bytes; u16 flags, next; } descriptors[SIZE];
  struct { u16 flags, index, ring[SIZE]; } offered;
  volatile struct { u16 flags, index; struct { u32 head, bytes; } ring[SIZE]; } used __attribute__((aligned(4)));
  struct { u32 type, reserved; u64 sector; } header;
  volatile u8 status;
} queue __attribute__((aligned(16)));
/* Whose it is, and of whom get and put speak. */
static const struct drive *owner, *now;

static u32 linear(const volatile void *near) { return BIOS_SEGMENT * 16u + (u32)near; }

/* Aims the window at `bytes` bytes at a place within what a capability describes; returns where its data are. */
IN_GAP_CODE static u8 aim(u8 capability, u32 at, u8 bytes) {
  u16 bdf = now->bdf;
  pci_write(bdf, now->window + CAP_BAR, pci_read(bdf, capability + CAP_BAR), 1);
  pci_write(bdf, now->window + CAP_OFFSET, pci_read(bdf, capability + CAP_OFFSET) + at, 4);
  pci_write(bdf, now->window + CAP_LENGTH, bytes, 4);
  return now->window + CAP_DATA;
}

/* Fields of the common configuration. */
IN_GAP_CODE static u32 get(u8 at, u8 bytes) { return pci_read(now->bdf, aim(now->common, at, bytes)); }
IN_GAP_CODE static void put(u8 at, u32 value, u8 bytes) { pci_write(now->bdf, aim(now->common, at, bytes), value, bytes); }

/* From reset to DRIVER_OK; 0: the device does not agree. */
IN_GAP_CODE static int take(const struct drive *drive) {
  struct limit limit = limit_ms(1000);
  now = owner;
  if (owner == drive && (u8)get(STATUS, 1) == DRIVING) return 1;
  if (owner) put(STATUS, 0, 1);
  owner = 0;
  now = drive;
  pci_write(drive->bdf, COMMAND, (u16)pci_read(drive->bdf, COMMAND) | MASTER, 2);
  put(STATUS, 0, 1);
  while ((u8)get(STATUS, 1))
    if (expired(&limit)) return 0;
  put(STATUS, ACKNOWLEDGE | DRIVER, 1);
  for (u8 word = 0; word <= VERSION_1; word++) {
    put(FEATURE_SELECT, word, 4);
    put(FEATURES, word, 4);
  }
  put(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK, 1);
  put(QUEUE_SELECT, 0, 2);
  if (!(get(STATUS, 1) & FEATURES_OK) || (u16)get(QUEUE_SIZE, 2) < SIZE) return 0;
  put(QUEUE_SIZE, SIZE, 2);
  memset(&queue, 0, sizeof queue);
  queue.offered.flags = NO_INTERRUPT;
  const volatile void *parts[3] = { queue.descriptors, &queue.offered, &queue.used };
  for (u8 i = 0; i < 3; i++) {
    put(ADDRESSES + 8 * i, linear(parts[i]), 4);
    put(ADDRESSES + 4 + 8 * i, 0, 4);
  }
  put(QUEUE_ENABLE, 1, 2);
  put(STATUS, DRIVING, 1);
  owner = drive;
  return 1;
}

static void describe(u8 i, const volatile void *at, u32 bytes, u16 flags) {
  queue.descriptors[i].address = (u32)at;
  queue.descriptors[i].bytes = bytes;
  queue.descriptors[i].flags = flags;
  queue.descriptors[i].next = i + 1;
}

IN_GAP_CODE u8 virtio_transfer(const struct drive *drive, u64 sector, u16 count, u16 segment, u16 offset, int write) {
  struct limit limit = limit_ms(REQUEST_MS);
  if (!take(drive)) return DISK_CONTROLLER;
  queue.header.type = write;
  queue.header.sector = sector;
  describe(0, (void *)linear(&queue.header), sizeof queue.header, NEXT);
  describe(1, (void *)(segment * 16u + offset), count * 512u, write ? NEXT : NEXT | WRITE);
  describe(2, (void *)linear(&queue.status), 1, WRITE);
  __asm__ volatile("" : : : "memory");
  u16 index = ++queue.offered.index;
  __asm__ volatile("" : : : "memory");
  u32 place = (u16)get(QUEUE_NOTIFY, 2) * pci_read(drive->bdf, drive->notify + NOTIFY_MULTIPLIER);
  pci_write(drive->bdf, aim(drive->notify, place, 2), 0, 2);
  while (queue.used.index != index) {
    if (expired(&limit)) {
      put(STATUS, 0, 1);
      return DISK_TIMEOUT;
    }
    breathe();
  }
  return queue.status ? DISK_CONTROLLER : DISK_OK;
}

/* Fills in what there is to say of a function that is a disk of virtio and can be driven. */
IN_GAP_CODE int find_virtio(struct drive *drive, u16 bdf) {
  u32 id = pci_read(bdf, VENDOR);
  if (id != (TRANSITIONAL_DISK << 16 | VIRTIO_VENDOR) && id != (MODERN_DISK << 16 | VIRTIO_VENDOR)) return 0;
  u8 found[WINDOW + 1] = { 0 };
  for (u8 at = pci_read(bdf, CAPABILITIES), left = 48; at && left--; at = pci_read(bdf, at + 1)) {
    u32 capability = pci_read(bdf, at);
    u8 type = capability >> 24;
    /* The first of a type is the one to take. */
    if ((u8)capability == VENDOR_CAPABILITY && type <= WINDOW && !found[type]) found[type] = at;
  }
  drive->bdf = bdf;
  drive->common = found[COMMON];
  drive->notify = found[NOTIFY];
  drive->window = found[WINDOW];
  if (!found[COMMON] || !found[NOTIFY] || !found[DEVICE] || !found[WINDOW] || !take(drive)) return 0;
  drive->kind = VIRTIO_DISK;
  u32 low = pci_read(bdf, aim(found[DEVICE], 0, 4));
  drive->sectors = low | (u64)pci_read(bdf, aim(found[DEVICE], 4, 4)) << 32;
  return 1;
}
