/*
 * INT 10h: modes, cursor, text, pixels, colours and fonts of the VGA. VBE is in vbe.c, the modes' registers in vga-modes.c.
 * Sources: IBM BIOS Interface Technical Reference, INT 10h; IBM PS/2 Hardware Interface Technical Reference, video subsystem.
 */
#include "video.h"

#define ROWS (bda8(BDA_ROWS) + 1)
#define COLUMNS bda16(BDA_COLUMNS)

static const struct mode *now(void) { return find_mode(bda8(BDA_MODE) & 0x7f); }

static void crtc(u8 index, u8 value) { out16(bda16(BDA_CRTC), value << 8 | index); }
static void crtc_word(u8 index, u16 value) {
  crtc(index, value >> 8);
  crtc(index + 1, value);
}

/* ---- cursor */

static void show_cursor(u8 page) {
  if (page != bda8(BDA_PAGE)) return;
  u16 at = bda16(BDA_CURSOR + 2 * page);
  crtc_word(0x0e, bda16(BDA_PAGE_START) / 2 + (at >> 8) * COLUMNS + (at & 0xff));
}

static void move_cursor(u8 page, u16 position) {
  if (page > 7) return;
  set_bda16(BDA_CURSOR + 2 * page, position);
  show_cursor(page);
}

/* Shapes that programs give for 8 lines are stretched over higher characters (cursor emulation). */
static void shape_cursor(u16 shape) {
  u8 start = (shape >> 8) & 0x1f, end = shape & 0x1f, height = bda16(BDA_CHAR_HEIGHT);
  set_bda16(BDA_CURSOR_SHAPE, shape & 0x3fff);
  if (!(bda8(BDA_VIDEO_CONTROL) & 1) && height > 8 && end < 8 && start < 0x20) {
    if (end != start + 1) start = ((start + 1) * height / 8) - 1;
    else start = ((end + 1) * height / 8) - 2;
    end = ((end + 1) * height / 8) - 1;
  }
  crtc(0x0a, start | ((shape >> 8) & 0x20));
  crtc(0x0b, end);
}

static void show_page(u8 page) {
  const struct mode *mode = now();
  if (!mode || page > 7) return;
  u16 start = mode->memory == TEXT ? page * bda16(BDA_PAGE_BYTES) : page * mode->page_bytes;
  set_bda8(BDA_PAGE, page);
  set_bda16(BDA_PAGE_START, start);
  crtc_word(0x0c, mode->memory == TEXT ? start / 2 : start);
  show_cursor(page);
}

/* ---- mode */

static void set_text_rows(u8 height, int reprogram) {
  u16 lines = 400;
  u8 rows = lines / height;
  set_bda16(BDA_CHAR_HEIGHT, height);
  set_bda8(BDA_ROWS, rows - 1);
  set_bda16(BDA_PAGE_BYTES, height == 16 ? (COLUMNS == 80 ? 0x1000 : 0x800) : rows * COLUMNS * 2 + 0x100);
  if (!reprogram) return;
  out8(bda16(BDA_CRTC), 0x09);
  crtc(0x09, (in8(bda16(BDA_CRTC) + 1) & 0xe0) | (height - 1));
  crtc(0x12, rows * height - 1);
  shape_cursor(height > 8 ? (u16)((height - 3) << 8 | (height - 2)) : 0x0607);
}

static void set_high_half(u8 vector, const u8 *font) { poke32(0, 4 * vector, far(font)); }

