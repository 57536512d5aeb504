/*
 * Ringside's BIOS: what its parts share.
 * Sources: IBM Personal System/2 and Personal Computer BIOS Interface Technical Reference (interrupts, BIOS data area); the chips' own datasheets next to each use.
 *
 * The BIOS is one segment, F000, which POST copies from ROM into shadow RAM: code, constants, variables and stacks have near addresses in it, and CS, DS,
 * ES and SS are all F000 while C runs. Everything else in memory is reached by segment and offset through FS (peek, poke).
 */
#ifndef BIOS_H
#define BIOS_H

#include "../machine.h"

#define BIOS_SEGMENT 0xf000
#define EBDA_SEGMENT 0x9fc0
#define BDA 0x40
/* Tables and code between the addresses that programs know by heart: the rest of the segment is full. */
#define IN_GAP __attribute__((section(".gap"), aligned(1)))
#define IN_GAP_CODE __attribute__((section(".gap_code"), noinline))
/* Behind the fonts, in segment E000, which is linked 64 KiB above this one: tables, of which copies are taken (copy_table), and sentences for print. */
#define FONTS_SEGMENT 0xe000
#define BEHIND_FONTS __attribute__((section(".tables"), aligned(1)))
#define SENTENCE(sentence) ({ static const char text[] BEHIND_FONTS = sentence; text; })
/* Segment and offset of what lies in either segment. */
static inline u32 far(const void *at) { return ((u32)at >> 16 ? (u32)FONTS_SEGMENT << 16 : (u32)BIOS_SEGMENT << 16) | (u16)(u32)at; }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- registers of the caller: they stay on its stack, which GS has as its segment while a service runs */
struct registers {
  union { u32 edi; u16 di; };
  union { u32 esi; u16 si; };
  union { u32 ebp; u16 bp; };
  u32 esp;
  union { u32 ebx; u16 bx; struct { u8 bl, bh; }; };
  union { u32 edx; u16 dx; struct { u8 dl, dh; }; };
  union { u32 ecx; u16 cx; struct { u8 cl, ch; }; };
  union { u32 eax; u16 ax; struct { u8 al, ah; }; };
  u16 gs, fs, es, ds, service, ip, cs, flags;
} __attribute__((packed));
typedef volatile __seg_gs struct registers *caller;

#define CARRY 0x0001
#define ZERO 0x0040
#define INTERRUPTS 0x0200

/* What a service returns: what is done on the caller's stack, after it. */
enum outcome { DONE, WAIT_AND_RETRY, CALL_BREAK, CALL_MOUSE, CALL_ALARM };


/* ---- memory by segment and offset */
static inline void use(u16 segment) { __asm__ volatile("movw %0, %%fs" : : "r"(segment) : "memory"); }
#define FAR(type, offset) (*(volatile __seg_fs type *)(u32)(offset))
static inline u8 peek8(u16 segment, u32 offset) { use(segment); return FAR(u8, offset); }
static inline u16 peek16(u16 segment, u32 offset) { use(segment); return FAR(u16, offset); }
static inline u32 peek32(u16 segment, u32 offset) { use(segment); return FAR(u32, offset); }
static inline void poke8(u16 segment, u32 offset, u8 value) { use(segment); FAR(u8, offset) = value; }
static inline void poke16(u16 segment, u32 offset, u16 value) { use(segment); FAR(u16, offset) = value; }
static inline void poke32(u16 segment, u32 offset, u32 value) { use(segment); FAR(u32, offset) = value; }
void copy_out(u16 segment, u32 offset, const void *from, u32 bytes);
void copy_in(void *to, u16 segment, u32 offset, u32 bytes);
static inline u8 table_byte(const u8 *at) { return peek8(FONTS_SEGMENT, (u16)(u32)at); }
static inline void copy_table(void *to, const void *from, u32 bytes) { copy_in(to, FONTS_SEGMENT, (u16)(u32)from, bytes); }
void fill_words(u16 segment, u32 offset, u16 value, u32 words);
void move_words(u16 to_segment, u16 to, u16 from_segment, u16 from, u32 words);
/* Lets FS reach all 4 GiB from segment 0, until somebody loads it in protected mode (entry.S). For POST alone: a virtual 8086 has no such thing. */
void open_flat_memory(void);

