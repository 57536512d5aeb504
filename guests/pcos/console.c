/* The VGA's text (IBM's VGA reference: cells at B8000h, the cursor in CRTC registers 0Eh and 0Fh) and COM1 (PC16550D). */
#include "pcos.h"

enum { COLUMNS = 80, ROWS = 25, BAR = 0x1f };
enum { COM1 = 0x3f8 };
static u16 *const screen = (u16 *)0xb8000;
/* What is on the screen, or would be: a picture may be shown in its place. */
static u16 cells[ROWS * COLUMNS];
static u32 row = 1, column;
static int text_shown = 1, serial_there;
static u8 ink = PLAIN;

static void set(u32 cell, u16 value) {
  cells[cell] = value;
  if (text_shown) screen[cell] = value;
}

void set_ink(u8 colour) { ink = colour; }

void cursor_on(void) {
  u32 cell = row * COLUMNS + column;
  out8(0x3d4, 0x0e);
  out8(0x3d5, cell >> 8);
  out8(0x3d4, 0x0f);
  out8(0x3d5, cell);
}

void show_text(int on) {
  text_shown = on;
  if (!on) return;
  copy(screen, cells, sizeof cells);
  cursor_on();
}

void clear_screen(void) {
  for (u32 cell = COLUMNS; cell < ROWS * COLUMNS; cell++) set(cell, PLAIN << 8 | ' ');
  row = 1;
  column = 0;
  cursor_on();
}

/* The first line is the status line's and stays. */
static void next_line(void) {
  column = 0;
  if (++row < ROWS) return;
  row--;
  copy(cells + COLUMNS, cells + 2 * COLUMNS, (ROWS - 2) * COLUMNS * 2);
  for (u32 i = 0; i < COLUMNS; i++) cells[(ROWS - 1) * COLUMNS + i] = PLAIN << 8 | ' ';
  if (text_shown) copy(screen + COLUMNS, cells + COLUMNS, (ROWS - 1) * COLUMNS * 2);
}

void serial_put(char c) {
  if (!serial_there) return;
  if (c == '\n') serial_put('\r');
  /* A line that never becomes ready stops nobody. */
  for (u32 tries = 0; tries < 100000 && !(in8(COM1 + 5) & 0x20); tries++);
  out8(COM1, c);
}

void put(char c) {
  serial_put(c);
  if (c == '\n') next_line();
  else if (c == '\b') { if (column) column--; }
  else {
    if (column == COLUMNS) next_line();
    set(row * COLUMNS + column++, ink << 8 | (u8)c);
  }
}

void status(const char *text) {
  for (u32 i = 0; i < COLUMNS; i++) {
    u16 cell = BAR << 8 | (*text ? (u8)*text++ : ' ');
    if (cells[i] != cell) set(i, cell);
  }
}

void console_start(void) {
  out8(COM1 + 7, 0xa5); /* the scratch register tells whether there is a chip */
  if (in8(COM1 + 7) == 0xa5) {
    out8(COM1 + 1, 0);
    out8(COM1 + 3, 0x80);
    out8(COM1, 1); /* 115200 baud */
    out8(COM1 + 1, 0);
    out8(COM1 + 3, 3); /* 8N1 */
    out8(COM1 + 2, 7);
    out8(COM1 + 4, 0x0b); /* OUT2 lets the interrupt through */
    serial_there = 1;
  }
  clear_screen();
}
