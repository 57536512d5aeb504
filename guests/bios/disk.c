/*
 * INT 13h: disks by cylinder, head and sector, and by sector number; requests for other drives go to floppy.c or cdrom.c.
 * Sources: IBM BIOS Interface Technical Reference, INT 13h; Phoenix, Enhanced Disk Drive Specification 3.0; Phoenix and IBM, El Torito 1.0.
 */
#include "bios.h"

u8 disk_order[MOST_DRIVES], disk_count, cd_order[IDE_DRIVES], cd_count;

static void end(caller r, u8 status) {
  r->ah = status;
  set_bda8(BDA_DISK_STATUS, status);
  set_carry(r, status != DISK_OK);
}

struct address { u16 bytes, count; u16 offset, segment; u64 sector; } __attribute__((packed));

u8 disk_transfer(const struct drive *drive, u64 sector, u16 count, u16 segment, u16 offset, int write) {
  return (drive->kind == VIRTIO_DISK ? virtio_transfer : ata_transfer)(drive, sector, count, segment, offset, write);
}

static u8 transfer(const struct drive *drive, u64 sector, u16 count, u16 segment, u16 offset, u8 function) {
  if (function == 2 || function == 3) return disk_transfer(drive, sector, count, segment, offset, function == 3);
  /* virtio has no command to verify what is there. */
  return drive->kind == VIRTIO_DISK ? DISK_OK : ata_verify(drive, sector, count);
}

static void by_cylinder(caller r, const struct drive *drive) {
  u16 cylinder = r->ch | (r->cl & 0xc0) << 2, count = r->al;
  u8 sector = r->cl & 63;
  u16 head = r->dh;
  if (count == 0 || count > 128 || sector == 0) {
    end(r, DISK_BAD_COMMAND);
    return;
  }
  if (cylinder >= drive->cylinders || head >= drive->heads || sector > drive->spt) {
    end(r, DISK_BAD_COMMAND);
    return;
  }
  u8 status = transfer(drive, ((u32)cylinder * drive->heads + head) * drive->spt + sector - 1, count, r->es, r->bx, r->ah);
  if (status) r->al = 0;
  end(r, status);
}

/* 42h to 44h, and 47h, on a disk or a CD. */
static void by_sector(caller r, const struct drive *drive) {
  struct address address;
  copy_in(&address, r->ds, r->si, sizeof address);
  u8 function = r->ah - 0x40, status;
  if (address.bytes < sizeof address) {
    end(r, DISK_BAD_COMMAND);
    return;
  }
  if (is_disk(drive)) {
    if (address.sector + address.count > drive->sectors) status = DISK_BAD_COMMAND;
    else if (function == 7 || address.count == 0) status = DISK_OK;
    else status = transfer(drive, address.sector, address.count, address.segment, address.offset, function);
  } else if (function == 3) status = DISK_PROTECTED;
  else status = function == 2 ? atapi_read(drive, address.sector, address.count, address.segment, address.offset) : DISK_OK;
  if (status) poke16(r->ds, r->si + 2, 0);
  end(r, status);
}

static void put_text(u16 segment, u16 at, const char *text, u8 width) {
  use(segment);
  for (u8 i = 0; i < width; i++) FAR(u8, at + i) = *text ? *text++ : ' ';
}

/* 48h: of the size that the caller has room for, 1.x (26 bytes), 2.x (30) or 3.x (66 or more). */
static void parameters_by_sector(caller r, const struct drive *drive) {
  u16 segment = r->ds, at = r->si, room = peek16(segment, at);
  if (room < 26) {
    end(r, DISK_BAD_COMMAND);
    return;
  }
  int disk = is_disk(drive);
  u16 bytes = drive->kind == VIRTIO_DISK && room > 30 ? 30 : room >= 74 ? 74 : room >= 66 ? 66 : room >= 30 ? 30 : 26;
  poke16(segment, at, bytes);
  /* Disks: DMA boundaries are no concern of the caller, and the geometry is valid. CDs: removable, lockable, and the geometry is not. */
  poke16(segment, at + 2, disk ? 0x0002 : 0x0074);
  if (disk) {
    u32 by_track = (u32)drive->physical_heads * drive->physical_spt;
    poke32(segment, at + 4, by_track && drive->sectors > 63ull * 255 * 1024 ? 16383 : drive->physical_cylinders);
    poke32(segment, at + 8, drive->physical_heads);
    poke32(segment, at + 12, drive->physical_spt);
    poke32(segment, at + 16, drive->sectors);
    poke32(segment, at + 20, drive->sectors >> 32);
  } else {
    for (u8 i = 4; i < 24; i += 4) poke32(segment, at + i, 0xffffffff);
  }
  poke16(segment, at + 24, disk ? 512 : 2048);
  if (bytes >= 30 && drive->kind == VIRTIO_DISK) poke32(segment, at + 26, 0xffffffff); /* It has no such table, nor a path that EDD knows. */
  else if (bytes >= 30) {
    /* Device parameter table extension (EDD 3.0, table 11), in the EBDA. */
    u16 base = drive->channel ? 0x170 : 0x1f0;
    u8 table[16] = { base, base >> 8, (base + 0x206), (base + 0x206) >> 8, 0xe0 | drive->unit << 4, 0xcb, 14 + drive->channel, 1, 0, 0, 0x10 };
    if (!disk) table[10] = 0x70;
    table[14] = 0x11;
    u8 sum = 0;
    for (u8 i = 0; i < 15; i++) sum += table[i];
    table[15] = -sum;
    copy_out(EBDA_SEGMENT, 0x40, table, 16);
    poke16(segment, at + 26, 0x40);
    poke16(segment, at + 28, EBDA_SEGMENT);
  }
  if (bytes >= 66) {
    u16 bdf = pci_find_class(0x0101);
    poke16(segment, at + 30, 0xbedd);
    poke16(segment, at + 32, bytes == 74 ? 44 : 36);
    poke32(segment, at + 34, bytes == 74 ? 0 : 0);
    put_text(segment, at + 36, "PCI", 4);
    put_text(segment, at + 40, bytes == 74 ? "ATA" : "ATA", 8);
    poke8(segment, at + 48, bdf >> 8);
    poke8(segment, at + 49, (bdf >> 3) & 31);
    poke8(segment, at + 50, bdf & 7);
    poke8(segment, at + 51, drive->channel);
    for (u8 i = 52; i < bytes; i++) poke8(segment, at + i, 0);
    poke8(segment, at + 56, drive->unit);
    u8 sum = 0;
    for (u8 i = 30; i < bytes - 1; i++) sum += peek8(segment, at + i);
    poke8(segment, at + bytes - 1, -sum);
  }
  end(r, DISK_OK);
}

