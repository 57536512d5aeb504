/*
 * Drives on the two IDE channels, by programmed input and output.
 * Sources: ATA/ATAPI-6 (T13/1410D): 6 (addressing), 7 (registers), 8.12 (IDENTIFY), 8.27, 8.34 (READ, READ EXT), 9 (protocols); SFF-8020i for packets.
 */
#include "bios.h"

#define STATUS_BUSY 0x80
#define STATUS_READY 0x40
#define STATUS_FAULT 0x20
#define STATUS_DATA 0x08
#define STATUS_ERROR 0x01
#define READ 0x20
#define READ_EXT 0x24
#define WRITE 0x30
#define WRITE_EXT 0x34
#define VERIFY 0x40
#define PACKET 0xa0
#define IDENTIFY_PACKET 0xa1
#define IDENTIFY 0xec
#define LBA 0xe0
#define NO_INTERRUPTS 0x0a
#define WITH_INTERRUPTS 0x08
#define SOFT_RESET 0x04
#define COMMAND_MS 30000
#define SECTORS_28 0x10000000

static const u16 bases[2] = { 0x1f0, 0x170 }, controls[2] = { 0x3f6, 0x376 };
struct drive drives[MOST_DRIVES];
char models[IDE_DRIVES][41];
u8 sense_key;

/* Waits for BSY to go and, where asked, DRQ or an error to come: the status; FFh: it took too long. */
static u8 wait(u16 base, int for_data, u32 ms) {
  struct limit limit = limit_ms(ms);
  for (;;) {
    u8 status = in8(base + 7);
    if (!(status & STATUS_BUSY) && (!for_data || status & (STATUS_DATA | STATUS_ERROR | STATUS_FAULT))) return status;
    if (expired(&limit)) return 0xff;
    breathe();
  }
}

static void delay_400ns(u8 channel) {
  for (int i = 0; i < 4; i++) in8(controls[channel]);
}

void reset_channel(u8 channel) {
  out8(controls[channel], NO_INTERRUPTS | SOFT_RESET);
  wait_us(5);
  out8(controls[channel], NO_INTERRUPTS);
  wait_us(2000);
  wait(bases[channel], 0, 31000);
}

static u8 select_drive(const struct drive *drive, u8 bits) {
  u16 base = bases[drive->channel];
  u8 status = wait(base, 0, COMMAND_MS);
  if (status == 0xff) return status;
  out8(base + 6, bits | drive->unit << 4);
  delay_400ns(drive->channel);
  return wait(base, 0, COMMAND_MS);
}

static void words_in(u16 port, u16 segment, u32 offset, u32 words) {
  __asm__ volatile("pushw %%es; movw %3, %%es; rep insw; popw %%es" : "+D"(offset), "+c"(words) : "d"(port), "r"(segment) : "memory");
}

static void words_out(u16 port, u16 segment, u32 offset, u32 words) {
  __asm__ volatile("pushw %%ds; movw %3, %%ds; rep outsw; popw %%ds" : "+S"(offset), "+c"(words) : "d"(port), "r"(segment) : "memory");
}

/* A far pointer whose offset stays small while it moves. */
static void advance(u16 *segment, u16 *offset, u16 bytes) {
  u32 linear = (*offset & 15) + bytes;
  *segment += (*offset >> 4) + (linear >> 4);
  *offset = linear & 15;
}

static void command(const struct drive *drive, u64 sector, u16 count, u8 code, int extended) {
  u16 base = bases[drive->channel];
  if (extended) {
    out8(base + 2, count >> 8);
    out8(base + 3, sector >> 24);
    out8(base + 4, sector >> 32);
    out8(base + 5, sector >> 40);
  }
  out8(base + 2, count);
  out8(base + 3, sector);
  out8(base + 4, sector >> 8);
  out8(base + 5, sector >> 16);
  out8(base + 6, LBA | drive->unit << 4 | (extended ? 0 : (u8)(sector >> 24) & 15));
  out8(base + 7, code);
  delay_400ns(drive->channel);
}

static u8 error_of(u16 base) {
  u8 error = in8(base + 1);
  return error & 0x10 ? DISK_NOT_FOUND : error & 0x40 ? DISK_CRC : DISK_BAD_COMMAND;
}

static u8 finish(const struct drive *drive, u8 status) {
  u16 base = bases[drive->channel];
  u8 result = status == 0xff ? DISK_TIMEOUT : status & STATUS_FAULT ? DISK_CONTROLLER : status & STATUS_ERROR ? error_of(base) : DISK_OK;
  if (status == 0xff) reset_channel(drive->channel);
  out8(controls[drive->channel], WITH_INTERRUPTS);
  return result;
}

