/*
 * What a program puts away of the adapter's state and takes back: INT 10h, 1Ch, and VBE's 04h.
 * Sources: IBM BIOS Interface Technical Reference (INT 10h, 1Ch); VESA BIOS Extension Core Functions Standard 2.0 (4F04h).
 */
#include "video.h"

enum { HARDWARE = 1, DATA_AREA = 2, COLOURS = 4, INTERFACE = 8 };
enum { HARDWARE_BYTES = 64, DATA_AREA_BYTES = 49, COLOURS_BYTES = 769, INTERFACE_BYTES = 2 * VBE_STATE_WORDS };
#define BLOCK 64

/* The program's buffer, as far as it is filled or emptied. */
static u16 segment, next;
static u8 taking_back;

/* A byte on its way into the buffer, or the one that comes back for it. */
static u8 pass(u8 value) {
  if (taking_back) value = peek8(segment, next);
  else poke8(segment, next, value);
  next++;
  return value;
}

static void pass_port(u16 read, u16 write) {
  /* To read the DAC would move where it is written. */
  u8 value = pass(taking_back ? 0 : in8(read));
  if (taking_back) out8(write, value);
}

/* Registers behind an index port, and where the index is. */
static void pass_indexed(u16 port, u8 first, u8 count) {
  u8 index = pass(in8(port));
  for (; count--; first++) {
    out8(port, first);
    pass_port(port + 1, port + 1);
  }
  out8(port, index);
}

static void pass_memory(u16 of, u16 at, u16 bytes) {
  for (; bytes--; at++) {
    u8 value = pass(peek8(of, at));
    if (taking_back) poke8(of, at, value);
  }
}

static void hardware(void) {
  if (taking_back) out16(0x3c4, 0x0100);
  pass_port(0x3cc, 0x3c2);
  pass_indexed(0x3c4, 1, 4);
  if (taking_back) out16(0x3c4, 0x0300);
  u16 crtc = in8(0x3cc) & 1 ? 0x3d4 : 0x3b4;
  /* Registers 0 to 7 are protected by bit 7 of 11h. */
  if (taking_back) out16(crtc, 0x0011);
  pass_indexed(crtc, 0, 25);
  pass_indexed(0x3ce, 0, 9);
  for (u8 i = 0; i < 21; i++) {
    in8(crtc + 6);
    out8(0x3c0, i);
    u8 value = pass(in8(0x3c1));
    in8(crtc + 6);
    out8(0x3c0, i);
    out8(0x3c0, value);
  }
  out8(0x3c0, 0x20);
}

static void colours(void) {
  pass_port(0x3c6, 0x3c6);
  out8(taking_back ? 0x3c8 : 0x3c7, 0);
  for (u16 i = 0; i < 768; i++) pass_port(0x3c9, 0x3c9);
}

static void interface(void) {
  for (u8 i = 0; i < VBE_STATE_WORDS; i++) {
    u16 value = taking_back ? 0 : vbe_state(i);
    value = pass(value);
    value |= pass(taking_back ? 0 : vbe_state(i) >> 8) << 8;
    if (taking_back) set_vbe_state(i, value);
  }
}

u8 video_state(caller r, u8 what, u8 parts) {
  if (what == 0) {
    u16 bytes = (parts & HARDWARE ? HARDWARE_BYTES : 0) + (parts & DATA_AREA ? DATA_AREA_BYTES : 0) + (parts & COLOURS ? COLOURS_BYTES : 0) +
      (parts & INTERFACE ? INTERFACE_BYTES : 0);
    r->bx = (bytes + BLOCK - 1) / BLOCK;
    return 1;
  }
  if (what > 2) return 0;
  segment = r->es;
  next = r->bx;
  taking_back = what == 2;
  /* The display interface first: who leaves it has the VGA's registers as it left them. */
  if (parts & INTERFACE) interface();
  if (parts & HARDWARE) hardware();
  if (parts & DATA_AREA) {
    pass_memory(BDA, BDA_MODE, 30);
    pass_memory(BDA, BDA_ROWS, 7);
    pass_memory(BDA, BDA_SAVE_TABLE, 4);
    pass_memory(0, 4 * 0x1f, 4);
    pass_memory(0, 4 * 0x43, 4);
  }
  if (parts & COLOURS) colours();
  return 1;
}
