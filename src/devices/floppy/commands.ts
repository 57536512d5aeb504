/** Commands of the 82077AA: their lengths, names and the bits of its status registers. Source: Intel 82077AA datasheet (290166), chapters 5 and 6. */

/** The lower five bits of a command's first byte. */
export const COMMAND = {
  READ_TRACK: 0x02,
  SPECIFY: 0x03,
  SENSE_DRIVE: 0x04,
  WRITE: 0x05,
  READ: 0x06,
  RECALIBRATE: 0x07,
  SENSE_INTERRUPT: 0x08,
  WRITE_DELETED: 0x09,
  READ_ID: 0x0a,
  READ_DELETED: 0x0c,
  FORMAT: 0x0d,
  DUMPREG: 0x0e,
  SEEK: 0x0f,
  VERSION: 0x10,
  SCAN_EQUAL: 0x11,
  PERPENDICULAR: 0x12,
  CONFIGURE: 0x13,
  LOCK: 0x14,
  VERIFY: 0x16,
  SCAN_LOW: 0x19,
  SCAN_HIGH: 0x1d,
} as const;

/** Bits above the command's number: more than one track, MFM, skip. RELATIVE SEEK is SEEK with bit 7, upwards with bit 6; LOCK with bit 7 locks. */
export const MT = 0x80,
  MFM = 0x40,
  SK = 0x20,
  RELATIVE = 0x80,
  UPWARDS = 0x40,
  LOCKS = 0x80;

/** Bytes of each command, and which upper bits it may have. */
const FORMS: Record<number, readonly [bytes: number, flags: number]> = {
  [COMMAND.READ_TRACK]: [9, MFM | SK],
  [COMMAND.SPECIFY]: [3, 0],
  [COMMAND.SENSE_DRIVE]: [2, 0],
  [COMMAND.WRITE]: [9, MT | MFM],
  [COMMAND.READ]: [9, MT | MFM | SK],
  [COMMAND.RECALIBRATE]: [2, 0],
  [COMMAND.SENSE_INTERRUPT]: [1, 0],
  [COMMAND.WRITE_DELETED]: [9, MT | MFM],
  [COMMAND.READ_ID]: [2, MFM],
  [COMMAND.READ_DELETED]: [9, MT | MFM | SK],
  [COMMAND.FORMAT]: [6, MFM],
  [COMMAND.DUMPREG]: [1, 0],
  [COMMAND.SEEK]: [3, RELATIVE | UPWARDS],
  [COMMAND.VERSION]: [1, 0],
  [COMMAND.SCAN_EQUAL]: [9, MT | MFM | SK],
  [COMMAND.PERPENDICULAR]: [2, 0],
  [COMMAND.CONFIGURE]: [4, 0],
  [COMMAND.LOCK]: [1, LOCKS],
  [COMMAND.VERIFY]: [9, MT | MFM | SK],
  [COMMAND.SCAN_LOW]: [9, MT | MFM | SK],
  [COMMAND.SCAN_HIGH]: [9, MT | MFM | SK],
};

/** Bytes of the command that starts with this one; 0: there is none. */
export function commandBytes(first: number): number {
  const [bytes, flags] = FORMS[first & 0x1f] ?? [0, 0];
  return first & 0xe0 & ~flags ? 0 : bytes;
}

export const ST0 = { ABNORMAL: 0x40, INVALID: 0x80, POLLED: 0xc0, SEEK_END: 0x20, EQUIPMENT: 0x10 } as const;
export const ST1 = {
  END_OF_CYLINDER: 0x80,
  DATA_ERROR: 0x20,
  OVERRUN: 0x10,
  NO_DATA: 0x04,
  NOT_WRITABLE: 0x02,
  MISSING_ADDRESS: 0x01,
} as const;
export const ST2 = {
  CONTROL_MARK: 0x40,
  DATA_ERROR: 0x20,
  WRONG_CYLINDER: 0x10,
  SCAN_EQUAL: 0x08,
  SCAN_NOT_SATISFIED: 0x04,
} as const;
export const ST3 = { WRITE_PROTECTED: 0x40, READY: 0x20, TRACK_0: 0x10, TWO_SIDES: 0x08 } as const;