/* At most 256 sectors a command. */
static u8 transfer_some(const struct drive *drive, u64 sector, u16 count, u16 *segment, u16 *offset, int write) {
  u16 base = bases[drive->channel];
  u8 status = select_drive(drive, LBA);
  if (status == 0xff) return DISK_TIMEOUT;
  out8(controls[drive->channel], NO_INTERRUPTS);
  int extended = sector + count > SECTORS_28;
  command(drive, sector, count, write ? (extended ? WRITE_EXT : WRITE) : extended ? READ_EXT : READ, extended);
  while (count--) {
    status = wait(base, 1, COMMAND_MS);
    if (status == 0xff || !(status & STATUS_DATA) || status & (STATUS_ERROR | STATUS_FAULT)) return finish(drive, status) ?: DISK_CONTROLLER;
    if (write) words_out(base, *segment, *offset, 256);
    else words_in(base, *segment, *offset, 256);
    advance(segment, offset, 512);
    in8(controls[drive->channel]);
  }
  return finish(drive, wait(base, 0, COMMAND_MS));
}

u8 ata_transfer(const struct drive *drive, u64 sector, u16 count, u16 segment, u16 offset, int write) {
  advance(&segment, &offset, 0);
  while (count) {
    u16 some = count > 256 ? 256 : count;
    u8 result = transfer_some(drive, sector, some, &segment, &offset, write);
    if (result) return result;
    sector += some;
    count -= some;
  }
  return DISK_OK;
}

u8 ata_verify(const struct drive *drive, u64 sector, u16 count) {
  if (select_drive(drive, LBA) == 0xff) return DISK_TIMEOUT;
  out8(controls[drive->channel], NO_INTERRUPTS);
  /* The command's 28 bits reach as far as anybody verifies; elsewhere a seek has to do. */
  if (sector + count <= SECTORS_28) command(drive, sector, count, VERIFY, 0);
  return finish(drive, wait(bases[drive->channel], 0, COMMAND_MS));
}

/* ---- packets */

/* Sends a packet and takes up to `bytes` of what comes, `skip` bytes of it left out first. */
u8 atapi_packet(const struct drive *drive, const u8 packet[12], u16 segment, u16 offset, u32 bytes, u16 skip) {
  u16 base = bases[drive->channel];
  if (select_drive(drive, 0xa0) == 0xff) return DISK_TIMEOUT;
  out8(controls[drive->channel], NO_INTERRUPTS);
  out8(base + 1, 0);
  /* Most bytes that the drive gives at a time: a block of a CD. */
  out8(base + 4, 2048 & 0xff);
  out8(base + 5, 2048 >> 8);
  out8(base + 7, PACKET);
  delay_400ns(drive->channel);
  u8 status = wait(base, 1, COMMAND_MS);
  if (status == 0xff || !(status & STATUS_DATA)) return finish(drive, status) ?: DISK_CONTROLLER;
  words_out(base, BIOS_SEGMENT, (u16)(u32)packet, 6);
  delay_400ns(drive->channel);
  advance(&segment, &offset, 0);
  for (;;) {
    status = wait(base, 0, COMMAND_MS);
    if (status == 0xff || status & STATUS_ERROR || !(status & STATUS_DATA)) break;
    u16 there = in8(base + 4) | in8(base + 5) << 8;
    for (u16 left = there; left;) {
      u16 some = left;
      if (skip) {
        some = skip < left ? skip : left;
        for (u16 i = 0; i < some; i += 2) in16(base);
        skip -= some;
      } else if (bytes == 0) {
        for (u16 i = 0; i < some; i += 2) in16(base);
      } else {
        if (some > bytes) some = bytes;
        words_in(base, segment, offset, (some + 1) / 2);
        advance(&segment, &offset, some);
        bytes -= some;
      }
      left -= some;
    }
    in8(controls[drive->channel]);
  }
  sense_key = status & STATUS_ERROR ? in8(base + 1) >> 4 : 0;
  if (status != 0xff && status & STATUS_ERROR) {
    out8(controls[drive->channel], WITH_INTERRUPTS);
    return sense_key == 2 ? DISK_NOT_READY : sense_key == 6 ? DISK_CHANGED : DISK_CONTROLLER;
  }
  return finish(drive, status);
}

/* READ(10); after a change of medium the first command is refused. */
u8 atapi_read(const struct drive *drive, u32 block, u16 count, u16 segment, u16 offset) {
  advance(&segment, &offset, 0);
  while (count) {
    u16 some = count > 16 ? 16 : count;
    u8 packet[12] = { 0x28, 0, block >> 24, block >> 16, block >> 8, block, 0, 0, some };
    u8 result = DISK_CONTROLLER;
    for (int tries = 0; tries < 4 && result != DISK_OK; tries++) {
      result = atapi_packet(drive, packet, segment, offset, some * 2048u, 0);
      if (result != DISK_CHANGED) break;
    }
    if (result) return result;
    segment += some * 128;
    block += some;
    count -= some;
  }
  return DISK_OK;
}

