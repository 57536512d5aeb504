/*
 * VBE 3: modes of the adapter's display interface with a linear frame buffer, and what its monitor says of itself.
 * Sources: VESA BIOS Extension Core Functions Standard 3.0; VESA BIOS Extensions/Display Data Channel Standard 1.1; Bochs' documentation of "VBE DISPI" (ports 1CEh and 1CFh), QEMU's
 * specification of its standard VGA (mode numbers from 140h).
 */
#include "video.h"

#define INDEX 0x1ce
#define DATA 0x1cf
enum { ID, WIDTH, HEIGHT, DEPTH, ENABLE, BANK, VIRTUAL_WIDTH, VIRTUAL_HEIGHT, X_OFFSET, Y_OFFSET, MEMORY_64K };
enum { ENABLED = 0x01, DAC_8_BITS = 0x20, LINEAR_BUFFER = 0x40, KEEP_MEMORY = 0x80 };
#define OK 0x004f
#define FAILED 0x014f
#define USE_LINEAR 0x4000
#define KEEP 0x8000
/* 800 × 600 in 16 colours, as an INT 10h mode. */
#define EXTENDED_VGA 0x6a

struct graphics { u16 number, width, height; u8 depth; } __attribute__((packed));
static const struct graphics list[] BEHIND_FONTS = {
  { 0x100, 640, 400, 8 }, { 0x101, 640, 480, 8 }, { 0x102, 800, 600, 4 }, { 0x103, 800, 600, 8 }, { 0x105, 1024, 768, 8 },
  { 0x107, 1280, 1024, 8 },
  { 0x10d, 320, 200, 15 }, { 0x10e, 320, 200, 16 }, { 0x10f, 320, 200, 24 }, { 0x110, 640, 480, 15 }, { 0x111, 640, 480, 16 }, { 0x112, 640, 480, 24 },
  { 0x113, 800, 600, 15 }, { 0x114, 800, 600, 16 }, { 0x115, 800, 600, 24 }, { 0x116, 1024, 768, 15 }, { 0x117, 1024, 768, 16 }, { 0x118, 1024, 768, 24 },
  { 0x119, 1280, 1024, 15 }, { 0x11a, 1280, 1024, 16 }, { 0x11b, 1280, 1024, 24 }, { 0x11c, 1600, 1200, 8 }, { 0x11d, 1600, 1200, 15 },
  { 0x11e, 1600, 1200, 16 }, { 0x11f, 1600, 1200, 24 }, { 0x140, 320, 200, 32 }, { 0x141, 640, 400, 32 }, { 0x142, 640, 480, 32 }, { 0x143, 800, 600, 32 },
  { 0x144, 1024, 768, 32 }, { 0x145, 1280, 1024, 32 }, { 0x146, 320, 200, 8 }, { 0x147, 1600, 1200, 32 }, { 0x148, 1152, 864, 8 }, { 0x149, 1152, 864, 15 },
  { 0x14a, 1152, 864, 16 }, { 0x14b, 1152, 864, 24 }, { 0x14c, 1152, 864, 32 }, { 0x175, 1280, 768, 16 }, { 0x176, 1280, 768, 24 }, { 0x177, 1280, 768, 32 },
  { 0x178, 1280, 800, 16 }, { 0x179, 1280, 800, 24 }, { 0x17a, 1280, 800, 32 }, { 0x17b, 1280, 960, 16 }, { 0x17c, 1280, 960, 24 }, { 0x17d, 1280, 960, 32 },
  { 0x17e, 1440, 900, 16 }, { 0x17f, 1440, 900, 24 }, { 0x180, 1440, 900, 32 }, { 0x181, 1400, 1050, 16 }, { 0x182, 1400, 1050, 24 }, { 0x183, 1400, 1050, 32 },
  { 0x184, 1680, 1050, 16 }, { 0x185, 1680, 1050, 24 }, { 0x186, 1680, 1050, 32 },
  { 0x187, 1920, 1200, 16 }, { 0x188, 1920, 1200, 24 }, { 0x189, 1920, 1200, 32 }, { 0x18a, 2560, 1600, 16 }, { 0x18b, 2560, 1600, 24 }, { 0x18c, 2560, 1600, 32 },
  { 0x18d, 1280, 720, 16 }, { 0x18e, 1280, 720, 24 }, { 0x18f, 1280, 720, 32 }, { 0x190, 1920, 1080, 16 }, { 0x191, 1920, 1080, 24 }, { 0x192, 1920, 1080, 32 },
  { 0x193, 1600, 900, 16 }, { 0x194, 1600, 900, 24 }, { 0x195, 1600, 900, 32 }, { 0x196, 2560, 1440, 16 }, { 0x197, 2560, 1440, 24 }, { 0x198, 2560, 1440, 32 },
};
/* The mode that is set, with its flags of 4F02h; 0: one of INT 10h, 00h. */
static u16 mode_now;