void set_mode(u8 number) {
  const struct mode *mode = find_mode(number & 0x7f);
  /* VESA's first mode has a number of the old kind too (VBE 3.0, 3). */
  if ((number & 0x7f) == 0x6a) set_vbe_mode(0x102 | (u16)(number & 0x80) << 8);
  if (!mode) return;
  leave_vbe();
  load_registers(mode);
  if (!(bda8(BDA_VIDEO_MODES) & 8)) load_palette(mode->palette);
  if (!(number & 0x80)) clear_screen(mode);
  if (mode->memory == TEXT) load_font(0, far(font_8x16), 0, 256, 16);
  set_bda8(BDA_MODE, mode->number);
  set_bda16(BDA_COLUMNS, mode->columns);
  set_bda8(BDA_ROWS, mode->rows - 1);
  set_bda16(BDA_CHAR_HEIGHT, mode->char_height);
  set_bda16(BDA_PAGE_BYTES, mode->page_bytes);
  set_bda16(BDA_CRTC, mode->misc & 1 ? 0x3d4 : 0x3b4);
  set_bda8(BDA_VIDEO_CONTROL, (bda8(BDA_VIDEO_CONTROL) & 1) | 0x60 | (number & 0x80));
  set_bda8(BDA_VIDEO_SWITCHES, 0xf9);
  for (u8 page = 0; page < 8; page++) set_bda16(BDA_CURSOR + 2 * page, 0);
  /* The registers have what cursor emulation would make of it, a line higher (IBM's tables). */
  set_bda16(BDA_CURSOR_SHAPE, mode->memory == TEXT ? 0x0607 : 0);
  show_page(0);
  set_high_half(0x1f, font_8x8_high);
  set_high_half(0x43, mode->char_height == 8 ? font_8x8 : mode->char_height == 14 ? font_8x14 : font_8x16);
}

/* ---- text */

static u16 cell_at(const struct mode *mode, u8 page, u16 position) {
  (void)mode;
  return page * bda16(BDA_PAGE_BYTES) + 2 * ((position >> 8) * COLUMNS + (position & 0xff));
}

/* A glyph's rows in graphics modes: INT 43h has the font; of 8 lines the upper half is at INT 1Fh. */
static u8 glyph_row(u8 c, u8 row) {
  u8 height = bda16(BDA_CHAR_HEIGHT);
  u32 font = peek32(0, 4 * (height == 8 && c >= 128 ? 0x1f : 0x43));
  if (height == 8 && c >= 128) c -= 128;
  return peek8(font >> 16, (u16)font + c * height + row);
}

static void put_pixel(const struct mode *mode, u8 page, u16 x, u16 y, u8 colour) {
  switch (mode->memory) {
    case LINEAR: poke8(0xa000, (u32)y * 320 + x, colour); break;
    case PLANES: {
      u32 at = page * mode->page_bytes + (u32)y * mode->columns + x / 8;
      out16(0x3ce, (0x80 >> (x & 7)) << 8 | 0x08);
      out16(0x3ce, 0x0205);
      if (colour & 0x80) out16(0x3ce, 0x1803);
      peek8(0xa000, at);
      poke8(0xa000, at, colour);
      out16(0x3ce, 0xff08);
      out16(0x3ce, 0x0005);
      out16(0x3ce, 0x0003);
      break;
    }
    case CGA: {
      u8 bits = mode->number == 6 ? 1 : 2, per_byte = 8 / bits;
      u16 at = (y & 1) * 0x2000 + (y / 2) * 80 + x / per_byte;
      u8 shift = (per_byte - 1 - x % per_byte) * bits, mask = ((1 << bits) - 1) << shift, value = (colour << shift) & mask, old = peek8(0xb800, at);
      poke8(0xb800, at, colour & 0x80 ? old ^ value : (old & ~mask) | value);
      break;
    }
  }
}

static u8 get_pixel(const struct mode *mode, u8 page, u16 x, u16 y) {
  switch (mode->memory) {
    case LINEAR: return peek8(0xa000, (u32)y * 320 + x);
    case PLANES: {
      u8 colour = 0;
      for (u8 plane = 0; plane < 4; plane++) {
        out16(0x3ce, plane << 8 | 4);
        colour |= (peek8(0xa000, page * mode->page_bytes + (u32)y * mode->columns + x / 8) >> (7 - (x & 7)) & 1) << plane;
      }
      return colour;
    }
    case CGA: {
      u8 bits = mode->number == 6 ? 1 : 2, per_byte = 8 / bits;
      return peek8(0xb800, (y & 1) * 0x2000 + (y / 2) * 80 + x / per_byte) >> ((per_byte - 1 - x % per_byte) * bits) & ((1 << bits) - 1);
    }
  }
  return 0;
}

