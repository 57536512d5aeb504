/*
 * POST: from the first instruction in C to the boot loader. Also option ROMs.
 * Sources: IBM PC AT Technical Reference, BIOS listing (order of things); Intel 8259A and 8237A data sheets; Plug and Play BIOS Specification 1.0A (option ROMs:
 * header, PnP expansion header, BCV, BEV); PCI Firmware Specification (ROM's PCI data structure).
 */
#include "bios.h"

void set_vectors(void);

static void set_up_interrupt_controllers(void) {
  out8(0x20, 0x11);
  out8(0xa0, 0x11);
  out8(0x21, 0x08);
  out8(0xa1, 0x70);
  out8(0x21, 0x04);
  out8(0xa1, 0x02);
  out8(0x21, 0x01);
  out8(0xa1, 0x01);
  /* Timer, keyboard, cascade, floppy; disks' interrupts. */
  out8(0x21, 0xb8);
  out8(0xa1, 0x2f);
}

/* Both DMA controllers on, channel 4 as the cascade of the first. */
static void set_up_dma(void) {
  out8(0x0d, 0);
  out8(0xda, 0);
  out8(0xd6, 0xc0);
  out8(0xd4, 0x00);
}

static void set_up_data_area(void) {
  fill_words(BDA, 0, 0, 0x80);
  fill_words(EBDA_SEGMENT, 0, 0, 0x200);
  poke8(EBDA_SEGMENT, 0, 1);
  set_bda16(BDA_EBDA, EBDA_SEGMENT);
  /* Coprocessor and pointing device. */
  set_bda16(BDA_EQUIPMENT, 0x0006);
}

/* ---- option ROMs */
struct bootable_rom boot_roms[4];
u8 boot_rom_count;
#define FIRST_ROM 0xc000
#define LAST_ROM 0xe000
#define ROM_STEP 0x80

static int is_rom(u16 segment) {
  if (peek16(segment, 0) != 0xaa55) return 0;
  u32 bytes = peek8(segment, 2) * 512u;
  u8 sum = 0;
  if (bytes == 0) return 0;
  use(segment);
  for (u32 i = 0; i < bytes; i++) sum += FAR(u8, i);
  return sum == 0;
}

static u16 rom_paragraphs(u16 segment) { return (peek8(segment, 2) * 32u + ROM_STEP - 1) & ~(ROM_STEP - 1); }

extern const u8 pnp_header[];

static void start_rom(u16 segment, u16 bdf) {
  call_far(segment, 3, bdf, 0xffff, (u16)(u32)pnp_header);
  /* Its PnP expansion header says whether it can boot by itself. */
  u16 header = peek16(segment, 0x1a);
  if (header == 0 || peek32(segment, header) != 0x506e5024 || boot_rom_count == COUNT(boot_roms)) return;
  u16 bev = peek16(segment, header + 0x1a), bcv = peek16(segment, header + 0x16);
  if (bev) boot_roms[boot_rom_count++] = (struct bootable_rom){ segment, bev, 1, peek16(segment, header + 0x10) };
  else if (bcv) call_far(segment, bcv, bdf, 0xffff, (u16)(u32)pnp_header);
}

/* Copies a PCI function's ROM below 1 MiB, where there is room and its image is for PCs. Returns its segment; 0: none. */
static u16 fetch_rom(u16 bdf, u16 segment) {
  u32 before = pci_read(bdf, 0x30), base = before & ~0x7ff;
  if (base == 0) return 0;
  pci_write(bdf, 0x30, base | 1, 4);
  open_flat_memory();
  u16 found = 0;
  for (u32 image = base; peek16(0, image) == 0xaa55;) {
    u32 data = image + peek16(0, image + 0x18);
    if (peek32(0, data) != 0x52494350) break; /* "PCIR" */
    u8 type = peek8(0, data + 0x14), last = peek8(0, data + 0x15);
    u32 bytes = peek8(0, image + 2) * 512u;
    if (type == 0 && segment + bytes / 16 <= LAST_ROM) {
      for (u32 i = 0; i < bytes; i += 4) poke32(0, segment * 16u + i, peek32(0, image + i));
      found = segment;
      break;
    }
    if (last & 0x80) break;
    image += peek16(0, data + 0x10) * 512u;
  }
  pci_write(bdf, 0x30, before & ~1, 4);
  return found;
}

/* ROMs of network cards: the display's is in this BIOS. Those that lie there already (ISA cards) come first. */
void run_option_roms(void) {
  u16 segment = FIRST_ROM;
  while (segment < LAST_ROM) {
    if (is_rom(segment)) {
      u16 paragraphs = rom_paragraphs(segment);
      start_rom(segment, 0);
      segment += paragraphs;
    } else segment += ROM_STEP;
  }
  segment = FIRST_ROM;
  for (u16 bdf = 0; bdf < 0x100; bdf++) {
    if ((bdf & 7) && !(pci_read(bdf & ~7, 0x0e) & 0x80)) continue;
    if ((u16)pci_read(bdf, 0) == 0xffff || pci_read(bdf, 0x0b) << 24 == 0x03000000) continue;
    if ((u8)pci_read(bdf, 0x0b) != 0x02) continue;
    if (fetch_rom(bdf, segment) && is_rom(segment)) {
      u16 paragraphs = rom_paragraphs(segment);
      start_rom(segment, bdf);
      /* A ROM may have shrunk while it started. */
      if (is_rom(segment)) paragraphs = rom_paragraphs(segment);
      segment += paragraphs;
    }
  }
}

/* ---- the whole */

void post(void) {
  set_vectors();
  set_up_data_area();
  set_up_interrupt_controllers();
  set_up_dma();
  open_flat_memory();
  find_host();
  set_up_pci();
  set_up_processors();
  set_up_clock();
  set_up_ports();
  set_up_video();
  read_edid();
  print(SENTENCE("Ringside BIOS\n"));
  size_memory();
  place_tables();
  print_number((extended_kib + 2047) / 1024);
  print(SENTENCE(" MiB of memory\n"));
  set_up_keyboard();
  out8(0x21, in8(0x21) & ~0x43);
  set_up_floppies();
  find_drives();
  run_option_roms();
  boot(0);
}

/*
 * The way out of S3: memory is as it was, with this BIOS and its variables; chips are as after RESET, but for those of a guest of Xen, whose device model hears
 * nothing of it. `far_pointer` is the waking vector, which is entered in real mode. Source: ACPI specification 16.3.2; 4.8.3.2.1 (SCI_EN).
 */
#define PM1_CONTROL 0x604
#define SCI_EN 1
void resume_from_ram(void) {
  set_up_interrupt_controllers();
  set_up_dma();
  open_flat_memory();
  set_up_pci();
  set_up_processor();
  start_timers();
  if (!on_xen) set_up_video();
  out16(PM1_CONTROL, in16(PM1_CONTROL) | SCI_EN);
  u32 vector = waking_vector();
  far_pointer[0] = vector & 15;
  far_pointer[1] = vector >> 4;
}
