/**
 * Fixed-layout records of machine memory that other workers and the page read in place. Offsets are 32-bit words from the block's start.
 * Writers bump SEQUENCE to odd before and to even after a change of several words; readers retry while it is odd or has moved.
 */

/** Counters of one domain (block of COUNTER_WORDS words). 64-bit counters: low word, high word. */
export const COUNTER_WORDS = 1024;
export const COUNTERS = {
  SEQUENCE: 0,
  /** DOMAIN_STATE: ASCII code of the `xl list` letter. */
  STATE: 1,
  RETIRED: 2,
  /** Guest run time and time parked, nanoseconds. */
  RUN_NS: 4,
  IDLE_NS: 6,
  EXITS_TOTAL: 8,
  /** Virtual time of the domain's clock, nanoseconds. */
  NOW_NS: 10,
  /** One 32-bit counter an exit reason 0-63 (Intel's numbers); 64-127 for reasons from 0x80. */
  EXITS: 64,
} as const;

/** Screen of one domain: header words, then the text cells or pixels. */
export const SCREEN = {
  SEQUENCE: 0,
  /** 0 off, 1 text, 2 graphics (pixels as 0xAABBGGRR words, ready for ImageData). */
  MODE: 1,
  /** Text: columns and rows. Graphics: pixels. */
  WIDTH: 2,
  HEIGHT: 3,
  /** Text: cell under the cursor (row * columns + column), -1 hidden; first and last scan line of it in bits 0-7, 8-15 of CURSOR_SHAPE. */
  CURSOR: 4,
  CURSOR_SHAPE: 5,
  /** Bumped whenever cells or pixels changed. */
  GENERATION: 6,
  /** Character height in scan lines. */
  CELL_HEIGHT: 7,
  /** 16 palette entries, 0x00RRGGBB. */
  PALETTE: 8,
  /** Graphics: byte offset in machine memory of WIDTH * HEIGHT pixels; it moves when the picture grows. */
  PIXELS: 24,
  /** Text: 1 where bit 7 of an attribute makes its text blink, 0 where it makes the background bright. */
  BLINK: 25,
  /** Text: word where the cells start (two a word: character in bits 0-7, attribute 8-15). Graphics: one word a row, GENERATION at its last change. */
  DATA: 64,
  /**
   * Text: word where the fonts start: 256 characters of 32 bytes for attribute bit 3 clear, 256 for bit 3 set; a byte a scan line from the top,
   * bit 7 leftmost.
   */
  FONT: 12 * 1024,
} as const;
/** Bytes of a screen block: room for 132 x 60 cells and two fonts; pixels lie elsewhere. */
export const SCREEN_BYTES = 64 * 1024;

/** Start of machine memory (words). The frame table and the domain table follow at the byte offsets given here. */
export const XENHEAP = {
  MAGIC: 0,
  VERSION: 1,
  /** Frames of machine memory, and how many nobody owns. */
  FRAMES: 2,
  FREE_FRAMES: 3,
  FRAME_TABLE: 4,
  DOMAIN_TABLE: 5,
  /** Where the next search for a free frame starts: a hint. */
  NEXT_FRAME: 6,
  /** Id of the youngest domain; ids are not used twice. */
  LAST_DOMAIN: 7,
} as const;
export const XENHEAP_MAGIC = 0x474e4952,
  XENHEAP_VERSION = 1,
  XENHEAP_HEADER_BYTES = 4096;

/** A frame's entry in the frame table (FRAME_WORDS words). */
export const FRAME_WORDS = 4;
export const FRAME = {
  /**
   * 0: free. Bits 17-31: the owner's domain id + 1; bits 0-16: references that keep the frame from the allocator. One word, so that one
   * compare-and-swap takes a reference and checks whose frame it is.
   */
  COUNT: 0,
  /** Bits of FRAME_FLAG. */
  FLAGS: 1,
  /** Bits 29-31: type (FRAME_TYPE); 28: pinned; 27: its entries were checked; bits 0-16: uses of that type. */
  TYPE: 2,
  /** Guest frame number where its owner sees it: what a PV guest reads in the M2P table. */
  GFN: 3,
} as const;
export const FRAME_COUNT_MASK = 0x1ffff,
  FRAME_OWNER_SHIFT = 17;
/** ALLOCATED: one of the references is the owner's. */
export const FRAME_FLAG = { ALLOCATED: 1 } as const;
/** Page types of PV memory (xen/arch/x86/include/asm/mm.h, PGT_*). NONE with uses does not occur. */
export const FRAME_TYPE = { NONE: 0, L1: 1, L2: 2, L3: 3, DESCRIPTORS: 5, WRITABLE: 7 } as const;
export const FRAME_TYPE_SHIFT = 29,
  FRAME_PINNED = 1 << 28,
  FRAME_VALIDATED = 1 << 27;

/** A domain's entry in the domain table (DOMAIN_WORDS words); the offsets are bytes of machine memory. */
export const MAX_DOMAINS = 64,
  DOMAIN_WORDS = 32;
export const DOMAIN = {
  /** 0: the entry is free. */
  ID: 0,
  /** Frames of the block that holds the domain's records, from the one at RECORDS. */
  RECORDS: 1,
  RECORD_FRAMES: 2,
  COUNTERS: 3,
  SCREEN: 4,
  /** Processor state words (src/cpu/registers.ts), then the ring of last exits. */
  VCPU: 5,
  MAILBOX: 6,
  P2M: 7,
  /** Words of the p2m: guest frames past it do not exist. */
  P2M_FRAMES: 8,
  /** Frames of RAM. */
  RAM_FRAMES: 9,
  /** First frame, and frames, of the memory for graphics pictures; 0 frames: none yet. */
  PIXELS: 10,
  PIXEL_FRAMES: 11,
} as const;

/** Ring of a virtual processor's last exits: word LAST_EXITS of its block counts them all; entry i is at LAST_EXITS_RING + (i % LAST_EXITS_COUNT) * 4. */
export const LAST_EXITS = 1024,
  LAST_EXITS_RING = 1028,
  LAST_EXITS_COUNT = 32;
/** Words of an entry: reason, qualification, EIP, guest-physical address or value. */
export const LAST_EXIT_WORDS = 4;
export const VCPU_BYTES = 8192;

/** How other workers reach a domain's worker: they change words here, then add 1 to DOORBELL and notify it. */
export const MAILBOX = {
  DOORBELL: 0,
  /** Bits of COMMAND, set with Atomics.or and taken with Atomics.exchange. */
  COMMANDS: 1,
  /** Not 0: the domain's processor stands still. */
  PAUSED: 2,
  /** Input ring: bytes written and bytes read, free-running; its bytes start at word INPUT_RING. */
  INPUT_WRITTEN: 4,
  INPUT_READ: 5,
  INPUT_RING: 64,
} as const;
export const INPUT_RING_BYTES = 8192,
  MAILBOX_BYTES = 12288;
export const COMMAND = { RESET: 1, POWER_BUTTON: 2, SAVE: 4, DESTROY: 8 } as const;
/**
 * Messages of the input ring: kind, length, then the bytes: what comes in at COM1; a key (1 down or 0 up, then KeyboardEvent.code in ASCII);
 * the mouse (movement right, up and of the wheel towards the user as 16-bit little-endian numbers, then the buttons that are down:
 * bit 0 left, 1 right, 2 middle, 3 and 4 at the side).
 */
export const INPUT = { SERIAL: 1, KEY: 2, MOUSE: 3 } as const;
