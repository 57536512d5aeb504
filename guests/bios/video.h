/* What the VGA's modes are, and what video.c, vga-modes.c and vbe.c share. */
#ifndef VIDEO_H
#define VIDEO_H
#include "bios.h"

enum memory { TEXT, CGA, PLANES, LINEAR };
struct mode {
  u8 number, memory, columns, rows, char_height, palette;
  u16 segment, page_bytes;
  u8 misc, sequencer[4];
  const u8 *crtc, *attributes;
  u8 graphics[9], colours;
};
const struct mode *find_mode(u8 number);
void set_mode(u8 number);
void load_registers(const struct mode *mode);
void load_palette(u8 which);
void load_font(u8 block, u32 font, u16 first, u16 count, u8 height);
/* Size (0), save (1) or restore (2) of what the bits name, at ES:BX; 0: there is no such function. (video-state.c) */
u8 video_state(caller r, u8 what, u8 parts);
/* The mode, and the display interface's registers. */
#define VBE_STATE_WORDS 10
u16 vbe_state(u8 i);
void set_vbe_state(u8 i, u16 value);
void clear_screen(const struct mode *mode);
extern const u8 font_8x8[], font_8x14[], font_8x16[], font_8x8_high[];

enum { PALETTE_64, PALETTE_CGA, PALETTE_MONO, PALETTE_256 };
#endif
