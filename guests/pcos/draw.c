/* Drawing with the mouse, in mode 13h: 320 × 200 dots of a byte. The mode is set in the VGA's registers, since there is no BIOS in protected mode. */
#include "pcos.h"

enum { MISC = 0x3c2, SEQUENCER = 0x3c4, CRTC = 0x3d4, GRAPHICS = 0x3ce, ATTRIBUTES = 0x3c0, DAC_READ = 0x3c7, DAC_WRITE = 0x3c8, DAC = 0x3c9 };
enum { WIDTH = 320, HEIGHT = 200, BAR = 190, COLOURS = 16, FONT_BYTES = 8192 };
struct registers { u8 misc, sequencer[5], crtc[25], graphics[9], attributes[21]; };
static u8 *const screen = (u8 *)0xa0000;
/* IBM's table of mode 13h. */
static const struct registers mode13h = { 0x63, { 3, 1, 0x0f, 0, 0x0e },
  { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff },
  { 0, 0, 0, 0, 0, 0x40, 5, 0x0f, 0xff }, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0, 0 } };
static struct registers text_mode;
static u8 font[FONT_BYTES], palette[3 * 256];

static void indexed(u16 port, u8 *values, u32 count, int writing) {
  for (u32 i = 0; i < count; i++) {
    out8(port, i);
    if (writing) out8(port + 1, values[i]);
    else values[i] = in8(port + 1);
  }
}
static void write_index(u16 port, u8 index, u8 value) { out8(port, index); out8(port + 1, value); }

static void read_registers(struct registers *r) {
  r->misc = in8(0x3cc);
  indexed(SEQUENCER, r->sequencer, sizeof r->sequencer, 0);
  indexed(CRTC, r->crtc, sizeof r->crtc, 0);
  indexed(GRAPHICS, r->graphics, sizeof r->graphics, 0);
  for (u32 i = 0; i < sizeof r->attributes; i++) {
    in8(0x3da); /* the next write is an index */
    out8(ATTRIBUTES, i);
    r->attributes[i] = in8(ATTRIBUTES + 1);
  }
  in8(0x3da);
  out8(ATTRIBUTES, 0x20);
}
static void write_registers(const struct registers *from) {
  struct registers r = *from;
  out8(MISC, r.misc);
  write_index(SEQUENCER, 0, 1);
  indexed(SEQUENCER, r.sequencer, sizeof r.sequencer, 1);
  write_index(CRTC, 0x11, r.crtc[0x11] & 0x7f); /* registers 0 to 7 are open to writes */
  u8 last = r.crtc[0x11];
  r.crtc[0x11] &= 0x7f;
  indexed(CRTC, r.crtc, sizeof r.crtc, 1);
  write_index(CRTC, 0x11, last);
  indexed(GRAPHICS, r.graphics, sizeof r.graphics, 1);
  for (u32 i = 0; i < sizeof r.attributes; i++) {
    in8(0x3da);
    out8(ATTRIBUTES, i);
    out8(ATTRIBUTES, r.attributes[i]);
  }
  in8(0x3da);
  out8(ATTRIBUTES, 0x20);
}

/* The shapes of the text mode's letters lie in plane 2, over which a picture is drawn. */
static void move_font(int writing) {
  write_index(SEQUENCER, 2, 4);
  write_index(SEQUENCER, 4, 6);
  write_index(GRAPHICS, 4, 2);
  write_index(GRAPHICS, 5, 0);
  write_index(GRAPHICS, 6, 4);
  if (writing) copy(screen, font, FONT_BYTES);
  else copy(font, screen, FONT_BYTES);
}
static void move_palette(int writing) {
  out8(writing ? DAC_WRITE : DAC_READ, 0);
  for (u32 i = 0; i < sizeof palette; i++) {
    if (writing) out8(DAC, palette[i]);
    else palette[i] = in8(DAC);
  }
}

