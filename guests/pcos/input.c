/* The PS/2 controller (8042) with keyboard (scan code set 1) and mouse, and what comes over COM1. */
#include "pcos.h"

enum { DATA = 0x60, STATUS = 0x64, FULL = 1, BUSY = 2, COM1 = 0x3f8 };
static volatile u8 keys[128];
static volatile u32 head, tail;
volatile struct mouse mouse = { 160, 100, 0 };
volatile u32 input_events;

static void add(u8 c) {
  u32 after = (head + 1) % sizeof keys;
  if (after == tail) return;
  keys[head] = c;
  head = after;
}
static void told(void) { input_events++; wake(keys); }

int key(int wait) {
  u32 flags = lock();
  int c = -1;
  if (wait) while (head == tail) wait_for(keys, 0);
  if (head != tail) c = keys[tail], tail = (tail + 1) % sizeof keys;
  unlock(flags);
  return c;
}

static void on_keyboard(u32 irq) {
  static const char plain[] = "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
  static const char shifted[] = "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
  static u8 shift, control, capitals, extended;
  (void)irq;
  if (!(in8(STATUS) & FULL)) return;
  u8 code = in8(DATA), down = !(code & 0x80), was_extended = extended;
  extended = code == 0xe0;
  if (extended) return;
  code &= 0x7f;
  if (code == 0x1d) control = down;
  else if ((code == 0x2a || code == 0x36) && !was_extended) shift = down;
  else if (down && code == 0x3a) capitals = !capitals;
  else if (down && was_extended) {
    static const u8 arrows[][2] = { { 0x48, UP_KEY }, { 0x50, DOWN_KEY }, { 0x4b, LEFT_KEY }, { 0x4d, RIGHT_KEY }, { 0x1c, '\n' }, { 0x35, '/' } };
    for (u32 i = 0; i < LENGTH(arrows); i++) if (arrows[i][0] == code) add(arrows[i][1]);
  } else if (down && code < sizeof plain - 1) {
    u8 c = plain[code], letter = c >= 'a' && c <= 'z';
    if (control && letter) c &= 0x1f;
    else if (shift != (capitals && letter)) c = shifted[code];
    if (c) add(c);
  }
  told();
}

/* Packets of three bytes: buttons, signs and overflows; then x; then y, which counts upwards. */
static void on_mouse(u32 irq) {
  static u8 packet[3], count, acknowledged;
  (void)irq;
  if ((in8(STATUS) & 0x21) != 0x21) return;
  packet[count] = in8(DATA);
  /* It acknowledges the first command first; the keyboard's is a code that means nothing. */
  if (!acknowledged && packet[0] == 0xfa) { acknowledged = 1; return; }
  count++;
  if (!(packet[0] & 8)) count = 0; /* out of step: a first byte has this bit */
  if (count < 3) return;
  count = 0;
  if (packet[0] & 0xc0) return;
  int x = mouse.x + packet[1] - (packet[0] & 0x10 ? 256 : 0), y = mouse.y - packet[2] + (packet[0] & 0x20 ? 256 : 0);
  mouse.x = x < 0 ? 0 : x > 319 ? 319 : x;
  mouse.y = y < 0 ? 0 : y > 199 ? 199 : y;
  mouse.buttons = packet[0] & 7;
  told();
}

static void on_serial(u32 irq) {
  (void)irq;
  in8(COM1 + 2);
  while (in8(COM1 + 5) & 1) { u8 c = in8(COM1); add(c == '\r' ? '\n' : c == 127 ? '\b' : c); }
  told();
}

static int ready(u8 bit, u8 wanted) {
  for (u32 tries = 0; tries < 100000; tries++) if ((in8(STATUS) & bit) == wanted) return 1;
  return 0;
}
static void send(u16 port, u8 value) { if (ready(BUSY, 0)) out8(port, value); }

void input_start(void) {
  out8(COM1 + 1, 1);
  on_irq(4, on_serial);
  if (in8(STATUS) == 0xff) return;
  send(STATUS, 0xad); /* both are silent */
  send(STATUS, 0xa7);
  for (u32 tries = 0; tries < 32 && in8(STATUS) & FULL; tries++) in8(DATA);
  send(STATUS, 0x60); /* interrupts of both, codes of set 1 */
  send(DATA, 0x43);
  send(STATUS, 0xae);
  send(STATUS, 0xa8);
  send(STATUS, 0xd4); /* to the mouse: report */
  send(DATA, 0xf4);
  send(DATA, 0xf4); /* to the keyboard: scan */
  on_irq(1, on_keyboard);
  on_irq(12, on_mouse);
}