/* ---- BIOS data area, by the offsets of IBM's technical reference */
enum {
  BDA_COM = 0x00, BDA_LPT = 0x08, BDA_EBDA = 0x0e, BDA_EQUIPMENT = 0x10, BDA_MEMORY_KIB = 0x13, BDA_SHIFT = 0x17, BDA_SHIFT2 = 0x18, BDA_ALT_DIGITS = 0x19,
  BDA_KEYS_HEAD = 0x1a, BDA_KEYS_TAIL = 0x1c, BDA_KEYS = 0x1e, BDA_SEEK_STATUS = 0x3e, BDA_MOTORS = 0x3f, BDA_MOTOR_TICKS = 0x40, BDA_FLOPPY_STATUS = 0x41,
  BDA_FLOPPY_RESULTS = 0x42, BDA_MODE = 0x49, BDA_COLUMNS = 0x4a, BDA_PAGE_BYTES = 0x4c, BDA_PAGE_START = 0x4e, BDA_CURSOR = 0x50, BDA_CURSOR_SHAPE = 0x60,
  BDA_PAGE = 0x62, BDA_CRTC = 0x63, BDA_MODE_SELECT = 0x65, BDA_CGA_PALETTE = 0x66, BDA_RESUME = 0x67, BDA_TICKS = 0x6c, BDA_MIDNIGHT = 0x70,
  BDA_BREAK = 0x71, BDA_WARM = 0x72, BDA_DISK_STATUS = 0x74, BDA_DISKS = 0x75, BDA_LPT_TIMEOUT = 0x78, BDA_COM_TIMEOUT = 0x7c, BDA_KEYS_START = 0x80,
  BDA_KEYS_END = 0x82, BDA_ROWS = 0x84, BDA_CHAR_HEIGHT = 0x85, BDA_VIDEO_CONTROL = 0x87, BDA_VIDEO_SWITCHES = 0x88, BDA_VIDEO_MODES = 0x89,
  BDA_DCC = 0x8a, BDA_MEDIA_RATE = 0x8b, BDA_DISK_INTERRUPT = 0x8e, BDA_FLOPPY_TYPES = 0x8f, BDA_MEDIA_STATE = 0x90, BDA_FLOPPY_TRACK = 0x94,
  BDA_KEYBOARD_STATE = 0x96, BDA_LEDS = 0x97, BDA_WAIT_FLAG_AT = 0x98, BDA_WAIT_US = 0x9c, BDA_WAIT_ACTIVE = 0xa0, BDA_SAVE_TABLE = 0xa8,
};
static inline u8 bda8(u16 at) { return peek8(BDA, at); }
static inline u16 bda16(u16 at) { return peek16(BDA, at); }
static inline void set_bda8(u16 at, u8 value) { poke8(BDA, at, value); }
static inline void set_bda16(u16 at, u16 value) { poke16(BDA, at, value); }

/* ---- odds and ends (util.c) */
void *memset(void *at, int value, unsigned bytes);
u8 cmos(u8 index);
void set_cmos(u8 index, u8 value);
/* Inside a service that waits: let interrupts in for a moment, or until one came (entry.S). */
void breathe(void);
void halt(void);
void wait_us(u32 us);
/* Milliseconds, for time limits: by the refresh clock's toggling bit, as long as somebody looks. */
struct limit { u32 left; u8 last; };
struct limit limit_ms(u32 ms);
int expired(struct limit *limit);
void put_char(char c);
void print(const char *text);
void print_number(u32 value);
void print_hex(u32 value, int digits);
void set_vector(u8 number, u16 segment, u16 offset);
int equal(const void *a, const void *b, u32 bytes);
static inline void set_carry(caller r, int on) { if (on) r->flags |= CARRY; else r->flags &= ~CARRY; }
static inline u16 bcd(u8 value) { return (value >> 4) * 10 + (value & 15); }
u32 divide(u64 dividend, u32 divisor, u32 *remainder);

/* ---- what the machine says about itself (firmware-tables.c) */
struct range { u64 base, bytes; u32 type; };
#define MOST_RANGES 24
extern struct range memory_map[MOST_RANGES];
extern u8 memory_ranges, on_xen;
/* RAM from 1 MiB to below 4 GiB, in KiB. */
extern u32 extended_kib;
void find_host(void);
void size_memory(void);
void place_tables(void);
/* Bytes of fw_cfg's file of this name; 0: none. Leaves it selected, to be read from its start. */
u32 open_config(const char *name);
u8 read_config(void);
u32 rsdp_address(void);

/* A number of fw_cfg's; 0: it has none. */
u16 config_number(u16 item);
/* A place in the BIOS's segment for what starts with a signature; linear, 0: there is no room. */
u32 place_root(const u8 *bytes, u32 count);
/* The waking vector of the FACS: where a system goes on that has put itself to sleep. After open_flat_memory. */
u32 waking_vector(void);
/* This processor's local APIC and memory types (processors.c). 0: it has no APIC. */
int set_up_processor(void);
/* And all processors, with the table of them for systems without ACPI; after PCI. */
#define MOST_PROCESSORS 64
void set_up_processors(void);

/* ---- PCI (pci.c) */
u32 pci_read(u16 bdf, u8 at);
void pci_write(u16 bdf, u8 at, u32 value, u8 bytes);
void set_up_pci(void);
/* The next function after `bdf` on bus 0 (start with -1); FFFFh: none. */
u16 pci_next(u16 bdf);
/* The function of this class (base, sub); 0xFFFF: none. */
u16 pci_find_class(u16 class);
/* `moved`: how far from where it was linked the table of routes is. */
enum outcome pci_services(caller r, u32 moved);