static void dot(int x, int y, u8 colour) { if (x >= 0 && x < WIDTH && y >= 0 && y < BAR) screen[y * WIDTH + x] = colour; }
static void line(int x, int y, int to_x, int to_y, u8 colour) {
  int across = to_x - x, down = to_y - y, wide = across < 0 ? -across : across, high = down < 0 ? -down : down, steps = wide > high ? wide : high;
  for (int i = 0; i <= steps; i++) {
    int at_x = x + (steps ? across * i / steps : 0), at_y = y + (steps ? down * i / steps : 0);
    dot(at_x, at_y, colour);
    dot(at_x + 1, at_y, colour);
    dot(at_x, at_y + 1, colour);
  }
}

/* The pointer, and what lies below it. */
enum { POINTER = 8 };
static const u8 shape[POINTER] = { 0x80, 0xc0, 0xe0, 0xf0, 0xf8, 0xe0, 0xa0, 0x10 };
static u8 below[POINTER][POINTER];
static void pointer(int x, int y, int shown) {
  for (int i = 0; i < POINTER && y + i < HEIGHT; i++)
    for (int j = 0; j < POINTER && x + j < WIDTH; j++) {
      u8 *at = &screen[(y + i) * WIDTH + x + j];
      if (shown) { below[i][j] = *at; if (shape[i] & 0x80 >> j) *at = 15; }
      else *at = below[i][j];
    }
}

static void clear_picture(u8 colour) {
  fill(screen, 0, WIDTH * BAR);
  for (int y = BAR; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) screen[y * WIDTH + x] = y < BAR + 2 ? colour : x * COLOURS / WIDTH;
}

void draw(void) {
  show_text(0);
  read_registers(&text_mode);
  move_palette(0);
  move_font(0);
  write_registers(&mode13h);
  /* The sixteen colours of the text mode, by intensity, red, green and blue. */
  out8(DAC_WRITE, 0);
  for (u32 i = 0; i < COLOURS; i++)
    for (u32 bit = 4; bit; bit >>= 1) out8(DAC, (i & bit ? 42 : 0) + (i & 8 ? 21 : 0) - (i == 6 && bit == 2 ? 21 : 0));
  u8 colour = 14;
  clear_picture(colour);
  int x = mouse.x, y = mouse.y, c = 0;
  u32 seen = input_events - 1;
  pointer(x, y, 1);
  while (c != 27 && c != 'q') {
    c = key(0);
    if (c < 0 && seen == input_events) { sleep(1); continue; }
    seen = input_events;
    int to_x = mouse.x, to_y = mouse.y;
    u8 buttons = mouse.buttons;
    pointer(x, y, 0);
    if (buttons & 1 && to_y >= BAR) colour = to_x * COLOURS / WIDTH;
    if (c == ' ') colour = (colour + 1) % COLOURS;
    if (c == 'c') clear_picture(colour);
    fill(screen + BAR * WIDTH, colour, 2 * WIDTH);
    if (buttons & 3 && to_y < BAR) line(x, y, to_x, to_y, buttons & 1 ? colour : 0);
    /* By the arrow keys, where there is no mouse. */
    static const int steps[][2] = { { 0, -4 }, { 0, 4 }, { -4, 0 }, { 4, 0 } };
    if (c >= UP_KEY && c <= RIGHT_KEY) {
      to_x += steps[c - UP_KEY][0];
      to_y += steps[c - UP_KEY][1];
      to_x = to_x < 0 ? 0 : to_x > WIDTH - 1 ? WIDTH - 1 : to_x;
      to_y = to_y < 0 ? 0 : to_y > BAR - 1 ? BAR - 1 : to_y;
      line(x, y, to_x, to_y, colour);
      u32 flags = lock();
      mouse.x = to_x;
      mouse.y = to_y;
      unlock(flags);
    }
    x = to_x;
    y = to_y;
    pointer(x, y, 1);
  }
  move_font(1);
  write_registers(&text_mode);
  move_palette(1);
  show_text(1);
}
