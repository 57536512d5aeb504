/*
 * Floppy drives: the 82077AA by interrupt 6 and channel 2 of the 8237; INT 13h for drives 0 and 1.
 * Sources: Intel 82077AA data sheet (290166): registers, commands, results; Intel 8237A data sheet; IBM BIOS Interface Technical Reference, INT 13h diskette.
 */
#include "bios.h"

#define DOR 0x3f2
#define MSR 0x3f4
#define FIFO 0x3f5
#define CCR 0x3f7
#define DIR 0x3f7
#define DOR_RUN 0x0c
#define READY 0x80
#define TO_HOST 0x40
#define CHANGED 0x80
#define INTERRUPTED 0x80
enum { READ_DATA = 0xe6, WRITE_DATA = 0xc5, FORMAT_TRACK = 0x4d, READ_ID = 0x4a, RECALIBRATE = 0x07, SEEK = 0x0f, SENSE_INTERRUPT = 0x08, SPECIFY = 0x03 };
enum { DMA_READ = 0x46, DMA_WRITE = 0x4a, DMA_VERIFY = 0x42 };
/* 40:90: a rate is known, and tracks are stepped twice. */
enum { ESTABLISHED = 0x10, DOUBLE_STEP = 0x20 };

u8 floppy_count, floppy_order[2];

/* By the type in CMOS: 360 KB, 1.2 MB, 720 KB, 1.44 MB, 2.88 MB. The rates to try: 0 is 500, 1 300, 2 250, 3 1000 kbit/s. */
struct kind { u8 cylinders, sectors, rates[3]; };
static const struct kind kinds[7] IN_GAP = {
  { 0, 0, { 0 } }, { 40, 9, { 2, 2, 2 } }, { 80, 15, { 0, 1, 2 } }, { 80, 9, { 2, 2, 2 } }, { 80, 18, { 0, 2, 2 } }, { 80, 36, { 3, 0, 2 } }, { 80, 36, { 3, 0, 2 } },
};
extern const u8 floppy_parameters[];

u8 floppy_type(u8 drive) {
  u8 types = cmos(0x10), type = drive ? types & 15 : types >> 4;
  return type < COUNT(kinds) ? type : 4;
}

/* Sectors of a track of the disk that is in a drive: by the rate it was found to have, and as many more as could be read of its first track. */
static u8 usual_sectors(u8 drive, u8 rate) { return rate == 3 ? 36 : rate == 0 ? (floppy_type(drive) == 2 ? 15 : 18) : 9; }
static u8 track_sectors[2];
/* 3.5-inch disks with short gaps: 10 or 11 of double density, up to 24 of high density. */
static u8 most_sectors(u8 rate) { return rate == 3 ? 36 : rate == 0 ? 24 : 11; }

static int send(u8 value) {
  struct limit limit = limit_ms(500);
  while ((in8(MSR) & (READY | TO_HOST)) != READY)
    if (expired(&limit)) return 0;
  out8(FIFO, value);
  return 1;
}

static int receive(u8 *value) {
  struct limit limit = limit_ms(500);
  while ((in8(MSR) & (READY | TO_HOST)) != (READY | TO_HOST))
    if (expired(&limit)) return 0;
  *value = in8(FIFO);
  return 1;
}

static int interrupted(u32 ms) {
  struct limit limit = limit_ms(ms);
  while (!(bda8(BDA_SEEK_STATUS) & INTERRUPTED)) {
    if (expired(&limit)) return 0;
    breathe();
  }
  set_bda8(BDA_SEEK_STATUS, bda8(BDA_SEEK_STATUS) & ~INTERRUPTED);
  return 1;
}

static int sense(u8 *status, u8 *cylinder) { return send(SENSE_INTERRUPT) && receive(status) && receive(cylinder); }

static void reset(void) {
  u8 status, cylinder;
  set_bda8(BDA_SEEK_STATUS, 0);
  out8(DOR, DOR_RUN & ~4);
  wait_us(10);
  out8(DOR, DOR_RUN);
  set_bda8(BDA_MOTORS, 0);
  if (!interrupted(500)) return;
  /* Each of four drives has one to tell of. */
  for (u8 i = 0; i < 4; i++) sense(&status, &cylinder);
  if (send(SPECIFY) && send(floppy_parameters[0])) send(floppy_parameters[1]);
}