static u16 get(u8 index) {
  out16(INDEX, index);
  return in16(DATA);
}

static void set(u8 index, u16 value) {
  out16(INDEX, index);
  out16(DATA, value);
}

static int there_is(void) { return (get(ID) & 0xfff0) == 0xb0c0; }
static u32 memory_bytes(void) { return (u32)get(MEMORY_64K) << 16; }
static u32 frame_buffer(void) {
  u16 bdf = pci_find_class(0x0300);
  return bdf == 0xffff ? 0 : pci_read(bdf, 0x10) & ~15;
}
/* Four bits a pixel lie in four planes. */
static u32 pitch_of(u32 width, u8 depth) { return depth == 4 ? width / 8 : width * ((depth + 7) / 8); }
static u32 memory_of(const struct graphics *mode) { return pitch_of(mode->width, mode->depth) * mode->height * (mode->depth == 4 ? 4 : 1); }

/* The mode at a place of the list; null: the adapter has too little memory for it. */
static const struct graphics *mode_at(u8 i) {
  static struct graphics mode;
  copy_table(&mode, &list[i], sizeof mode);
  return memory_of(&mode) <= memory_bytes() ? &mode : 0;
}

static const struct graphics *find(u16 number) {
  for (u8 i = 0; i < COUNT(list); i++) {
    const struct graphics *mode = mode_at(i);
    if (mode && mode->number == (number & 0x1ff)) return mode;
  }
  return 0;
}

void leave_vbe(void) {
  if (!mode_now) return;
  mode_now = 0;
  set(ENABLE, 0);
}

/* 4F00h: 256 bytes, or 512 for who writes "VBE2" first. The list of modes is in what is reserved at 34. */
static void controller(caller r) {
  static const char oem_text[] = "Ringside VBE";
  u16 segment = r->es, at = r->di;
  u32 oem = (u32)BIOS_SEGMENT << 16 | (u16)(u32)oem_text;
  int second = peek32(segment, at) == 0x32454256;
  for (u16 i = 0; i < (second ? 512 : 256); i++) poke8(segment, at + i, 0);
  copy_out(segment, at, "VESA", 4);
  poke16(segment, at + 4, 0x0300);
  poke32(segment, at + 6, oem);
  /* The DAC can have 8 bits. */
  poke32(segment, at + 10, 1);
  poke32(segment, at + 14, (u32)segment << 16 | (at + 34));
  poke16(segment, at + 18, get(MEMORY_64K));
  if (second) {
    poke16(segment, at + 20, 1);
    for (u8 i = 22; i < 34; i += 4) poke32(segment, at + i, oem);
  }
  u16 next = at + 34;
  for (u8 i = 0; i < COUNT(list); i++) {
    const struct graphics *mode = mode_at(i);
    if (!mode) continue;
    poke16(segment, next, mode->number);
    next += 2;
  }
  for (u8 number = 0; number <= EXTENDED_VGA; number++)
    if (find_mode(number) || number == EXTENDED_VGA) {
      poke16(segment, next, number);
      next += 2;
    }
  poke16(segment, next, 0xffff);
  r->ax = OK;
}

/* Size and place of red, green, blue and what is unused, of 15, 16 and 24 or 32 bits a pixel. */
static const u8 masks[3][8] IN_GAP = { { 5, 10, 5, 5, 5, 0, 1, 15 }, { 5, 11, 6, 5, 5, 0, 0, 0 }, { 8, 16, 8, 8, 8, 0, 8, 24 } };