static void disk_parameters(caller r, const struct drive *drive) {
  /* The last cylinder is for diagnostics, and not reported. */
  u16 last = drive->cylinders - 2;
  r->al = 0;
  r->ch = last;
  r->cl = drive->spt | ((last >> 2) & 0xc0);
  r->dh = drive->heads - 1;
  r->dl = disk_count;
  end(r, DISK_OK);
}

static void hard_disk(caller r, const struct drive *drive) {
  switch (r->ah) {
    case 0x00: case 0x0d:
      if (drive->kind != VIRTIO_DISK) {
        reset_channel(drive->channel);
        out8(drive->channel ? 0x376 : 0x3f6, 8);
      }
      end(r, DISK_OK);
      break;
    case 0x01: {
      u8 status = bda8(BDA_DISK_STATUS);
      r->ah = status;
      set_bda8(BDA_DISK_STATUS, DISK_OK);
      set_carry(r, status != DISK_OK);
      break;
    }
    case 0x02: case 0x03: case 0x04: by_cylinder(r, drive); break;
    case 0x08: disk_parameters(r, drive); break;
    case 0x15: {
      /* Fixed disk, and how many sectors the geometry has, without the cylinder for diagnostics. */
      u32 sectors = (u32)(drive->cylinders - 1) * drive->heads * drive->spt;
      end(r, DISK_OK);
      r->ah = 3;
      r->cx = sectors >> 16;
      r->dx = sectors;
      break;
    }
    case 0x05: case 0x0c: case 0x10: case 0x11: case 0x14: case 0x09: end(r, DISK_OK); break;
    case 0x41:
      r->bx = 0xaa55;
      /* Access by packets and EDD; version 3.0 */
      r->cx = 7;
      end(r, DISK_OK);
      r->ah = 0x30;
      break;
    case 0x42: case 0x43: case 0x44: case 0x47: by_sector(r, drive); break;
    case 0x45: case 0x46: case 0x49: end(r, is_disk(drive) && r->ah == 0x46 ? DISK_NOT_REMOVABLE : DISK_OK); break;
    case 0x48: parameters_by_sector(r, drive); break;
    case 0x4e: end(r, r->al == 1 || r->al == 3 || r->al == 4 || r->al == 6 ? DISK_OK : DISK_BAD_COMMAND); break;
    default: end(r, DISK_BAD_COMMAND);
  }
}

static u8 locks[IDE_DRIVES];

static void cd(caller r, const struct drive *drive) {
  u8 *lock = &locks[drive - drives];
  switch (r->ah) {
    case 0x02: case 0x04: case 0x08: case 0x43: case 0x03: end(r, r->ah == 0x03 || r->ah == 0x43 ? DISK_PROTECTED : DISK_BAD_COMMAND); break;
    case 0x15:
      r->ah = 2;
      set_carry(r, 0);
      break;
    case 0x45:
      if (r->al > 2) {
        end(r, DISK_BAD_COMMAND);
        break;
      }
      if (r->al == 0 && *lock == 0xff) {
        end(r, 0xb4);
        break;
      }
      if (r->al == 1 && *lock == 0) {
        end(r, 0xb0);
        break;
      }
      *lock += r->al == 0 ? 1 : r->al == 1 ? -1 : 0;
      r->al = *lock != 0;
      end(r, DISK_OK);
      break;
    case 0x46: {
      u8 eject[12] = { 0x1b, 0, 0, 0, 2 };
      end(r, *lock ? DISK_LOCKED : atapi_packet(drive, eject, 0, 0, 0, 0));
      break;
    }
    case 0x49: {
      u8 ready[12] = { 0 };
      atapi_packet(drive, ready, 0, 0, 0, 0);
      end(r, sense_key == 2 || sense_key == 6 ? DISK_CHANGED : DISK_OK);
      break;
    }
    default: hard_disk(r, drive);
  }
}

enum outcome disk_services(caller r) {
  u8 number = r->dl;
  if (emulation.active && (number == emulation.drive || r->ah == 0x4b)) {
    emulated_services(r);
    return DONE;
  }
  if (emulation.active && emulation.media < 4 && number < 2 && number > emulation.drive) number--;
  else if (emulation.active && emulation.media == 4 && number > 0x80 && number < 0xe0) number--;
  if (number < 2) {
    floppy_services(r);
    return DONE;
  }
  if (number >= 0x80 && number < 0x80 + disk_count) {
    hard_disk(r, &drives[disk_order[number - 0x80]]);
    return DONE;
  }
  if (number >= 0xe0 && number < 0xe0 + cd_count) {
    if (r->ah == 0x4b) emulated_services(r);
    else cd(r, &drives[cd_order[number - 0xe0]]);
    return DONE;
  }
  end(r, DISK_BAD_COMMAND);
  return DONE;
}
