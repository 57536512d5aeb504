/** Where the fuzzed programs' machine has what: guest-physical addresses, mapped one to one. */
/** Paging, descriptor tables, what handles exceptions. */
export const DIRECTORY = 0x1000,
  PAGES = 0x2000,
  IDT = 0x3000,
  GDT = 0x3800,
  HANDLERS = 0x4000,
  TSS = 0x4c00,
  STACK = 0x6000;
/** Tables are for reading only, so that no stray store leaves the TLB behind them; here is where the handlers change a page. */
export const WRITABLE_PAGES = 0x20000;
/** The program, up to CODE_END. */
export const CODE = 0x6000,
  CODE_END = 0xa000;
/** Two pages of data; a page that cannot be written, one that a fault puts there, one that is no memory; the end of the user's stack. */
export const DATA = 0xa000,
  READ_ONLY = 0xc000,
  MISSING = 0xd000,
  DEVICE = 0xe000,
  USER_STACK = 0x10000;
/** Where execution goes on after a fault; what the handlers count. */
export const RESUME = DATA + 0xf00,
  COUNTS = DATA + 0xf10;
/** Guest frames. */
export const FRAMES = 16;
/** Selectors of the descriptors at GDT; those of FS have a base that is not 0. */
export const SELECTOR_CODE = 0x08,
  SELECTOR_DATA = 0x10,
  SELECTOR_USER_CODE = 0x1b,
  SELECTOR_USER_DATA = 0x23,
  SELECTOR_CODE16 = 0x30,
  SELECTOR_TSS = 0x28,
  SELECTOR_FS = 0x38;
/** A program says here that it is done. */
export const END_PORT = 0xf0;