/* Attributes: supported, the teletype's too, colour, graphics, not by the VGA's registers, with a linear frame buffer. */
enum { SUPPORTED = 0x0003, TELETYPE = 0x0004, COLOUR = 0x0008, GRAPHICS = 0x0010, NOT_VGA = 0x0020, LINEAR_TOO = 0x0080 };
enum { MODEL_TEXT, MODEL_CGA, MODEL_PLANES = 3, MODEL_PACKED, MODEL_DIRECT = 6 };
struct information {
  u16 attributes;
  u8 window_a, window_b;
  u16 granularity_kib, window_kib, segment_a, segment_b;
  u32 window_entry;
  u16 pitch, width, height;
  u8 char_width, char_height, planes, depth, banks, model, bank_kib, pages, reserved, masks[8], direct;
  u32 frame_buffer, off_screen;
  u16 off_screen_kib, linear_pitch;
  u8 bank_pages, linear_pages, linear_masks[8];
  u32 most_pixel_clock_hz;
} __attribute__((packed));

/* A mode of INT 10h, 00h. */
static void standard_picture(struct information *info, const struct mode *mode) {
  info->attributes = SUPPORTED | NOT_VGA | (mode->memory == TEXT ? TELETYPE : COLOUR | GRAPHICS) | (mode->palette == PALETTE_MONO ? 0 : COLOUR);
  info->segment_a = mode->segment;
  info->width = mode->columns;
  info->height = mode->rows;
  info->char_height = mode->char_height;
  info->depth = mode->colours == 16 ? 4 : mode->colours == 4 ? 2 : mode->colours ? 1 : 8;
  if (mode->memory == TEXT) {
    info->char_width = 9;
    info->depth = 4;
    info->pitch = mode->columns * 2;
    return;
  }
  info->width *= 8;
  info->height = mode->number == 0x0f || mode->number == 0x10 ? 350 : mode->rows * mode->char_height;
  info->pitch = info->width / 8;
  switch (mode->memory) {
    case CGA:
      info->pitch = 80;
      info->model = MODEL_CGA;
      info->banks = 2;
      info->bank_kib = 8;
      break;
    case PLANES:
      info->planes = 4;
      info->model = MODEL_PLANES;
      break;
    default:
      info->pitch = info->width;
      info->model = MODEL_PACKED;
      info->attributes |= LINEAR_TOO;
  }
}

static void wide_picture(struct information *info, const struct graphics *mode) {
  info->attributes = SUPPORTED | COLOUR | GRAPHICS | NOT_VGA | (mode->depth == 4 ? 0 : LINEAR_TOO);
  info->width = mode->width;
  info->height = mode->height;
  info->char_height = 16;
  info->depth = mode->depth;
  info->pitch = pitch_of(mode->width, mode->depth);
  info->model = mode->depth == 4 ? MODEL_PLANES : mode->depth == 8 ? MODEL_PACKED : MODEL_DIRECT;
  if (mode->depth == 4) info->planes = 4;
  if (mode->depth <= 8) return;
  const u8 *mask = masks[mode->depth == 15 ? 0 : mode->depth == 16 ? 1 : 2];
  for (u8 i = 0; i < (mode->depth == 24 ? 6 : 8); i++) info->masks[i] = mask[i];
  /* What is unused of a pixel may be used. */
  info->direct = mode->depth == 32 ? 2 : 0;
}

static void mode_information(caller r) {
  extern const u8 vbe_window_entry[];
  u16 segment = r->es, at = r->di;
  struct information info = {
    .window_a = 7, .granularity_kib = 64, .window_kib = 64, .segment_a = 0xa000, .window_entry = (u32)BIOS_SEGMENT << 16 | (u16)(u32)vbe_window_entry,
    .char_width = 8, .planes = 1, .banks = 1, .pages = 1, .reserved = 1,
  };
  u16 number = r->cx;
  const struct graphics *wide = find(number == EXTENDED_VGA ? 0x102 : number);
  const struct mode *standard = number < 0x80 ? find_mode(number) : 0;
  if (wide) wide_picture(&info, wide);
  else if (standard) standard_picture(&info, standard);
  else {
    r->ax = FAILED;
    return;
  }
  if (info.attributes & LINEAR_TOO) info.frame_buffer = frame_buffer();
  if (info.model > MODEL_CGA) {
    /* A page begins where a window can. */
    u16 pages = divide(get(MEMORY_64K) / info.planes, ((u32)info.pitch * info.height + 0xffff) >> 16, 0);
    info.pages = pages > 128 ? 127 : pages - 1;
  }
  /* Version 3.0: the same by a window and in the linear frame buffer. 4F0Bh is not there, so no pixel clock is the highest. */
  info.bank_pages = info.pages;
  if (info.attributes & LINEAR_TOO) {
    info.linear_pitch = info.pitch;
    info.linear_pages = info.pages;
    for (u8 i = 0; i < sizeof info.masks; i++) info.linear_masks[i] = info.masks[i];
  }
  for (u16 i = sizeof info; i < 256; i++) poke8(segment, at + i, 0);
  copy_out(segment, at, &info, sizeof info);
  r->ax = OK;
}

