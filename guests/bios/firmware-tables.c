/*
 * What the host says of the machine, and the tables for systems: memory map, ACPI, SMBIOS.
 * Sources: QEMU documentation, fw_cfg device and its "etc/table-loader" (128-byte commands), CMOS 34h to 5Dh for memory; the block "XenHVMSeaBIOS" that Xen's
 * hvmloader leaves at 0x1000 (tools/firmware/hvmloader/seabios.c); ACPI specification 5.2.5 (RSDP), 5.2.9 (FADT), 5.2.10 (FACS), DMTF SMBIOS 2.x (entry point).
 */
#include "bios.h"

#define SELECTOR 0x510
#define DATA 0x511
#define SIGNATURE 0x00
#define DIRECTORY 0x19
#define MIB 0x100000
#define XEN_BLOCK 0x1000
#define NAME_BYTES 56
#define TABLE_UNIT 0x10000
enum { RAM = 1, RESERVED = 2 };

struct range memory_map[MOST_RANGES];
u8 memory_ranges, on_xen;
u32 extended_kib;
static u8 has_config;
static u32 rsdp, table_bytes;

/* What must be found below 1 MiB: the RSDP and the SMBIOS entry point, in the segment of the BIOS. */
static u8 root_tables[128] __attribute__((aligned(16)));
static u8 root_bytes;

u32 rsdp_address(void) { return rsdp; }

static void select(u16 item) { out16(SELECTOR, item); }
u8 read_config(void) { return in8(DATA); }
static u32 read_big(u8 bytes) {
  u32 value = 0;
  while (bytes--) value = value << 8 | read_config();
  return value;
}

u16 config_number(u16 item) {
  if (!has_config) return 0;
  select(item);
  return read_config() | read_config() << 8;
}

void find_host(void) {
  static const char xen[] = "XenHVMSeaBIOS";
  char there[sizeof xen];
  copy_in(there, 0, XEN_BLOCK, sizeof xen);
  on_xen = equal(there, xen, sizeof xen);
  select(SIGNATURE);
  has_config = read_big(4) == 0x51454d55; /* "QEMU" */
}

/* The next bytes of a file to memory below 4 GiB, through a buffer in conventional memory. */
#define BUFFER_SEGMENT 0x1000
#define SCRIPT_SEGMENT 0x2000
static void read_config_to(u32 address, u32 bytes) {
  while (bytes) {
    u32 some = bytes > 0x1000 ? 0x1000 : bytes, offset = 0, left = some;
    __asm__ volatile("pushw %%es; movw %2, %%es; rep insb; popw %%es" : "+D"(offset), "+c"(left) : "r"((u16)BUFFER_SEGMENT), "d"(DATA) : "memory");
    use(0);
    for (u32 i = 0; i < some; i += 4) {
      u32 four = FAR(u32, BUFFER_SEGMENT * 16u + i);
      if (i + 4 <= some) FAR(u32, address + i) = four;
      else for (u32 k = i; k < some; k++, four >>= 8) FAR(u8, address + k) = four;
    }
    address += some;
    bytes -= some;
  }
}

/* An entry of fw_cfg's directory, numbers with the highest byte first. */
struct config_file { u32 bytes; u16 item, reserved; char name[NAME_BYTES]; } __attribute__((packed));

u32 open_config(const char *name) {
  if (!has_config) return 0;
  select(DIRECTORY);
  for (u32 files = read_big(4); files--;) {
    struct config_file file;
    void *to = &file;
    u32 left = sizeof file;
    /* In one access: each costs a virtual machine an exit. */
    __asm__ volatile("pushw %%es; pushw %%ss; popw %%es; rep insb; popw %%es" : "+D"(to), "+c"(left) : "d"(DATA) : "memory");
    u8 at = 0;
    while (at < NAME_BYTES && file.name[at] == name[at] && name[at]) at++;
    if (at == NAME_BYTES || file.name[at] != name[at]) continue;
    select(file.item << 8 | file.item >> 8);
    return __builtin_bswap32(file.bytes);
  }
  return 0;
}

/* ---- memory */

static void add_range(u64 base, u64 bytes, u32 type) {
  if (memory_ranges < MOST_RANGES && bytes) memory_map[memory_ranges++] = (struct range){ base, bytes, type };
}