static void put_glyph(const struct mode *mode, u8 page, u16 position, u8 c, u8 colour) {
  u8 height = bda16(BDA_CHAR_HEIGHT);
  u16 x = (position & 0xff) * 8, y = (position >> 8) * height;
  for (u8 row = 0; row < height; row++) {
    u8 bits = glyph_row(c, row);
    for (u8 i = 0; i < 8; i++) {
      u8 on = bits >> (7 - i) & 1;
      if (mode->memory == LINEAR) put_pixel(mode, page, x + i, y + row, on ? colour : 0);
      else if (on) put_pixel(mode, page, x + i, y + row, colour);
      else if (!(colour & 0x80)) put_pixel(mode, page, x + i, y + row, 0);
    }
  }
}

static void put_cell(u8 page, u16 position, u8 c, u8 attribute, int with_attribute) {
  const struct mode *mode = now();
  if (!mode) return;
  if (mode->memory == TEXT) {
    u16 at = cell_at(mode, page, position);
    poke8(mode->segment, at, c);
    if (with_attribute) poke8(mode->segment, at + 1, attribute);
  } else put_glyph(mode, page, position, c, attribute);
}

/* Which character is there: in graphics modes, the first glyph that looks so. */
static u16 read_cell(u8 page) {
  const struct mode *mode = now();
  u16 position = bda16(BDA_CURSOR + 2 * (page & 7));
  if (!mode) return 0;
  if (mode->memory == TEXT) return peek16(mode->segment, cell_at(mode, page, position));
  u8 height = bda16(BDA_CHAR_HEIGHT), rows[16], colour = 0;
  for (u8 row = 0; row < height && row < 16; row++) {
    rows[row] = 0;
    for (u8 i = 0; i < 8; i++) {
      u8 pixel = get_pixel(mode, page, (position & 0xff) * 8 + i, (position >> 8) * height + row);
      if (!pixel) continue;
      colour = pixel;
      rows[row] |= 0x80 >> i;
    }
  }
  for (u16 c = 0; c < 256; c++) {
    u8 row = 0;
    while (row < height && glyph_row(c, row) == rows[row]) row++;
    if (row == height) return colour << 8 | c;
  }
  return 0;
}

/* Rows of cells as bytes and lines of memory. CGA's odd lines are 8 KiB behind the even ones. */
static void move_rows(const struct mode *mode, u8 page, u8 to, u8 from, u8 left, u8 width) {
  u8 height = bda16(BDA_CHAR_HEIGHT);
  if (mode->memory == TEXT) {
    move_words(mode->segment, cell_at(mode, page, to << 8 | left), mode->segment, cell_at(mode, page, from << 8 | left), width);
    return;
  }
  if (mode->memory == PLANES) out16(0x3ce, 0x0105);
  for (u8 line = 0; line < height; line++) {
    u16 target = to * height + line, source = from * height + line;
    if (mode->memory == LINEAR) move_words(0xa000, target * 320 + left * 8, 0xa000, source * 320 + left * 8, width * 4);
    else if (mode->memory == CGA) {
      u8 wide = mode->number == 6 ? 1 : 2;
      for (u16 i = 0; i < width * wide; i++)
        poke8(0xb800, (target & 1) * 0x2000 + target / 2 * 80 + left * wide + i, peek8(0xb800, (source & 1) * 0x2000 + source / 2 * 80 + left * wide + i));
    } else {
      u16 base = page * mode->page_bytes;
      for (u16 i = 0; i < width; i++) poke8(0xa000, base + target * mode->columns + left + i, peek8(0xa000, base + source * mode->columns + left + i));
    }
  }
  if (mode->memory == PLANES) out16(0x3ce, 0x0005);
}