static void select_drive(u8 drive) {
  set_bda8(BDA_MOTOR_TICKS, 0xff);
  set_bda8(BDA_MOTORS, 1 << drive);
  out8(DOR, DOR_RUN | 0x10 << drive | drive);
}

static u8 move_to(u8 drive, u8 cylinder, int recalibrate) {
  u8 status = 0, now = 0;
  set_bda8(BDA_SEEK_STATUS, bda8(BDA_SEEK_STATUS) & ~INTERRUPTED);
  if (!(recalibrate ? send(RECALIBRATE) && send(drive) : send(SEEK) && send(drive) && send(cylinder))) return DISK_TIMEOUT;
  if (!interrupted(3000) || !sense(&status, &now)) return DISK_TIMEOUT;
  if ((status & 0xe0) != 0x20 || now != (recalibrate ? 0 : cylinder)) return DISK_SEEK;
  set_bda8(BDA_FLOPPY_TRACK + drive, now);
  return DISK_OK;
}

static u8 seek(u8 drive, u8 cylinder) {
  u8 bit = 1 << drive;
  if (!(bda8(BDA_SEEK_STATUS) & bit)) {
    /* 80 pulses may not be enough for 82 tracks. */
    u8 status = move_to(drive, 0, 1);
    if (status == DISK_SEEK) status = move_to(drive, 0, 1);
    if (status) return status;
    set_bda8(BDA_SEEK_STATUS, bda8(BDA_SEEK_STATUS) | bit);
  }
  if (bda8(BDA_MEDIA_STATE + drive) & DOUBLE_STEP) cylinder *= 2;
  return bda8(BDA_FLOPPY_TRACK + drive) == cylinder ? DISK_OK : move_to(drive, cylinder, 0);
}

/* The seven bytes at the end of a command on data, and what they mean. */
static u8 take_results(u32 ms) {
  if (!interrupted(ms)) return DISK_TIMEOUT;
  u8 results[7];
  for (u8 i = 0; i < 7; i++) {
    if (!receive(&results[i])) return DISK_TIMEOUT;
    set_bda8(BDA_FLOPPY_RESULTS + i, results[i]);
  }
  if (!(results[0] & 0xc0)) return DISK_OK;
  u8 error = results[1];
  return error & 0x01 ? DISK_NO_MARK : error & 0x02 ? DISK_PROTECTED : error & 0x10 ? DISK_DMA_OVERRUN : error & 0x20 ? DISK_CRC : error & 0x84 ? DISK_NOT_FOUND : DISK_CONTROLLER;
}

static void program_dma(u32 address, u16 bytes, u8 mode) {
  out8(0x0a, 6);
  out8(0x0c, 0);
  out8(0x0b, mode);
  out8(0x04, address);
  out8(0x04, address >> 8);
  out8(0x81, address >> 16);
  out8(0x0c, 0);
  out8(0x05, bytes - 1);
  out8(0x05, (bytes - 1) >> 8);
  out8(0x0a, 2);
}

/* Looks for sectors behind the usual ones, on the cylinder where the head is: each is read to nowhere. */
static void count_sectors(u8 drive, u8 rate) {
  u8 sectors = usual_sectors(drive, rate), cylinder = bda8(BDA_FLOPPY_TRACK + drive);
  track_sectors[drive] = sectors;
  if (floppy_type(drive) == 2) return;
  while (sectors++ < most_sectors(rate)) {
    const u8 bytes[9] = { READ_DATA, drive, cylinder, 0, sectors, 2, sectors, 0x1b, 0xff };
    program_dma(0, 512, DMA_VERIFY);
    set_bda8(BDA_SEEK_STATUS, bda8(BDA_SEEK_STATUS) & ~INTERRUPTED);
    for (u8 i = 0; i < 9; i++)
      if (!send(bytes[i])) return;
    if (take_results(1000) != DISK_OK) return;
    track_sectors[drive] = sectors;
  }
}