/* RAM above the first MiB, less what tables take of its end. */
static void size_plain_memory(void) {
  table_bytes = (open_config("etc/acpi/tables") + open_config("etc/smbios/smbios-tables") + TABLE_UNIT) & -TABLE_UNIT;
  u32 above_16 = cmos(0x34) | cmos(0x35) << 8;
  u32 bytes = above_16 ? above_16 * 0x10000 + 16 * MIB : (cmos(0x30) | cmos(0x31) << 8) * 1024u + MIB;
  u64 high = (u64)(cmos(0x5b) | cmos(0x5c) << 8 | cmos(0x5d) << 16) << 16;
  add_range(0, EBDA_SEGMENT * 16u, RAM);
  add_range(EBDA_SEGMENT * 16u, 0x400, RESERVED);
  add_range(0xe0000, 0x20000, RESERVED);
  add_range(MIB, bytes - MIB - table_bytes, RAM);
  add_range(bytes - table_bytes, table_bytes, RESERVED);
  /* The last KiB below 4 GiB, where the ROM is. */
  add_range(0xfffc0000, 0x40000, RESERVED);
  add_range(0x100000000ull, high, RAM);
  extended_kib = (bytes - MIB - table_bytes) / 1024;
}

/* hvmloader's block: at 16, address of a list of tables, their number, address of the memory map, its number of entries. */
static void size_xen_memory(void) {
  u32 map = peek32(0, XEN_BLOCK + 24), count = peek32(0, XEN_BLOCK + 28);
  for (u32 i = 0; i < count; i++, map += 20) {
    struct range range;
    copy_in(&range, 0, map, 20);
    if (range.base == 0 && range.type == RAM) {
      add_range(0, EBDA_SEGMENT * 16u, RAM);
      add_range(EBDA_SEGMENT * 16u, 0x400, RESERVED);
      continue;
    }
    if (range.base == MIB && range.type == RAM) extended_kib = range.bytes >> 10;
    add_range(range.base, range.bytes, range.type);
  }
}

void size_memory(void) {
  if (on_xen) size_xen_memory();
  else size_plain_memory();
  set_bda16(BDA_MEMORY_KIB, EBDA_SEGMENT / 64);
}

/* ---- tables */

u32 place_root(const u8 *bytes, u32 count) {
  u8 *at = root_tables + root_bytes;
  if (root_bytes + count > sizeof root_tables) return 0;
  for (u32 i = 0; i < count; i++) at[i] = bytes[i];
  root_bytes += (count + 15) & ~15;
  return BIOS_SEGMENT * 16u + (u32)at;
}

/* The word is written here in two parts: systems look for it in the BIOS's segment, and memtest86+ takes the first one whatever its check sum. */
static int is_anchor(const u8 *bytes, u8 first, const char *rest) {
  if (*bytes++ != first) return 0;
  while (*rest)
    if (*bytes++ != (u8)*rest++) return 0;
  return 1;
}

static void copy_xen_tables(void) {
  u32 list = peek32(0, XEN_BLOCK + 16), count = peek32(0, XEN_BLOCK + 20);
  for (u32 i = 0; i < count; i++) {
    u8 bytes[36];
    u32 table = peek32(0, list + 4 * i);
    copy_in(bytes, 0, table, sizeof bytes);
    if (is_anchor(bytes, 'R', "SD PTR ")) rsdp = place_root(bytes, bytes[15] >= 2 ? 36 : 20);
    else if (is_anchor(bytes, '_', "SM_")) place_root(bytes, 31);
    else if (is_anchor(bytes, '_', "MP_")) place_root(bytes, 16);
  }
}

#define MOST_FILES 6
enum { ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3, WRITE_POINTER = 4 };
struct step {
  u32 kind;
  char name[NAME_BYTES];
  union {
    struct { u32 alignment; u8 zone; } allocate;
    struct { char target[NAME_BYTES]; u32 offset; u8 size; } pointer;
    struct { u32 offset, start, bytes; } checksum;
  } __attribute__((packed));
} __attribute__((packed));
struct loaded_file { char name[NAME_BYTES]; u32 address; };
/* For POST alone: where the last service of those under way at once has its stack, which no service is deep enough to need by then. */
#define loaded ((struct loaded_file *)service_stacks)
static u8 loaded_files;
static u32 free_at, free_end;