static void clear_row(const struct mode *mode, u8 page, u8 row, u8 left, u8 width, u8 attribute) {
  u8 height = bda16(BDA_CHAR_HEIGHT);
  if (mode->memory == TEXT) {
    fill_words(mode->segment, cell_at(mode, page, row << 8 | left), attribute << 8 | ' ', width);
    return;
  }
  if (mode->memory == PLANES) {
    out16(0x3ce, 0x0205);
    out16(0x3ce, 0xff08);
  }
  for (u8 line = 0; line < height; line++) {
    u16 y = row * height + line;
    if (mode->memory == LINEAR) fill_words(0xa000, y * 320 + left * 8, attribute << 8 | attribute, width * 4);
    else if (mode->memory == CGA) {
      u8 wide = mode->number == 6 ? 1 : 2, value = wide == 1 ? (attribute & 1 ? 0xff : 0) : (attribute & 3) * 0x55;
      for (u16 i = 0; i < width * wide; i++) poke8(0xb800, (y & 1) * 0x2000 + y / 2 * 80 + left * wide + i, value);
    } else
      for (u16 i = 0; i < width; i++) poke8(0xa000, page * mode->page_bytes + y * mode->columns + left + i, attribute);
  }
  if (mode->memory == PLANES) out16(0x3ce, 0x0005);
}

static void scroll(u8 page, u8 lines, u8 attribute, u8 top, u8 left, u8 bottom, u8 right, int up) {
  const struct mode *mode = now();
  u8 columns = COLUMNS, rows = ROWS;
  if (!mode) return;
  if (bottom >= rows) bottom = rows - 1;
  if (right >= columns) right = columns - 1;
  if (top > bottom || left > right) return;
  u8 height = bottom - top + 1, width = right - left + 1;
  if (lines == 0 || lines > height) lines = height;
  if (mode->memory == TEXT && width == columns && up && lines < height)
    move_words(mode->segment, cell_at(mode, page, top << 8), mode->segment, cell_at(mode, page, (top + lines) << 8), (height - lines) * columns);
  else
    for (u8 i = 0; i < height - lines; i++) move_rows(mode, page, up ? top + i : bottom - i, up ? top + i + lines : bottom - i - lines, left, width);
  for (u8 i = 0; i < lines; i++) clear_row(mode, page, up ? bottom - i : top + i, left, width, attribute);
}

/* One character as a terminal shows it; the position after it. */
static u16 type(u8 page, u16 position, u8 c, u8 attribute, int with_attribute) {
  u8 row = position >> 8, column = position;
  switch (c) {
    case 7: return position;
    case 8:
      if (column) column--;
      break;
    case 10: row++; break;
    case 13: column = 0; break;
    default:
      put_cell(page, position, c, attribute, with_attribute);
      column++;
  }
  if (column == COLUMNS) {
    column = 0;
    row++;
  }
  if (row == ROWS) {
    const struct mode *mode = now();
    /* The new line looks as the cursor's cell does. */
    u8 fill = mode && mode->memory == TEXT ? peek8(mode->segment, cell_at(mode, page, (ROWS - 1) << 8 | (column ? column : 0)) + 1) : 0;
    row--;
    scroll(page, 1, with_attribute ? attribute : fill, 0, 0, row, COLUMNS - 1, 1);
  }
  return row << 8 | column;
}

static void teletype(u8 c, u8 colour) {
  u8 page = bda8(BDA_PAGE);
  const struct mode *mode = now();
  move_cursor(page, type(page, bda16(BDA_CURSOR + 2 * page), c, colour, mode && mode->memory != TEXT));
}

static void write_cells(caller r, int with_attribute) {
  u8 page = r->bh;
  const struct mode *mode = now();
  u16 position = bda16(BDA_CURSOR + 2 * (page & 7)), count = r->cx;
  if (mode && mode->memory == TEXT) {
    for (u16 at = cell_at(mode, page, position); count--; at += 2) {
      poke8(mode->segment, at, r->al);
      if (with_attribute) poke8(mode->segment, at + 1, r->bl);
    }
    return;
  }
  while (count--) {
    put_cell(page, position, r->al, r->bl, with_attribute);
    if ((++position & 0xff) == COLUMNS) return;
  }
}

static void write_string(caller r) {
  u8 page = r->bh, pairs = r->al & 2;
  u16 before = bda16(BDA_CURSOR + 2 * (page & 7)), position = r->dx, at = r->bp;
  for (u16 left = r->cx; left; left--) {
    u8 c = peek8(r->es, at++), attribute = pairs ? peek8(r->es, at++) : r->bl;
    position = type(page, position, c, attribute, 1);
  }
  move_cursor(page, r->al & 1 ? position : before);
}

