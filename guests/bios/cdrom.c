/*
 * Booting from CDs: the catalogue, drives that are emulated, INT 13h for them.
 * Sources: Phoenix and IBM, "El Torito" Bootable CD-ROM Format Specification 1.0; ISO 9660 (volume descriptors).
 */
#include "bios.h"

#define BLOCK 2048
#define BOOT_RECORD 17
/* A block is looked at behind where boot sectors are. */
#define BUFFER_SEGMENT 0x07e0

struct emulation emulation;

static u8 read_block(u32 block) { return atapi_read(&drives[cd_order[emulation.cd]], block, 1, BUFFER_SEGMENT, 0); }
static u8 at(u16 offset) { return peek8(BUFFER_SEGMENT, offset); }
static u32 long_at(u16 offset) { return peek32(BUFFER_SEGMENT, offset); }

static int text_at(u16 offset, const char *text) {
  for (; *text; text++)
    if (at(offset++) != (u8)*text) return 0;
  return 1;
}

const char *load_cd(u8 index, u16 *segment) {
  emulation.active = 0;
  emulation.cd = index;
  if (read_block(BOOT_RECORD)) return SENTENCE("no disc can be read");
  if (at(0) != 0 || !text_at(1, "CD001") || !text_at(7, "EL TORITO SPECIFICATION")) return SENTENCE("it has no El Torito boot record");
  u32 catalogue = long_at(0x47);
  if (read_block(catalogue)) return SENTENCE("its boot catalogue cannot be read");
  u16 sum = 0;
  for (u8 i = 0; i < 32; i += 2) sum += peek16(BUFFER_SEGMENT, i);
  if (at(0) != 1 || at(0x1e) != 0x55 || at(0x1f) != 0xaa || sum != 0) return SENTENCE("its boot catalogue is damaged");
  if (at(1) != 0) return SENTENCE("its boot catalogue is for another processor");
  if (at(32) != 0x88) return SENTENCE("its boot catalogue has no bootable entry");
  u16 sectors = peek16(BUFFER_SEGMENT, 38);
  emulation.media = at(33) & 15;
  emulation.load_segment = peek16(BUFFER_SEGMENT, 34) ? peek16(BUFFER_SEGMENT, 34) : 0x07c0;
  emulation.sector_count = sectors;
  emulation.first_block = long_at(40);
  *segment = emulation.load_segment;
  if (emulation.media > 4) return SENTENCE("its boot catalogue names a medium that there is not");
  if (sectors == 0) sectors = 4;
  /* From behind the BIOS data area to before the extended one. */
  if (*segment < 0x0050 || *segment + (sectors + 3) / 4 * (2048 / 16) > EBDA_SEGMENT) return SENTENCE("its boot image does not fit into memory");
  u8 status = atapi_read(&drives[cd_order[index]], emulation.first_block, (sectors + 3) / 4, emulation.load_segment, 0);
  if (status) return SENTENCE("its boot image cannot be read");
  if (!has_program(*segment, 0)) return SENTENCE("its boot image has no program");
  emulation.drive = 0xe0 + index;
  emulation.last_ch = emulation.last_cl = emulation.last_dh = 0;
  if (emulation.media) {
    static const u8 tracks[4] = { 0, 15, 18, 36 };
    emulation.drive = emulation.media == 4 ? 0x80 : 0x00;
    emulation.last_ch = 79;
    emulation.last_cl = tracks[emulation.media & 3];
    emulation.last_dh = 1;
    if (emulation.media == 4) {
      /* The geometry is that of the first partition's end. */
      u16 end = 0x1be + 5;
      emulation.last_dh = peek8(emulation.load_segment, end);
      emulation.last_cl = peek8(emulation.load_segment, end + 1);
      emulation.last_ch = peek8(emulation.load_segment, end + 2);
      if ((emulation.last_cl & 63) == 0) return SENTENCE("its disk image has no partition");
      set_bda8(BDA_DISKS, disk_count + 1);
    } else set_bda16(BDA_EQUIPMENT, bda16(BDA_EQUIPMENT) | 0x41);
    emulation.active = 1;
  }
  return 0;
}

static void end(caller r, u8 status) {
  r->ah = status;
  set_bda8(BDA_DISK_STATUS, status);
  set_carry(r, status != DISK_OK);
}