/* ---- drives */
enum drive_kind { NO_DRIVE, ATA_DISK, ATAPI_CD, VIRTIO_DISK };
struct drive {
  u8 kind, spt;
  /* On the IDE channels. */
  u8 channel, unit;
  /* Of virtio: the function, and its capabilities. */
  u8 bdf, common, notify, window;
  u16 heads, cylinders, physical_heads, physical_spt, physical_cylinders;
  u64 sectors;
};
/* Those on the IDE channels, by channel and unit, then those of virtio, as they come on the bus. */
#define IDE_DRIVES 4
#define MOST_DRIVES 12
extern struct drive drives[MOST_DRIVES];
extern char models[IDE_DRIVES][41];
static inline int is_disk(const struct drive *drive) { return drive->kind == ATA_DISK || drive->kind == VIRTIO_DISK; }
/* BIOS numbers from 80h: indices of drives, in boot order; CDs from E0h. */
extern u8 disk_order[MOST_DRIVES], disk_count, cd_order[IDE_DRIVES], cd_count;
void find_drives(void);
/* 0: this function is no disk of virtio. */
int find_virtio(struct drive *drive, u16 bdf);
u8 virtio_transfer(const struct drive *drive, u64 sector, u16 count, u16 segment, u16 offset, int write);
/* Of a disk, whatever it is on: 0, or INT 13h's status. */
u8 disk_transfer(const struct drive *drive, u64 sector, u16 count, u16 segment, u16 offset, int write);
void reset_channel(u8 channel);
/* 0, or INT 13h's status. */
u8 ata_transfer(const struct drive *drive, u64 sector, u16 count, u16 segment, u16 offset, int write);
u8 ata_verify(const struct drive *drive, u64 sector, u16 count);
u8 atapi_read(const struct drive *drive, u32 block, u16 count, u16 segment, u16 offset);
/* A packet command; data goes to memory, up to `bytes`. */
u8 atapi_packet(const struct drive *drive, const u8 packet[12], u16 segment, u16 offset, u32 bytes, u16 skip);
extern u8 sense_key;

enum { DISK_OK = 0, DISK_BAD_COMMAND = 1, DISK_NO_MARK = 2, DISK_PROTECTED = 3, DISK_NOT_FOUND = 4, DISK_CHANGED = 6, DISK_DMA_OVERRUN = 8, DISK_DMA_BOUNDARY = 9,
  DISK_BAD_MEDIA = 0x0c, DISK_CRC = 0x10, DISK_CONTROLLER = 0x20, DISK_SEEK = 0x40, DISK_TIMEOUT = 0x80, DISK_NOT_READY = 0xaa, DISK_LOCKED = 0xb1,
  DISK_NOT_REMOVABLE = 0xb2, DISK_NO_MEDIA = 0x31 };

/* ---- floppy drives (floppy.c) */
/* The controller's drives in the order of their BIOS numbers. */
extern u8 floppy_count, floppy_order[2];
void set_up_floppies(void);
void floppy_services(caller r);
/* Of the controller's drive, 0 or 1, whatever its BIOS number. */
u8 floppy_read_first(u8 drive, u16 segment, u16 offset);
u8 floppy_type(u8 drive);

/* ---- El Torito (cdrom.c) */
/* `last_`: the highest cylinder, sector and head, as INT 13h, 08h returns them; without emulation zeros. */
struct emulation { u8 active, media, drive, cd; u32 first_block; u16 load_segment, sector_count; u8 last_ch, last_cl, last_dh; };
extern struct emulation emulation;
/* Null, with the boot image loaded and `emulation` filled in; or why this CD cannot be booted. */
const char *load_cd(u8 index, u16 *segment);
void emulated_services(caller r);

/* ---- the others */
void boot(int next);
int has_program(u16 segment, u16 offset);
void set_up_video(void);
void set_up_keyboard(void);
void set_up_clock(void);
void start_timers(void);
void set_up_ports(void);
void run_option_roms(void);
void call_far(u16 segment, u16 offset, u16 ax, u16 bx, u16 di);
extern u16 far_pointer[2];
extern u8 service_stacks[];
/* Jumps with SS:SP 0:7C00 and DL. */
void start_boot_sector(u16 segment, u16 offset, u8 dl) __attribute__((noreturn));
void resume(u8 code, u32 pointer);
int key_waiting(void);
u16 take_key(void);
u8 mouse_byte(u8 value);
enum outcome mouse_services(caller r);
void vbe_services(caller r);
void read_edid(void);
void leave_vbe(void);
/* A mode by its number with the flags of 4F02h; what AX becomes. */
u16 set_vbe_mode(u16 number);

struct bootable_rom { u16 segment, bcv_or_bev; u8 is_bev; u16 product; };
extern struct bootable_rom boot_roms[4];
extern u8 boot_rom_count;

#endif
