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
  /** Word where the cells (two a word: character in bits 0-7, attribute 8-15) or pixels start. */
  DATA: 64,
} as const;
/** Bytes of a screen block: room for 132 x 60 cells now; graphics (issue of the PC) grows it. */
export const SCREEN_BYTES = 64 * 1024;
