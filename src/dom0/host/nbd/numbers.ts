/** The numbers of NBD. Source: the protocol's own text, NetworkBlockDevice/nbd, doc/proto.md; all are big-endian on the wire. */

export const NBDMAGIC = 0x4e42444d41474943n;
export const IHAVEOPT = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** Of the hand-shake, of the server's side and the client's alike. */
export const HANDSHAKE = { FIXED_NEWSTYLE: 1 << 0, NO_ZEROES: 1 << 1 } as const;

export const OPT = { EXPORT_NAME: 1, ABORT: 2, LIST: 3, STARTTLS: 5, INFO: 6, GO: 7, STRUCTURED_REPLY: 8 } as const;

export const REP = { ACK: 1, SERVER: 2, INFO: 3 } as const;
/** Of a reply to an option that says no. */
export const REP_ERR = {
  UNSUP: 0x80000001,
  POLICY: 0x80000002,
  INVALID: 0x80000003,
  UNKNOWN: 0x80000006,
  TOO_BIG: 0x80000009,
} as const;
export const isRefusal = (reply: number): boolean => reply >= 0x80000000;

export const INFO = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;

/** What an export can do. */
export const FLAG = {
  HAS_FLAGS: 1 << 0,
  READ_ONLY: 1 << 1,
  SEND_FLUSH: 1 << 2,
  SEND_FUA: 1 << 3,
  SEND_TRIM: 1 << 5,
  SEND_WRITE_ZEROES: 1 << 6,
  SEND_DF: 1 << 7,
  CAN_MULTI_CONN: 1 << 8,
} as const;

export const COMMAND = { READ: 0, WRITE: 1, DISC: 2, FLUSH: 3, TRIM: 4, WRITE_ZEROES: 6 } as const;
/** With a command: done when it is durable; no hole may be made; one chunk only. */
export const COMMAND_FLAG = { FUA: 1 << 0, NO_HOLE: 1 << 1, DF: 1 << 2 } as const;

export const CHUNK = { NONE: 0, OFFSET_DATA: 1, OFFSET_HOLE: 2, ERROR: 0x8001, ERROR_OFFSET: 0x8002 } as const;
export const CHUNK_DONE = 1 << 0;
export const isErrorChunk = (type: number): boolean => type >= 0x8000;

/** Those of Linux, whatever the system. */
export const ERRNO = { EPERM: 1, EIO: 5, EINVAL: 22, ENOSPC: 28, ENOTSUP: 95, ESHUTDOWN: 108 } as const;

/** A name of an export, and any text. */
export const MOST_TEXT_BYTES = 4096;
/** Of one request, where the server says nothing else. */
export const MOST_PAYLOAD_BYTES = 32 * 1024 * 1024;