/* ---- colours: AH = 10h */

static void attribute(u8 index, u8 value) {
  in8(bda16(BDA_CRTC) + 6);
  out8(0x3c0, index);
  out8(0x3c0, value);
  out8(0x3c0, 0x20);
}

static u8 attribute_of(u8 index) {
  in8(bda16(BDA_CRTC) + 6);
  out8(0x3c0, index);
  u8 value = in8(0x3c1);
  in8(bda16(BDA_CRTC) + 6);
  out8(0x3c0, 0x20);
  return value;
}

static void grey(u16 first, u16 count) {
  for (; count--; first++) {
    out8(0x3c7, first);
    u32 red = in8(0x3c9), green = in8(0x3c9), blue = in8(0x3c9);
    u8 level = (77 * red + 151 * green + 28 * blue + 128) >> 8;
    out8(0x3c8, first);
    for (u8 i = 0; i < 3; i++) out8(0x3c9, level > 0x3f ? 0x3f : level);
  }
}

static void colours(caller r) {
  switch (r->al) {
    case 0x00: if (r->bl <= 0x14) attribute(r->bl, r->bh); break;
    case 0x01: attribute(0x11, r->bh); break;
    case 0x02:
      for (u8 i = 0; i < 17; i++) attribute(i == 16 ? 0x11 : i, peek8(r->es, r->dx + i));
      break;
    case 0x03: attribute(0x10, (attribute_of(0x10) & ~8) | (r->bl & 1) << 3); break;
    case 0x07: if (r->bl <= 0x14) r->bh = attribute_of(r->bl); break;
    case 0x08: r->bh = attribute_of(0x11); break;
    case 0x09:
      for (u8 i = 0; i < 17; i++) poke8(r->es, r->dx + i, attribute_of(i == 16 ? 0x11 : i));
      break;
    case 0x10:
      out8(0x3c8, r->bx);
      out8(0x3c9, r->dh);
      out8(0x3c9, r->ch);
      out8(0x3c9, r->cl);
      break;
    case 0x12:
      out8(0x3c8, r->bx);
      for (u16 i = 0; i < 3 * r->cx; i++) out8(0x3c9, peek8(r->es, r->dx + i));
      break;
    case 0x13: {
      u8 mode = attribute_of(0x10);
      if (r->bl == 0) attribute(0x10, (mode & 0x7f) | r->bh << 7);
      else attribute(0x14, mode & 0x80 ? r->bh : r->bh << 2);
      break;
    }
    case 0x15:
      out8(0x3c7, r->bx);
      r->dh = in8(0x3c9);
      r->ch = in8(0x3c9);
      r->cl = in8(0x3c9);
      break;
    case 0x17:
      out8(0x3c7, r->bx);
      for (u16 i = 0; i < 3 * r->cx; i++) poke8(r->es, r->dx + i, in8(0x3c9));
      break;
    case 0x18: out8(0x3c6, r->bl); break;
    case 0x19: r->bl = in8(0x3c6); break;
    case 0x1a: {
      u8 by_16 = attribute_of(0x10) >> 7, page = attribute_of(0x14);
      r->bl = by_16;
      r->bh = by_16 ? page : page >> 2;
      break;
    }
    case 0x1b: grey(r->bx, r->cx); break;
  }
}

/* AH = 0Bh: what CGA's colour register did, by the attribute controller. */
static void cga_palette(caller r) {
  u8 known = bda8(BDA_CGA_PALETTE);
  const struct mode *mode = now();
  if (r->bh == 0) {
    known = (known & 0xe0) | (r->bl & 0x1f);
    u8 border = (r->bl & 7) | (r->bl & 8 ? 0x10 : 0);
    attribute(0x11, border);
    if (mode && mode->memory != TEXT) attribute(0, border);
    for (u8 i = 1; mode && mode->memory != TEXT && i < 4; i++) attribute(i, (attribute_of(i) & ~0x10) | (r->bl & 0x10));
  } else {
    known = (known & 0xdf) | (r->bl & 1) << 5;
    for (u8 i = 1; i < 4; i++) attribute(i, (attribute_of(i) & ~1) | (r->bl & 1));
  }
  set_bda8(BDA_CGA_PALETTE, known);
}