/* As INT 13h has them in CH and CL. */
static u16 cylinder_of(u8 ch, u8 cl) { return ch | (cl & 0xc0) << 2; }
static u8 sectors_of_track(void) { return emulation.last_cl & 63; }

/* Sectors of 512 bytes out of blocks of four. */
static u8 read_sectors(u32 sector, u8 count, u16 segment, u16 offset) {
  const struct drive *drive = &drives[cd_order[emulation.cd]];
  segment += offset >> 4;
  offset &= 15;
  for (; count; count--, sector++, segment += 32) {
    u8 packet[12] = { 0x28, 0, 0, 0, 0, 0, 0, 0, 1 };
    u32 block = emulation.first_block + sector / 4;
    for (u8 i = 0; i < 4; i++) packet[2 + i] = block >> (24 - 8 * i);
    u8 status = atapi_packet(drive, packet, segment, offset, 512, (sector & 3) * 512);
    if (status) return status;
  }
  return DISK_OK;
}

/* 4Bh: what is emulated, and its end. Bytes 10h to 12h of the packet are what function 08h returns (El Torito, specification packet). */
static void status_of_emulation(caller r) {
  u8 packet[19] = { 19, emulation.media, emulation.drive, drives[cd_order[emulation.cd]].channel };
  for (u8 i = 0; i < 4; i++) packet[4 + i] = emulation.first_block >> (8 * i);
  packet[8] = drives[cd_order[emulation.cd]].unit;
  packet[12] = emulation.load_segment;
  packet[13] = emulation.load_segment >> 8;
  packet[14] = emulation.sector_count;
  packet[15] = emulation.sector_count >> 8;
  packet[16] = emulation.last_ch;
  packet[17] = emulation.last_cl;
  packet[18] = emulation.last_dh;
  if (r->al > 1) {
    end(r, DISK_BAD_COMMAND);
    return;
  }
  copy_out(r->ds, r->si, packet, sizeof packet);
  if (r->al == 0 && emulation.active) {
    emulation.active = 0;
    set_bda8(BDA_DISKS, disk_count);
  }
  end(r, DISK_OK);
}

void emulated_services(caller r) {
  if (r->ah == 0x4b) {
    status_of_emulation(r);
    return;
  }
  switch (r->ah) {
    case 0x00: case 0x09: case 0x0c: case 0x0d: case 0x10: case 0x11: case 0x14: end(r, DISK_OK); return;
    case 0x01:
      r->ah = bda8(BDA_DISK_STATUS);
      set_carry(r, r->ah != 0);
      return;
    case 0x02: case 0x04: {
      u16 cylinder = cylinder_of(r->ch, r->cl);
      u8 sector = r->cl & 63;
      if (sector == 0 || sector > sectors_of_track() || r->dh > emulation.last_dh || cylinder > cylinder_of(emulation.last_ch, emulation.last_cl) || r->al == 0) {
        end(r, DISK_BAD_COMMAND);
        return;
      }
      u32 first = ((u32)cylinder * (emulation.last_dh + 1) + r->dh) * sectors_of_track() + sector - 1;
      u8 status = r->ah == 4 ? DISK_OK : read_sectors(first, r->al, r->es, r->bx);
      if (status) r->al = 0;
      end(r, status);
      return;
    }
    case 0x03: case 0x05: end(r, DISK_PROTECTED); return;
    case 0x08: {
      r->al = 0;
      /* CMOS types of drives: 1.2, 1.44 and 2.88 MB are 2, 4 and 6. */
      if (emulation.media < 4) r->bx = emulation.media * 2;
      r->ch = emulation.last_ch;
      r->cl = emulation.last_cl;
      r->dh = emulation.last_dh;
      r->dl = emulation.media == 4 ? disk_count + 1 : floppy_count + 1;
      if (emulation.media < 4) {
        r->es = BIOS_SEGMENT;
        r->di = peek16(0, 4 * 0x1e);
      }
      end(r, DISK_OK);
      return;
    }
    case 0x15:
      end(r, DISK_OK);
      r->ah = emulation.media == 4 ? 3 : 1;
      if (emulation.media == 4) {
        u32 sectors = (u32)(cylinder_of(emulation.last_ch, emulation.last_cl) + 1) * (emulation.last_dh + 1) * sectors_of_track();
        r->cx = sectors >> 16;
        r->dx = sectors;
      }
      return;
    default: end(r, DISK_BAD_COMMAND);
  }
}
