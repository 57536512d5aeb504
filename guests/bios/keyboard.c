/*
 * Keyboard: scan codes (set 1) to the buffer in the BIOS data area, INT 16h.
 * Sources: IBM BIOS Interface Technical Reference, INT 09h and INT 16h, keyboard and its table of codes; IBM PS/2 Hardware Interface Technical Reference,
 * keyboard and auxiliary device controller.
 */
#include "bios.h"

#define DATA 0x60
#define STATUS 0x64
#define COMMAND 0x64
#define FULL_OUT 0x01
#define FULL_IN 0x02

/* Bits of 40:17, 40:18 and 40:96. */
enum { RIGHT_SHIFT = 1, LEFT_SHIFT = 2, CONTROL = 4, ALT = 8, SCROLL_LOCK = 16, NUM_LOCK = 32, CAPS_LOCK = 64, INSERT = 128 };
enum { LEFT_CONTROL = 1, LEFT_ALT = 2, SYSTEM_KEY = 4, PAUSED = 8 };
enum { AFTER_E1 = 1, AFTER_E0 = 2, RIGHT_CONTROL = 4, RIGHT_ALT = 8, ENHANCED = 16 };

/* A key's codes: plain, with Shift, with Ctrl, with Alt. 0: none. */
struct key { u16 plain, shift, control, alt; };
#define LETTER(scan, c) { scan << 8 | c, scan << 8 | (c - 32), scan << 8 | (c - 96), scan << 8 }
static const struct key keys[] BEHIND_FONTS = {
  { 0, 0, 0, 0 },
  { 0x011b, 0x011b, 0x011b, 0x0100 },
  { 0x0231, 0x0221, 0, 0x7800 },
  { 0x0332, 0x0340, 0x0300, 0x7900 },
  { 0x0433, 0x0423, 0, 0x7a00 },
  { 0x0534, 0x0524, 0, 0x7b00 },
  { 0x0635, 0x0625, 0, 0x7c00 },
  { 0x0736, 0x075e, 0x071e, 0x7d00 },
  { 0x0837, 0x0826, 0, 0x7e00 },
  { 0x0938, 0x092a, 0, 0x7f00 },
  { 0x0a39, 0x0a28, 0, 0x8000 },
  { 0x0b30, 0x0b29, 0, 0x8100 },
  { 0x0c2d, 0x0c5f, 0x0c1f, 0x8200 },
  { 0x0d3d, 0x0d2b, 0, 0x8300 },
  { 0x0e08, 0x0e08, 0x0e7f, 0x0e00 },
  { 0x0f09, 0x0f00, 0x9400, 0xa500 },
  LETTER(0x10, 'q'), LETTER(0x11, 'w'), LETTER(0x12, 'e'), LETTER(0x13, 'r'), LETTER(0x14, 't'), LETTER(0x15, 'y'), LETTER(0x16, 'u'), LETTER(0x17, 'i'),
  LETTER(0x18, 'o'), LETTER(0x19, 'p'),
  { 0x1a5b, 0x1a7b, 0x1a1b, 0x1a00 },
  { 0x1b5d, 0x1b7d, 0x1b1d, 0x1b00 },
  { 0x1c0d, 0x1c0d, 0x1c0a, 0xa600 },
  { 0, 0, 0, 0 },
  LETTER(0x1e, 'a'), LETTER(0x1f, 's'), LETTER(0x20, 'd'), LETTER(0x21, 'f'), LETTER(0x22, 'g'), LETTER(0x23, 'h'), LETTER(0x24, 'j'), LETTER(0x25, 'k'),
  LETTER(0x26, 'l'),
  { 0x273b, 0x273a, 0, 0x2700 },
  { 0x2827, 0x2822, 0, 0x2800 },
  { 0x2960, 0x297e, 0, 0x2900 },
  { 0, 0, 0, 0 },
  { 0x2b5c, 0x2b7c, 0x2b1c, 0x2b00 },
  LETTER(0x2c, 'z'), LETTER(0x2d, 'x'), LETTER(0x2e, 'c'), LETTER(0x2f, 'v'), LETTER(0x30, 'b'), LETTER(0x31, 'n'), LETTER(0x32, 'm'),
  { 0x332c, 0x333c, 0, 0x3300 },
  { 0x342e, 0x343e, 0, 0x3400 },
  { 0x352f, 0x353f, 0, 0x3500 },
  { 0, 0, 0, 0 },
  { 0x372a, 0x372a, 0x9600, 0x3700 },
  { 0, 0, 0, 0 },
  { 0x3920, 0x3920, 0x3920, 0x3920 },
  { 0, 0, 0, 0 },
  { 0x3b00, 0x5400, 0x5e00, 0x6800 }, { 0x3c00, 0x5500, 0x5f00, 0x6900 }, { 0x3d00, 0x5600, 0x6000, 0x6a00 }, { 0x3e00, 0x5700, 0x6100, 0x6b00 },
  { 0x3f00, 0x5800, 0x6200, 0x6c00 }, { 0x4000, 0x5900, 0x6300, 0x6d00 }, { 0x4100, 0x5a00, 0x6400, 0x6e00 }, { 0x4200, 0x5b00, 0x6500, 0x6f00 },
  { 0x4300, 0x5c00, 0x6600, 0x7000 }, { 0x4400, 0x5d00, 0x6700, 0x7100 },
  { 0, 0, 0, 0 },
  { 0, 0, 0, 0 },
  { 0x4700, 0x4737, 0x7700, 0x0007 }, { 0x4800, 0x4838, 0x8d00, 0x0008 }, { 0x4900, 0x4939, 0x8400, 0x0009 }, { 0x4a2d, 0x4a2d, 0x8e00, 0x4a00 },
  { 0x4b00, 0x4b34, 0x7300, 0x0004 }, { 0x4cf0, 0x4c35, 0x8f00, 0x0005 }, { 0x4d00, 0x4d36, 0x7400, 0x0006 }, { 0x4e2b, 0x4e2b, 0x9000, 0x4e00 },
  { 0x4f00, 0x4f31, 0x7500, 0x0001 }, { 0x5000, 0x5032, 0x9100, 0x0002 }, { 0x5100, 0x5133, 0x7600, 0x0003 }, { 0x5200, 0x5230, 0x9200, 0x0000 },
  { 0x5300, 0x532e, 0x9300, 0 },
  { 0, 0, 0, 0 },
  { 0, 0, 0, 0 },
  { 0x565c, 0x567c, 0, 0 },
  { 0x8500, 0x8700, 0x8900, 0x8b00 },
  { 0x8600, 0x8800, 0x8a00, 0x8c00 },
};