u16 set_vbe_mode(u16 number) {
  if ((number & 0x1ff) < 0x100) {
    if (!find_mode(number & 0x7f)) return FAILED;
    set_mode((number & 0x7f) | (number & KEEP ? 0x80 : 0));
    return OK;
  }
  const struct graphics *mode = find(number);
  if (!mode) return FAILED;
  /* The VGA's registers are those of a mode with 256 colours, from which the display interface takes over; planes it shows in its own size. */
  leave_vbe();
  load_registers(find_mode(mode->depth == 4 ? 0x12 : 0x13));
  if (mode->depth <= 8) load_palette(mode->depth == 4 ? PALETTE_64 : PALETTE_256);
  set(ENABLE, 0);
  set(WIDTH, mode->width);
  set(HEIGHT, mode->height);
  set(DEPTH, mode->depth);
  set(BANK, 0);
  set(ENABLE, ENABLED | (number & USE_LINEAR ? LINEAR_BUFFER : 0) | (number & KEEP ? KEEP_MEMORY : 0));
  mode_now = number & (0x1ff | USE_LINEAR | KEEP);
  set_bda8(BDA_MODE, mode->number == 0x102 ? EXTENDED_VGA : 0x6f);
  set_bda16(BDA_COLUMNS, mode->width / 8);
  set_bda8(BDA_ROWS, mode->height / 16 - 1);
  set_bda16(BDA_CHAR_HEIGHT, 16);
  set_bda8(BDA_VIDEO_CONTROL, (bda8(BDA_VIDEO_CONTROL) & 0x7f) | (number & KEEP ? 0x80 : 0));
  return OK;
}

static void window(caller r) {
  if (!mode_now || r->bl != 0) {
    r->ax = FAILED;
    return;
  }
  if (r->bh == 0) set(BANK, r->dx);
  else r->dx = get(BANK);
  r->ax = OK;
}

/* 4F06h: by pixels or bytes; what it has become. */
static void scan_line(caller r) {
  u16 depth = get(DEPTH);
  u32 bits = (depth + 1) & ~3;
  if (!mode_now || r->bl > 3) {
    r->ax = FAILED;
    return;
  }
  if (r->bl == 0) set(VIRTUAL_WIDTH, r->cx);
  else if (r->bl == 2) set(VIRTUAL_WIDTH, depth == 4 ? r->cx * 8 : divide(r->cx * 8u, bits, 0));
  u32 width = get(VIRTUAL_WIDTH);
  if (r->bl == 3) width = divide(memory_bytes(), bits * get(HEIGHT) / 8, 0) & 0xfff8;
  u32 pitch = pitch_of(width, depth);
  r->bx = pitch;
  r->cx = width;
  u32 lines = divide(depth == 4 ? memory_bytes() / 4 : memory_bytes(), pitch, 0);
  r->dx = lines > 0xffff ? 0xffff : lines;
  r->ax = OK;
}

static void display_start(caller r) {
  if (!mode_now || (r->bl & 0x7f) > 1) {
    r->ax = FAILED;
    return;
  }
  if (r->bl & 1) {
    r->bh = 0;
    r->cx = get(X_OFFSET);
    r->dx = get(Y_OFFSET);
  } else {
    set(X_OFFSET, r->cx);
    set(Y_OFFSET, r->dx);
  }
  r->ax = OK;
}

static void dac_width(caller r) {
  if (!mode_now || get(DEPTH) != 8 || r->bl > 1) {
    r->ax = FAILED;
    return;
  }
  u16 enable = get(ENABLE);
  if (r->bl == 0) {
    enable = r->bh >= 8 ? enable | DAC_8_BITS : enable & ~DAC_8_BITS;
    set(ENABLE, enable | KEEP_MEMORY);
  }
  r->bh = enable & DAC_8_BITS ? 8 : 6;
  r->ax = OK;
}