/* ---- which drives there are */

static int identify(struct drive *drive) {
  u16 base = bases[drive->channel], data[256];
  out8(base + 6, 0xa0 | drive->unit << 4);
  delay_400ns(drive->channel);
  /* Who started this reset the drives; they may still be busy with that. */
  u8 status = in8(base + 7);
  /* Nothing pulls the bus; FFh where it floats. */
  if (status == 0xff || status == 0x00 || (status & STATUS_BUSY && wait(base, 0, 1000) == 0xff)) {
    /* An ATAPI drive clears its status at reset, but has its signature. */
    if (status != 0x00 || in8(base + 4) != 0x14 || in8(base + 5) != 0xeb) return 0;
  }
  drive->kind = in8(base + 4) == 0x14 && in8(base + 5) == 0xeb ? ATAPI_CD : ATA_DISK;
  out8(controls[drive->channel], NO_INTERRUPTS);
  out8(base + 7, drive->kind == ATA_DISK ? IDENTIFY : IDENTIFY_PACKET);
  delay_400ns(drive->channel);
  status = in8(base + 7) ? wait(base, 1, 1000) : 0;
  if (status == 0xff || !(status & STATUS_DATA)) {
    drive->kind = NO_DRIVE;
    return 0;
  }
  words_in(base, BIOS_SEGMENT, (u16)(u32)data, 256);
  in8(base + 7);
  out8(controls[drive->channel], WITH_INTERRUPTS);
  char *model = models[drive - drives];
  for (int i = 0; i < 20; i++) {
    model[2 * i] = data[27 + i] >> 8;
    model[2 * i + 1] = data[27 + i];
  }
  for (int i = 39; i >= 0 && model[i] <= ' '; i--) model[i] = 0;
  if (drive->kind == ATAPI_CD) {
    /* Peripheral device type 5 is a CD-ROM. */
    if (((data[0] >> 8) & 31) != 5) drive->kind = NO_DRIVE;
    return drive->kind;
  }
  drive->physical_cylinders = data[1];
  drive->physical_heads = data[3];
  drive->physical_spt = data[6];
  drive->sectors = data[83] & 0x400 ? (u64)data[103] << 48 | (u64)data[102] << 32 | (u32)data[101] << 16 | data[100] : (u32)data[61] << 16 | data[60];
  return 1;
}

/* How programs that count cylinders, heads and sectors see a disk: as it says itself, with fewer cylinders and more heads, or by size alone. */
static void choose_geometry(struct drive *drive) {
  u32 cylinders = drive->physical_cylinders, heads = drive->physical_heads;
  u8 spt = drive->physical_spt;
  if (cylinders > 1024 && (u32)cylinders * heads > 131072) {
    spt = 63;
    u32 by_63 = divide(drive->sectors, 63, 0);
    heads = by_63 / 1024 >= 128 ? 255 : by_63 / 1024 >= 64 ? 128 : by_63 / 1024 >= 32 ? 64 : by_63 / 1024 >= 16 ? 32 : 16;
    cylinders = by_63 / heads;
  } else {
    while (cylinders > 1024 && heads < 128) {
      cylinders /= 2;
      heads *= 2;
    }
  }
  drive->cylinders = cylinders > 1024 ? 1024 : cylinders;
  drive->heads = heads;
  drive->spt = spt;
}

/* As a disk of ATA with this number of sectors reports it. */
static void say_geometry(struct drive *drive) {
  drive->physical_heads = 16;
  drive->physical_spt = 63;
  u32 cylinders = divide(drive->sectors, 16 * 63, 0);
  drive->physical_cylinders = cylinders > 16383 ? 16383 : cylinders < 2 ? 2 : cylinders;
}

void find_drives(void) {
  for (u8 i = 0; i < IDE_DRIVES; i++) {
    struct drive *drive = &drives[i];
    drive->channel = i >> 1;
    drive->unit = i & 1;
    if (identify(drive) && drive->kind == ATA_DISK) choose_geometry(drive);
  }
  struct drive *drive = &drives[IDE_DRIVES];
  for (u16 bdf = pci_next(-1); bdf != 0xffff && drive < &drives[MOST_DRIVES]; bdf = pci_next(bdf)) {
    if (!find_virtio(drive, bdf)) continue;
    say_geometry(drive);
    choose_geometry(drive++);
  }
}