static int put_key(u16 code) {
  u16 tail = bda16(BDA_KEYS_TAIL), next = tail + 2;
  if (next == bda16(BDA_KEYS_END)) next = bda16(BDA_KEYS_START);
  if (next == bda16(BDA_KEYS_HEAD)) return 0;
  poke16(BDA, tail, code);
  set_bda16(BDA_KEYS_TAIL, next);
  return 1;
}

static int send(u16 port, u8 value) {
  struct limit limit = limit_ms(100);
  while (in8(STATUS) & FULL_IN)
    if (expired(&limit)) return 0;
  out8(port, value);
  return 1;
}

static int receive(u8 *value) {
  struct limit limit = limit_ms(100);
  while (!(in8(STATUS) & FULL_OUT))
    if (expired(&limit)) return 0;
  *value = in8(DATA);
  return 1;
}

/* A byte for the keyboard, and its acknowledgement. The interrupt stays out of it. */
static int tell_keyboard(u8 value) {
  u8 answer = 0;
  if (!send(DATA, value)) return 0;
  for (int i = 0; i < 8 && receive(&answer); i++)
    if (answer == 0xfa || answer == 0xfe) break;
  return answer == 0xfa;
}

static void show_leds(void) {
  u8 leds = (bda8(BDA_SHIFT) >> 4) & 7, known = bda8(BDA_LEDS) & 7;
  if (leds == known) return;
  set_bda8(BDA_LEDS, (bda8(BDA_LEDS) & ~7) | leds);
  send(COMMAND, 0xad);
  send(COMMAND, 0xae);
  if (tell_keyboard(0xed)) tell_keyboard(leds);
}

static void shift_key(u8 bit, int down) {
  u8 shift = bda8(BDA_SHIFT);
  set_bda8(BDA_SHIFT, down ? shift | bit : shift & ~bit);
}

static void lock_key(u8 bit, int down) {
  u8 held = bda8(BDA_SHIFT2);
  if (down && !(held & bit)) set_bda8(BDA_SHIFT, bda8(BDA_SHIFT) ^ bit);
  set_bda8(BDA_SHIFT2, down ? held | bit : held & ~bit);
  if (down) show_leds();
}

/* Left and right keys are counted apart; 40:17 has whether either is down. */
static void paired_key(u8 both, u8 left, u8 right, int is_right, int down) {
  u16 at = is_right ? BDA_KEYBOARD_STATE : BDA_SHIFT2;
  u8 bit = is_right ? right : left;
  set_bda8(at, down ? bda8(at) | bit : bda8(at) & ~bit);
  shift_key(both, (bda8(BDA_SHIFT2) & left) || (bda8(BDA_KEYBOARD_STATE) & right));
}