static void palette(caller r) {
  if (r->bl == 0 || r->bl == 0x80) {
    out8(0x3c8, r->dx);
    for (u16 i = 0, at = r->di; i < r->cx; i++, at += 4)
      for (u8 k = 0; k < 3; k++) out8(0x3c9, peek8(r->es, at + 2 - k));
  } else if (r->bl == 1) {
    out8(0x3c7, r->dx);
    for (u16 i = 0, at = r->di; i < r->cx; i++, at += 4) {
      for (u8 k = 0; k < 3; k++) poke8(r->es, at + 2 - k, in8(0x3c9));
      poke8(r->es, at + 3, 0);
    }
  } else {
    r->ax = FAILED;
    return;
  }
  r->ax = OK;
}

/* In this order they are taken back: ENABLE ends what is shown, sizes and colours go before it begins again. */
static const u8 state_registers[VBE_STATE_WORDS] IN_GAP = { ENABLE, WIDTH, HEIGHT, DEPTH, ENABLE, BANK, VIRTUAL_WIDTH, X_OFFSET, Y_OFFSET };
u16 vbe_state(u8 i) { return i == VBE_STATE_WORDS - 1 ? mode_now : get(state_registers[i]); }
void set_vbe_state(u8 i, u16 value) {
  if (!there_is()) return;
  if (i == VBE_STATE_WORDS - 1) mode_now = value;
  else if (i == 0) set(ENABLE, 0);
  else set(state_registers[i], state_registers[i] == ENABLE ? value | KEEP_MEMORY : value);
}

/* 4F10h: the monitor's power, of which a VGA can switch off the picture. */
static void monitor_power(caller r) {
  static u8 state;
  r->ax = OK;
  switch (r->bl) {
    /* Standby, suspend, off and reduced on; version 3.0. */
    case 0: r->bx = 0x0f30; return;
    case 1:
      state = r->bh;
      out8(0x3c4, 1);
      out8(0x3c5, (in8(0x3c5) & ~0x20) | (state ? 0x20 : 0));
      return;
    case 2: r->bh = state; return;
  }
  r->ax = FAILED;
}

/* The first block of the monitor's EDID, from the adapter's registers (BAR 2); without one its first bytes are 0. */
#define EDID_BYTES 128
static u8 edid[EDID_BYTES];

void read_edid(void) {
  u16 bdf = pci_find_class(0x0300);
  u32 registers = bdf == 0xffff ? 0 : pci_read(bdf, 0x18) & ~15;
  /* The header of an EDID. */
  if (!there_is() || !registers || peek32(0, registers) != 0xffffff00 || peek32(0, registers + 4) != 0x00ffffff) return;
  copy_in(edid, 0, registers, EDID_BYTES);
}

/* 4F15h: which DDC (BL = 0), and a block by it (BL = 1, block DX). */
static void monitor_data(caller r) {
  r->ax = FAILED;
  if (edid[1] == 0 || r->cx != 0 || r->bl > 1) return;
  if (r->bl == 0) {
    /* A block takes less than a second; DDC1 and DDC2, as SeaBIOS says of this adapter. */
    r->bx = 0x0103;
  } else {
    if (r->dx != 0) return;
    copy_out(r->es, r->di, edid, EDID_BYTES);
  }
  r->ax = OK;
}

void vbe_services(caller r) {
  if (!there_is()) return;
  switch (r->al) {
    case 0x00: controller(r); break;
    case 0x01: mode_information(r); break;
    case 0x02: r->ax = set_vbe_mode(r->bx); break;
    case 0x03:
      r->bx = mode_now ? mode_now : bda8(BDA_MODE);
      r->ax = OK;
      break;
    case 0x04: r->ax = video_state(r, r->dl, r->cx & 15) ? OK : FAILED; break;
    case 0x05: window(r); break;
    case 0x06: scan_line(r); break;
    case 0x07: display_start(r); break;
    case 0x08: dac_width(r); break;
    case 0x09: palette(r); break;
    case 0x10: monitor_power(r); break;
    case 0x15: monitor_data(r); break;
    default: r->ax = 0x0100;
  }
}