/* ---- fonts: AH = 11h */

static void fonts(caller r) {
  u8 function = r->al & 0x0f, height = 0;
  const u8 *font = 0;
  if (r->al < 0x20) {
    switch (function) {
      case 0: height = r->bh; break;
      case 1: font = font_8x14; height = 14; break;
      case 2: font = font_8x8; height = 8; break;
      case 3:
        out16(0x3c4, 0x0100);
        out16(0x3c4, r->bl << 8 | 3);
        out16(0x3c4, 0x0300);
        return;
      case 4: font = font_8x16; height = 16; break;
      default: return;
    }
    if (function == 0) load_font(r->bl, (u32)r->es << 16 | r->bp, r->dx, r->cx, height);
    else if (function == 2) {
      load_font(r->bl, far(font_8x8), 0, 128, 8);
      load_font(r->bl, far(font_8x8_high), 128, 128, 8);
    } else load_font(r->bl, far(font), 0, 256, height);
    if (r->al & 0x10 && height) set_text_rows(height, 1);
    return;
  }
  switch (r->al) {
    case 0x20: set_vector(0x1f, r->es, r->bp); return;
    case 0x21: set_vector(0x43, r->es, r->bp); height = r->cx; break;
    case 0x22: font = font_8x14; height = 14; break;
    case 0x23: font = font_8x8; height = 8; break;
    case 0x24: font = font_8x16; height = 16; break;
    case 0x30: {
      u32 vector = 0;
      r->cx = bda16(BDA_CHAR_HEIGHT);
      r->dl = bda8(BDA_ROWS);
      switch (r->bh) {
        case 0: vector = peek32(0, 4 * 0x1f); break;
        case 1: vector = peek32(0, 4 * 0x43); break;
        case 2: font = font_8x14; break;
        case 3: font = font_8x8; break;
        case 4: font = font_8x8_high; break;
        case 5: font = font_8x14; break;
        case 6: font = font_8x16; break;
        default: return;
      }
      if (font) vector = far(font);
      r->es = vector >> 16;
      r->bp = vector;
      return;
    }
    default: return;
  }
  if (font) set_high_half(0x43, font);
  set_bda16(BDA_CHAR_HEIGHT, height);
  set_bda8(BDA_ROWS, (r->bl == 1 ? 14 : r->bl == 3 ? 43 : r->bl == 2 ? 25 : r->dl) - 1);
}

/* ---- what there is: AH = 12h, 1Ah, 1Bh */

static void choices(caller r) {
  switch (r->bl) {
    case 0x10:
      r->bh = bda16(BDA_CRTC) == 0x3b4;
      r->bl = 3;
      r->cx = bda8(BDA_VIDEO_SWITCHES) & 15;
      return;
    case 0x30: {
      u8 flags = bda8(BDA_VIDEO_MODES) & ~0x90;
      set_bda8(BDA_VIDEO_MODES, flags | (r->al == 0 ? 0x80 : r->al == 2 ? 0x10 : 0));
      break;
    }
    case 0x31: set_bda8(BDA_VIDEO_MODES, (bda8(BDA_VIDEO_MODES) & ~8) | (r->al & 1) << 3); break;
    case 0x32: out8(0x3c2, (in8(0x3cc) & ~2) | (r->al ? 0 : 2)); break;
    case 0x33: set_bda8(BDA_VIDEO_MODES, (bda8(BDA_VIDEO_MODES) & ~2) | (r->al ? 0 : 2)); break;
    case 0x34: set_bda8(BDA_VIDEO_CONTROL, (bda8(BDA_VIDEO_CONTROL) & ~1) | (r->al & 1)); break;
    case 0x36:
      out8(0x3c4, 1);
      out8(0x3c5, (in8(0x3c5) & ~0x20) | (r->al & 1) << 5);
      break;
    default: return;
  }
  r->al = 0x12;
}

static const u8 functionality[16] IN_GAP = { 0xff, 0xe0, 0x0f, 0, 0, 0, 0, 7, 2, 8, 0xe7, 0x0c, 0, 0, 0, 0 };