static void alt_digit(u8 digit) { set_bda8(BDA_ALT_DIGITS, bda8(BDA_ALT_DIGITS) * 10 + digit); }

static void character_key(u8 scan, int after_e0) {
  u8 shift = bda8(BDA_SHIFT);
  if (scan >= COUNT(keys)) return;
  struct key key;
  copy_table(&key, &keys[scan], sizeof key);
  int keypad = scan >= 0x47 && scan <= 0x53 && scan != 0x4a && scan != 0x4e;
  u16 code;
  if (shift & ALT) {
    if (after_e0 && keypad) code = (scan + 0x50) << 8;
    else if (after_e0 && scan == 0x1c) code = 0xa600;
    else if (after_e0 && scan == 0x35) code = 0xa400;
    else if (keypad) {
      if (scan != 0x53) alt_digit(key.alt);
      return;
    } else code = key.alt;
  } else if (shift & CONTROL) {
    code = key.control;
    if (after_e0) code = keypad ? (code & 0xff00) | 0xe0 : scan == 0x1c ? 0xe00a : scan == 0x35 ? 0x9500 : code;
  } else {
    int shifted = (shift & (LEFT_SHIFT | RIGHT_SHIFT)) != 0;
    u8 letter = key.plain;
    if (letter >= 'a' && letter <= 'z' && shift & CAPS_LOCK) shifted = !shifted;
    if (keypad && shift & NUM_LOCK) shifted = !shifted;
    if (keypad && after_e0) code = (key.plain & 0xff00) | 0xe0;
    else code = shifted ? key.shift : key.plain;
    if (after_e0 && scan == 0x1c) code = 0xe00d;
    if (after_e0 && scan == 0x35) code = 0xe02f;
  }
  if (code) put_key(code);
}

/* INT 09h: AL is the scan code. */
enum outcome key_interrupt(caller r) {
  u8 code = r->al, state = bda8(BDA_KEYBOARD_STATE);
  enum outcome outcome = DONE;
  out8(0x20, 0x20);
  if (code == 0xe0 || code == 0xe1) {
    set_bda8(BDA_KEYBOARD_STATE, state | (code == 0xe0 ? AFTER_E0 : AFTER_E1));
    return DONE;
  }
  int after_e0 = (state & AFTER_E0) != 0, after_e1 = (state & AFTER_E1) != 0, down = !(code & 0x80);
  u8 scan = code & 0x7f, shift = bda8(BDA_SHIFT);
  /* Pause is E1 1D 45 and the same released: the first byte stays awaited until the second came. */
  if (after_e1 && scan == 0x1d) return DONE;
  set_bda8(BDA_KEYBOARD_STATE, state & ~(AFTER_E0 | AFTER_E1));
  if (after_e1) {
    if (scan == 0x45 && down) set_bda8(BDA_SHIFT2, bda8(BDA_SHIFT2) | PAUSED);
    return DONE;
  }
  switch (scan) {
    case 0x2a: case 0x36:
      /* E0 2A and E0 36 are not keys: they surround those that old keyboards did not have. */
      if (!after_e0) shift_key(scan == 0x2a ? LEFT_SHIFT : RIGHT_SHIFT, down);
      return DONE;
    case 0x1d: paired_key(CONTROL, LEFT_CONTROL, RIGHT_CONTROL, after_e0, down); return DONE;
    case 0x38:
      paired_key(ALT, LEFT_ALT, RIGHT_ALT, after_e0, down);
      if (!(bda8(BDA_SHIFT) & ALT) && bda8(BDA_ALT_DIGITS)) {
        put_key(bda8(BDA_ALT_DIGITS));
        set_bda8(BDA_ALT_DIGITS, 0);
      }
      return DONE;
    case 0x3a: lock_key(CAPS_LOCK, down); return DONE;
    case 0x45:
      if (after_e0) break;
      lock_key(NUM_LOCK, down);
      return DONE;
    case 0x46:
      if (after_e0 || shift & CONTROL) {
        if (!down) return DONE;
        /* Ctrl-Break: an empty buffer with a 0 in it. */
        set_bda8(BDA_BREAK, 0x80);
        set_bda16(BDA_KEYS_HEAD, bda16(BDA_KEYS_START));
        set_bda16(BDA_KEYS_TAIL, bda16(BDA_KEYS_START));
        put_key(0);
        return CALL_BREAK;
      }
      lock_key(SCROLL_LOCK, down);
      return DONE;
    case 0x52:
      if (down && !(shift & ALT)) {
        u8 held = bda8(BDA_SHIFT2);
        if (!(held & INSERT)) set_bda8(BDA_SHIFT, bda8(BDA_SHIFT) ^ INSERT);
        set_bda8(BDA_SHIFT2, held | INSERT);
      } else if (!down) set_bda8(BDA_SHIFT2, bda8(BDA_SHIFT2) & ~INSERT);
      break;
    case 0x53:
      if (down && (shift & (CONTROL | ALT)) == (CONTROL | ALT)) {
        set_bda16(BDA_WARM, 0x1234);
        out8(0xcf9, 0x02);
        out8(0xcf9, 0x06);
        for (;;) __asm__ volatile("hlt");
      }
      break;
  }
  if (!down) return DONE;
  if (bda8(BDA_SHIFT2) & PAUSED) {
    set_bda8(BDA_SHIFT2, bda8(BDA_SHIFT2) & ~PAUSED);
    return DONE;
  }
  character_key(scan, after_e0);
  return outcome;
}

