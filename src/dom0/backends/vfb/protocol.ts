/** The shared pages of a paravirtual screen, keyboard and pointer. Sources: xen/include/public/io/fbif.h and kbdif.h. */

/** Words of struct xenfb_page. */
export const FB_PAGE = {
  IN_CONS: 0,
  IN_PROD: 1,
  OUT_CONS: 2,
  OUT_PROD: 3,
  WIDTH: 4,
  HEIGHT: 5,
  LINE_LENGTH: 6,
  MEM_LENGTH: 7,
  DEPTH: 8,
} as const;
/** Byte offset of the page directory, and how many entries it has, by the bytes of a guest's long. */
export const FB_DIRECTORY = { 4: 0x24, 8: 0x28 } as const;
export const FB_DIRECTORY_ENTRIES = 256;
/** The front end's events: byte offset, and how many there is room for. */
export const FB_OUT_OFFSET = 2048,
  FB_OUT_EVENTS = 51;
export const FB_EVENT = { UPDATE: 2, RESIZE: 3 } as const;

/** Words of struct xenkbd_page. */
export const KBD_PAGE = { IN_CONS: 0, IN_PROD: 1 } as const;
/** The back end's events. */
export const KBD_IN_OFFSET = 1024,
  KBD_IN_EVENTS = 51;
export const KBD_EVENT = { MOTION: 1, KEY: 3, POS: 4 } as const;

/** An event of either page. */
export const EVENT_BYTES = 40;
export const EVENT_WORDS = EVENT_BYTES / 4;
