/**
 * What a Serial ATA disk is asked, and says when it fails.
 * Sources: ATA8-ACS-3 (T13/2161-D), clause 7 (commands) and 9.13 (log 10h); SPC-4, annex D (additional sense codes).
 */

export const ATA = {
  DATA_SET_MANAGEMENT: 0x06,
  READ_DMA_EXT: 0x25,
  READ_LOG_EXT: 0x2f,
  WRITE_DMA_EXT: 0x35,
  READ_QUEUED: 0x60,
  WRITE_QUEUED: 0x61,
  REQUEST_SENSE: 0x0b,
  STANDBY_IMMEDIATE: 0xe0,
  FLUSH_CACHE: 0xe7,
  FLUSH_CACHE_EXT: 0xea,
  IDENTIFY: 0xec,
  SET_FEATURES: 0xef,
} as const;
export const isQueued = (command: number): boolean => command === ATA.READ_QUEUED || command === ATA.WRITE_QUEUED;

export const SECTOR_BYTES = 512;
/** Of one command. */
export const MOST_SECTORS = 65536;
/** Status; error register. */
export const STATUS = { READY: 0x50, BUSY: 0x80, SENSE: 0x02, ERROR: 0x01 } as const;
export const ERROR = { ABORTED: 0x04, NOT_FOUND: 0x10, UNCORRECTABLE: 0x40 } as const;
/** DATA SET MANAGEMENT: bit 0 of the features is Trim. Its ranges have 48 bits of first sector and 16 of count, 64 in a block; this many blocks at a time. */
export const TRIM = 1,
  TRIM_RANGES = 64,
  MOST_TRIM_BLOCKS = 8,
  MOST_TRIM_SECTORS = 0xffff;
/** The log that tells which queued command failed and why: slot, status, error, and from byte 14 on sense key and additional codes. */
export const ERROR_LOG = 0x10,
  LOG = { TAG: 0, STATUS: 2, ERROR: 3, SENSE: 14, SUM: 511 } as const;
/** Bit of the log's first byte: the command was not a queued one. */
export const NOT_QUEUED = 0x80;
/** Sense key and codes, from bit 16 on downwards: medium error; illegal request; a disk that is stored as far as it was written has no room for a new block. */
export const SENSE = {
  READ_ERROR: 0x031100,
  WRITE_ERROR: 0x030c00,
  OUT_OF_RANGE: 0x052100,
  INVALID: 0x052000,
  NO_ROOM: 0x072707,
} as const;

/** A register FIS from host to device. */
export interface Request {
  command: number;
  features: number;
  lba: number;
  count: number;
}

/** Reads a register FIS; undefined: it is none that brings a command. */
export function readRequest(fis: Uint8Array): Request | undefined {
  if (fis[0] !== 0x27 || !(fis[1] & 0x80)) return undefined;
  return {
    command: fis[2],
    features: fis[3] | (fis[11] << 8),
    lba: (fis[4] | (fis[5] << 8) | (fis[6] << 16)) + (fis[8] + fis[9] * 2 ** 8 + fis[10] * 2 ** 16) * 2 ** 24,
    count: fis[12] | (fis[13] << 8),
  };
}

/** Writes one, with bit 6 of its device register: an address of sectors. */
export function writeRequest(fis: Uint8Array, { command, features, lba, count }: Request): void {
  const high = Math.floor(lba / 2 ** 24);
  fis.set([
    0x27,
    0x80,
    command,
    features & 0xff,
    lba & 0xff,
    (lba >>> 8) & 0xff,
    (lba >>> 16) & 0xff,
    0x40,
    high & 0xff,
    (high >>> 8) & 0xff,
    (high >>> 16) & 0xff,
    features >>> 8,
    count & 0xff,
    (count >>> 8) & 0xff,
    0,
    0,
    0,
    0,
    0,
    0,
  ]);
}