int key_waiting(void) { return bda16(BDA_KEYS_HEAD) != bda16(BDA_KEYS_TAIL); }

u16 take_key(void) {
  u16 head = bda16(BDA_KEYS_HEAD), code = peek16(BDA, head);
  head += 2;
  set_bda16(BDA_KEYS_HEAD, head == bda16(BDA_KEYS_END) ? bda16(BDA_KEYS_START) : head);
  return code;
}

/* What functions 00h and 01h give for keys of the enhanced keyboard: as the old one has them. */
static u16 as_old_keyboard(u16 code) {
  u8 low = code, high = code >> 8;
  if (high == 0xe0) return low == 0x2f ? 0x352f : 0x1c00 | low;
  return (low == 0xe0 || low == 0xf0) && high ? high << 8 : code;
}

static u16 as_new_keyboard(u16 code) { return (code & 0xff) == 0xf0 && code >> 8 ? code & 0xff00 : code; }

enum outcome keyboard_services(caller r) {
  u16 code;
  switch (r->ah) {
    case 0x00: case 0x10:
      if (!key_waiting()) return WAIT_AND_RETRY;
      code = take_key();
      r->ax = r->ah == 0x10 ? as_new_keyboard(code) : as_old_keyboard(code);
      return DONE;
    case 0x01: case 0x11:
      if (!key_waiting()) {
        /* A program that asks in a loop waits: interrupts get their turn. */
        r->flags |= ZERO | INTERRUPTS;
        return DONE;
      }
      code = peek16(BDA, bda16(BDA_KEYS_HEAD));
      r->ax = r->ah == 0x11 ? as_new_keyboard(code) : as_old_keyboard(code);
      r->flags &= ~ZERO;
      return DONE;
    case 0x02: r->al = bda8(BDA_SHIFT); return DONE;
    case 0x12: {
      u8 second = bda8(BDA_SHIFT2), state = bda8(BDA_KEYBOARD_STATE);
      r->al = bda8(BDA_SHIFT);
      r->ah = (second & 0x73) | (second & SYSTEM_KEY ? 0x80 : 0) | (state & (RIGHT_CONTROL | RIGHT_ALT));
      return DONE;
    }
    case 0x03:
      if (r->al == 5 && tell_keyboard(0xf3)) tell_keyboard((r->bh & 3) << 5 | (r->bl & 31));
      return DONE;
    case 0x05: r->al = !put_key(r->cx); return DONE;
    case 0x09: r->al = 0x30; return DONE;
    case 0x0a: r->bx = 0x41ab; return DONE;
    case 0x92: r->ah = 0x80; return DONE;
    case 0xa2: return DONE;
    default: return DONE;
  }
}

void set_up_keyboard(void) {
  set_bda16(BDA_KEYS_HEAD, BDA_KEYS);
  set_bda16(BDA_KEYS_TAIL, BDA_KEYS);
  set_bda16(BDA_KEYS_START, BDA_KEYS);
  set_bda16(BDA_KEYS_END, BDA_KEYS + 32);
  set_bda8(BDA_KEYBOARD_STATE, ENHANCED);
  send(COMMAND, 0xad);
  send(COMMAND, 0xa7);
  while (in8(STATUS) & FULL_OUT) in8(DATA);
  /* Translation to set 1 and the keyboard's interrupt; the mouse's port is shut until somebody asks for it. */
  send(COMMAND, 0x60);
  send(DATA, 0x61);
  send(COMMAND, 0xae);
  tell_keyboard(0xf4);
}

/* ---- mouse: what mouse.c needs of the controller */
u8 mouse_byte(u8 value) {
  u8 answer = 0;
  send(COMMAND, 0xd4);
  if (!send(DATA, value)) return 0;
  for (int i = 0; i < 8 && receive(&answer); i++)
    if (answer == 0xfa || answer == 0xfe || answer == 0xfc) break;
  return answer;
}