/* A new disk: the line is set until the head moves while a disk is in. */
static u8 look_for_disk(u8 drive) {
  if (in8(DIR) & CHANGED) {
    set_bda8(BDA_MEDIA_STATE + drive, 0);
    set_bda8(BDA_SEEK_STATUS, bda8(BDA_SEEK_STATUS) & ~(1 << drive));
    u8 status = seek(drive, 1) ?: seek(drive, 0);
    if (status) return status;
    if (in8(DIR) & CHANGED) return DISK_TIMEOUT;
  }
  if (bda8(BDA_MEDIA_STATE + drive) & ESTABLISHED) return DISK_OK;
  u8 status = seek(drive, 0);
  const struct kind *kind = &kinds[floppy_type(drive)];
  for (u8 i = 0; i < 3 && status == DISK_OK; i++) {
    u8 rate = kind->rates[i];
    out8(CCR, rate);
    set_bda8(BDA_SEEK_STATUS, bda8(BDA_SEEK_STATUS) & ~INTERRUPTED);
    if (!send(READ_ID) || !send(drive)) return DISK_TIMEOUT;
    status = take_results(1000);
    if (status == DISK_OK) {
      /* 40 tracks in a drive of 80 */
      u8 twice = floppy_type(drive) == 2 && rate != 0 ? DOUBLE_STEP : 0;
      set_bda8(BDA_MEDIA_STATE + drive, rate << 6 | twice | ESTABLISHED | (rate == 0 || rate == 3 ? 5 : twice ? 4 : 7));
      count_sectors(drive, rate);
      return DISK_OK;
    }
    if (status == DISK_TIMEOUT) {
      reset();
      select_drive(drive);
      return status;
    }
    status = DISK_OK;
  }
  return status ? status : DISK_BAD_MEDIA;
}

/* `count`: sectors of data, of which a command moves those that its cylinder has; or those of the track that is formatted; `moved` by the last command. */
struct request { u8 command, drive, cylinder, head, sector, count, mode; u32 address; u8 moved; };

static u8 try_once(struct request *request) {
  select_drive(request->drive);
  u8 status = look_for_disk(request->drive) ?: seek(request->drive, request->cylinder);
  if (status) return status;
  u8 rate = bda8(BDA_MEDIA_STATE + request->drive) >> 6, unit = request->head << 2 | request->drive, sectors = track_sectors[request->drive];
  out8(CCR, rate);
  /* A command ends with its cylinder (82077AA, 5.1.1: multi-track is both sides of one). */
  u16 left = (2 - request->head) * sectors + 1 - request->sector;
  request->moved = request->count < left || request->sector > sectors ? request->count : left;
  program_dma(request->address, request->command == FORMAT_TRACK ? request->count * 4 : request->moved * 512, request->mode);
  const u8 data[9] = { request->command, unit, request->cylinder, request->head, request->sector, 2, sectors, 0x1b, 0xff };
  const u8 format[6] = { request->command, unit, 2, request->count, 0x6c, 0xf6 };
  const u8 *bytes = request->command == FORMAT_TRACK ? format : data;
  set_bda8(BDA_SEEK_STATUS, bda8(BDA_SEEK_STATUS) & ~INTERRUPTED);
  for (u8 i = 0, count = request->command == FORMAT_TRACK ? 6 : 9; i < count; i++)
    if (!send(bytes[i])) return DISK_TIMEOUT;
  return take_results(3000);
}

static u8 run(struct request *request) {
  u8 status = DISK_TIMEOUT;
  for (u8 tries = 0; tries < 3; tries++) {
    status = try_once(request);
    if (status == DISK_OK || status == DISK_PROTECTED || status == DISK_BAD_MEDIA) break;
    reset();
    /* Nothing is in the drive: it stays so. */
    if (status == DISK_TIMEOUT) break;
  }
  set_bda8(BDA_MOTOR_TICKS, floppy_parameters[2]);
  return status;
}

/* A page of the DMA controller has 64 KiB. */
static int crosses_page(u32 address, u32 bytes) { return (address & 0xffff) + bytes > 0x10000; }

u8 floppy_read_first(u8 drive, u16 segment, u16 offset) {
  struct request request = { READ_DATA, drive, 0, 0, 1, 1, DMA_READ, segment * 16u + offset, 0 };
  return run(&request);
}

void set_up_floppies(void) {
  u8 types = cmos(0x10);
  floppy_count = (types >> 4 != 0) + ((types & 15) != 0);
  set_bda16(BDA_EQUIPMENT, (bda16(BDA_EQUIPMENT) & ~0xc1) | (floppy_count ? 1 | (floppy_count - 1) << 6 : 0));
  set_bda8(BDA_FLOPPY_TYPES, 0x07 | (floppy_count > 1 ? 0x70 : 0));
  if (floppy_count) reset();
}