static u32 address_of(const char *name) {
  for (u8 i = 0; i < loaded_files; i++)
    if (equal(loaded[i].name, name, NAME_BYTES)) return loaded[i].address;
  return 0;
}

static void load_file(const struct step *step) {
  u32 bytes = open_config(step->name), address, alignment = step->allocate.alignment;
  if (bytes == 0 || loaded_files == MOST_FILES || alignment & (alignment - 1)) return;
  if (step->allocate.zone == 2) {
    static const u8 nothing[64];
    address = bytes <= sizeof nothing ? place_root(nothing, bytes) : 0;
    if (!address) return;
  } else {
    address = (free_at + alignment - 1) & -alignment;
    if (address + bytes > free_end) return;
    free_at = address + bytes;
  }
  read_config_to(address, bytes);
  copy_out(BIOS_SEGMENT, (u16)(u32)loaded[loaded_files].name, step->name, NAME_BYTES);
  loaded[loaded_files++].address = address;
  if (equal(step->name, "etc/acpi/rsdp", 14)) rsdp = address;
}

static void run_step(const struct step *step) {
  u32 file = address_of(step->name);
  switch (step->kind) {
    case ALLOCATE: load_file(step); break;
    case ADD_POINTER: {
      u32 target = address_of(step->pointer.target), at = file + step->pointer.offset;
      if (!file || !target) return;
      if (step->pointer.size == 1) poke8(0, at, peek8(0, at) + target);
      else if (step->pointer.size == 2) poke16(0, at, peek16(0, at) + target);
      /* Tables are below 4 GiB: the upper half of eight bytes stays. */
      else poke32(0, at, peek32(0, at) + target);
      break;
    }
    case ADD_CHECKSUM: {
      u8 sum = 0;
      if (!file) return;
      use(0);
      for (u32 i = 0; i < step->checksum.bytes; i++) sum += FAR(u8, file + step->checksum.start + i);
      poke8(0, file + step->checksum.offset, peek8(0, file + step->checksum.offset) - sum);
      break;
    }
  }
}

static void load_acpi(void) {
  u32 bytes = open_config("etc/table-loader");
  if (bytes > 0x10000) return;
  read_config_to(SCRIPT_SEGMENT * 16u, bytes);
  for (u32 at = 0; at + sizeof(struct step) <= bytes; at += 128) {
    struct step step;
    copy_in(&step, SCRIPT_SEGMENT, at, sizeof step);
    run_step(&step);
  }
}

static void load_smbios(void) {
  u8 anchor[31];
  u32 bytes = open_config("etc/smbios/smbios-anchor");
  if (bytes < sizeof anchor) return;
  for (u8 i = 0; i < sizeof anchor; i++) anchor[i] = read_config();
  if (!is_anchor(anchor, '_', "SM_")) return;
  bytes = open_config("etc/smbios/smbios-tables");
  u32 address = (free_at + 15) & ~15;
  if (bytes == 0 || address + bytes > free_end) return;
  free_at = address + bytes;
  read_config_to(address, bytes);
  for (u8 i = 0; i < 4; i++) anchor[0x18 + i] = address >> (8 * i);
  anchor[0x04] = anchor[0x15] = 0;
  u8 sum = 0;
  for (u8 i = 0x10; i < 0x1f; i++) sum += anchor[i];
  anchor[0x15] = -sum;
  sum = 0;
  for (u8 i = 0; i < 0x1f; i++) sum += anchor[i];
  anchor[0x04] = -sum;
  place_root(anchor, sizeof anchor);
}

/* By the RSDT's entry of the FADT (signature FACP), whose FIRMWARE_CTRL leads to the FACS. Without one the machine starts again. */
u32 waking_vector(void) {
  u32 rsdt = rsdp ? peek32(0, rsdp + 16) : 0, end = rsdt ? rsdt + peek32(0, rsdt + 4) : 0;
  for (u32 at = rsdt + 36; at < end; at += 4) {
    u32 table = peek32(0, at);
    if (peek32(0, table) == 0x50434146) return peek32(0, peek32(0, table + 36) + 12);
  }
  return BIOS_SEGMENT * 16u + 0xfff0;
}

void place_tables(void) {
  open_flat_memory();
  if (on_xen) {
    copy_xen_tables();
    return;
  }
  free_at = MIB + extended_kib * 1024;
  free_end = free_at + table_bytes;
  load_acpi();
  load_smbios();
}