static void state_information(caller r) {
  u16 segment = r->es, at = r->di;
  const struct mode *mode = now();
  if (r->bx != 0) return;
  for (u8 i = 0; i < 64; i++) poke8(segment, at + i, 0);
  poke32(segment, at, (u32)BIOS_SEGMENT << 16 | (u16)(u32)functionality);
  for (u8 i = 0; i < 30; i++) poke8(segment, at + 4 + i, bda8(BDA_MODE + i));
  poke8(segment, at + 0x22, ROWS - 1);
  poke16(segment, at + 0x23, bda16(BDA_CHAR_HEIGHT));
  poke8(segment, at + 0x25, bda8(BDA_DCC));
  poke16(segment, at + 0x27, mode ? (mode->colours ? mode->colours : 256) : 0);
  poke8(segment, at + 0x29, mode && mode->memory == TEXT ? 8 : 1);
  poke8(segment, at + 0x2a, mode && (mode->number == 0x11 || mode->number == 0x12) ? 3 : mode && (mode->number == 0x0f || mode->number == 0x10) ? 1 : mode && mode->memory == TEXT ? 2 : 0);
  poke8(segment, at + 0x31, 3);
  r->al = 0x1b;
}

enum outcome video_services(caller r) {
  switch (r->ah) {
    case 0x00:
      set_mode(r->al);
      /* What programs that know the EGA look for. */
      r->al = (r->al & 0x7f) == 6 ? 0x3f : (r->al & 0x7f) < 8 ? 0x30 : 0x20;
      break;
    case 0x01: shape_cursor(r->cx); break;
    case 0x02: move_cursor(r->bh, r->dx); break;
    case 0x03:
      r->cx = bda16(BDA_CURSOR_SHAPE);
      r->dx = r->bh < 8 ? bda16(BDA_CURSOR + 2 * r->bh) : 0;
      break;
    /* A VGA has no light pen. */
    case 0x04: r->ah = r->bx = r->cx = r->dx = 0; break;
    case 0x05: show_page(r->al); break;
    case 0x06: case 0x07: scroll(bda8(BDA_PAGE), r->al, r->bh, r->ch, r->cl, r->dh, r->dl, r->ah == 6); break;
    case 0x08: r->ax = read_cell(r->bh); break;
    case 0x09: write_cells(r, 1); break;
    case 0x0a: write_cells(r, 0); break;
    case 0x0b: cga_palette(r); break;
    case 0x0c: if (now()) put_pixel(now(), r->bh, r->cx, r->dx, r->al); break;
    case 0x0d: if (now()) r->al = get_pixel(now(), r->bh, r->cx, r->dx); break;
    case 0x0e: teletype(r->al, r->bl); break;
    case 0x0f:
      r->al = bda8(BDA_MODE) | (bda8(BDA_VIDEO_CONTROL) & 0x80);
      r->ah = COLUMNS;
      r->bh = bda8(BDA_PAGE);
      break;
    case 0x10: colours(r); break;
    case 0x11: fonts(r); break;
    case 0x12: choices(r); break;
    case 0x13: write_string(r); break;
    case 0x1a:
      if (r->al == 0) {
        r->bl = bda8(BDA_DCC);
        r->bh = 0;
      } else if (r->al == 1) set_bda8(BDA_DCC, r->bl);
      r->al = 0x1a;
      break;
    case 0x1b: state_information(r); break;
    case 0x1c:
      if (r->cx < 8 && video_state(r, r->al, r->cx)) r->al = 0x1c;
      break;
    case 0x4f: vbe_services(r); break;
  }
  return DONE;
}

static const u32 saved_pointers[7];

/* As an adapter's own ROM does it: it answers, or there is none. */
void set_up_video(void) {
  set_bda16(BDA_EQUIPMENT, (bda16(BDA_EQUIPMENT) & ~0x30) | 0x20);
  set_bda8(BDA_VIDEO_MODES, 0x11);
  set_bda8(BDA_DCC, 8);
  poke32(BDA, BDA_SAVE_TABLE, (u32)BIOS_SEGMENT << 16 | (u16)(u32)saved_pointers);
  out8(0x3c3, 1);
  set_mode(3);
}