static void end(caller r, u8 status) {
  r->ah = status;
  set_bda8(BDA_FLOPPY_STATUS, status);
  set_carry(r, status != DISK_OK);
}

static void parameters(caller r, u8 drive) {
  const struct kind *kind = &kinds[floppy_type(drive)];
  r->ax = 0;
  r->bx = floppy_type(drive);
  r->ch = kind->cylinders - 1;
  r->cl = kind->sectors;
  r->dh = 1;
  r->dl = floppy_count;
  r->es = BIOS_SEGMENT;
  r->di = (u16)(u32)floppy_parameters;
  end(r, DISK_OK);
}

void floppy_services(caller r) {
  u8 drive = r->dl, function = r->ah;
  if (function == 0x01) {
    r->ah = bda8(BDA_FLOPPY_STATUS);
    set_carry(r, r->ah != 0);
    return;
  }
  if (function == 0x08 && drive >= floppy_count) {
    r->ax = r->bx = r->cx = r->di = r->es = 0;
    r->dx = floppy_count;
    end(r, DISK_OK);
    return;
  }
  if (drive >= floppy_count) {
    end(r, function == 0x00 ? DISK_OK : function == 0x15 ? DISK_BAD_COMMAND : DISK_TIMEOUT);
    return;
  }
  drive = floppy_order[drive];
  switch (function) {
    case 0x00:
      reset();
      end(r, DISK_OK);
      return;
    case 0x02: case 0x03: case 0x04: {
      const struct kind *kind = &kinds[floppy_type(drive)];
      u8 count = r->al, sectors = track_sectors[drive] > kind->sectors ? track_sectors[drive] : kind->sectors;
      if (count == 0 || count > 128 || r->dh > 1 || r->cl == 0 || r->cl > sectors || r->ch > kind->cylinders + 2) {
        r->al = 0;
        end(r, DISK_BAD_COMMAND);
        return;
      }
      struct request request = { function == 3 ? WRITE_DATA : READ_DATA, drive, r->ch, r->dh, r->cl, count,
        function == 2 ? DMA_READ : function == 3 ? DMA_WRITE : DMA_VERIFY, r->es * 16u + r->bx, 0 };
      u8 status = function != 4 && crosses_page(request.address, count * 512) ? DISK_DMA_BOUNDARY : DISK_OK;
      r->al = 0;
      /* A command for each cylinder */
      while (request.count && status == DISK_OK) {
        status = run(&request);
        if (status) break;
        r->al += request.moved;
        request.count -= request.moved;
        request.address += request.moved * 512;
        request.cylinder++;
        request.head = 0;
        request.sector = 1;
      }
      end(r, status);
      return;
    }
    case 0x05: {
      struct request request = { FORMAT_TRACK, drive, r->ch, r->dh, 1, r->al, DMA_WRITE, r->es * 16u + r->bx, 0 };
      end(r, r->al == 0 ? DISK_BAD_COMMAND : crosses_page(request.address, r->al * 4) ? DISK_DMA_BOUNDARY : run(&request));
      return;
    }
    case 0x08: parameters(r, drive); return;
    case 0x15:
      /* With a change line, but for those of 360 KB. */
      end(r, DISK_OK);
      r->ah = floppy_type(drive) == 1 ? 1 : 2;
      return;
    case 0x16: {
      select_drive(drive);
      u8 changed = in8(DIR) & CHANGED;
      set_bda8(BDA_MOTOR_TICKS, floppy_parameters[2]);
      end(r, changed ? DISK_CHANGED : DISK_OK);
      return;
    }
    case 0x17:
      set_bda8(BDA_MEDIA_STATE + drive, 0);
      end(r, r->al >= 1 && r->al <= 4 ? DISK_OK : DISK_BAD_COMMAND);
      return;
    case 0x18: {
      const struct kind *kind = &kinds[floppy_type(drive)];
      if (r->ch > kind->cylinders || r->cl > kind->sectors) {
        end(r, DISK_BAD_MEDIA);
        return;
      }
      r->es = BIOS_SEGMENT;
      r->di = (u16)(u32)floppy_parameters;
      end(r, DISK_OK);
      return;
    }
    default: end(r, DISK_BAD_COMMAND);
  }
}
