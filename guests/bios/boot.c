/*
 * What is started, in which order: INT 19h and 18h, the boot menu.
 * Sources: BIOS Boot Specification 1.01; QEMU's fw_cfg file "bootorder" (device paths) and CMOS 38h and 3Dh (nibbles: 1 floppy, 2 disk, 3 CD, 4 network; bit 0 of
 * 38h: -no-fd-bootchk, which here is for disks, too).
 */
#include "bios.h"

enum kind { FLOPPY, DISK, CD, NETWORK };
struct choice { u8 kind, index; };
#define MOST_CHOICES (2 + MOST_DRIVES + 4)
static struct choice choices[MOST_CHOICES];
static u8 count, current;

static int is_chosen(u8 kind, u8 index) {
  for (u8 i = 0; i < count; i++)
    if (choices[i].kind == kind && choices[i].index == index) return 1;
  return 0;
}

static int there_is(u8 kind, u8 index) {
  switch (kind) {
    case FLOPPY: return index < 2 && floppy_type(index);
    case DISK: return index < MOST_DRIVES && is_disk(&drives[index]);
    case CD: return index < IDE_DRIVES && drives[index].kind == ATAPI_CD;
    default: return index < boot_rom_count;
  }
}

static void choose(u8 kind, u8 index) {
  if (count < MOST_CHOICES && there_is(kind, index) && !is_chosen(kind, index)) choices[count++] = (struct choice){ kind, index };
}

static void choose_all(u8 kind) {
  for (u8 i = 0; i < MOST_DRIVES; i++) choose(kind, i);
}

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* The hexadecimal number behind a word in a device path; -1: the word is not in it. */
IN_GAP_CODE static int number_after(const char *path, const char *word) {
  for (; *path; path++) {
    u8 i = 0;
    while (word[i] && path[i] == word[i]) i++;
    if (word[i]) continue;
    int number = 0;
    for (path += i; digit(*path) >= 0; path++) number = number << 4 | digit(*path);
    return number;
  }
  return -1;
}

static void choose_path(const char *path) {
  int floppy = number_after(path, "/floppy@"), channel = number_after(path, "/drive@"), unit = number_after(path, "/disk@"), slot = number_after(path, "/scsi@");
  if (floppy >= 0) choose(FLOPPY, floppy);
  else if (channel >= 0 && channel < 2 && unit >= 0 && unit < 2) {
    u8 index = 2 * channel + unit;
    choose(drives[index].kind == ATAPI_CD ? CD : DISK, index);
  } else if (slot >= 0) {
    for (u8 i = IDE_DRIVES; i < MOST_DRIVES; i++)
      if (drives[i].kind == VIRTIO_DISK && drives[i].bdf == slot << 3) choose(DISK, i);
  } else if (number_after(path, "/ethernet@") >= 0) choose_all(NETWORK);
}

/* As the host says by names, then by CMOS; then all there is. */
static void choose_order(void) {
  char path[80];
  u8 length = 0;
  count = 0;
  for (u32 left = open_config("bootorder"); left--;) {
    char c = read_config();
    if (c == '\n' || c == 0) {
      path[length] = 0;
      if (length) choose_path(path);
      length = 0;
    } else if (length < sizeof path - 1) path[length++] = c;
  }
  if (count == 0) {
    u16 order[3] = { cmos(0x3d) & 15, cmos(0x3d) >> 4, cmos(0x38) >> 4 };
    for (u8 i = 0; i < 3; i++)
      if (order[i] >= 1 && order[i] <= 4) choose_all(order[i] - 1);
  }
  choose_all(FLOPPY);
  choose_all(DISK);
  choose_all(CD);
  choose_all(NETWORK);
}

/* Drives get their BIOS numbers in that order: where only the second floppy drive is there, it is drive 0. */
static void number_drives(void) {
  u8 floppies = 0;
  disk_count = cd_count = 0;
  for (u8 i = 0; i < count; i++) {
    if (choices[i].kind == FLOPPY) floppy_order[floppies++] = choices[i].index;
    if (choices[i].kind == DISK) disk_order[disk_count++] = choices[i].index;
    if (choices[i].kind == CD) cd_order[cd_count++] = choices[i].index;
  }
  set_bda8(BDA_DISKS, disk_count);
}

static void print_choice(struct choice choice) {
  switch (choice.kind) {
    case FLOPPY:
      print(SENTENCE("floppy disk "));
      put_char('A' + choice.index);
      break;
    case DISK:
      print(SENTENCE("disk "));
      if (choice.index < IDE_DRIVES) print(models[choice.index]);
      else {
        print(SENTENCE("virtio in slot "));
        print_number(drives[choice.index].bdf >> 3);
      }
      break;
    case CD:
      print(SENTENCE("CD "));
      print(models[choice.index]);
      break;
    default:
      print(SENTENCE("network"));
  }
}

/* A disk that was only partitioned has nothing before the table at 1B8h. */
int has_program(u16 segment, u16 offset) {
  for (u16 i = 0; i < 0x1b8; i++)
    if (peek8(segment, offset + i)) return 1;
  return 0;
}

/* What lies at 7C00h is a boot sector: null; or why not. */
static const char *why_no_boot_sector(void) {
  if (peek16(0, 0x7dfe) != 0xaa55 && !(cmos(0x38) & 1)) return SENTENCE("its first sector does not end in 55 AA");
  return has_program(0, 0x7c00) ? 0 : SENTENCE("its first sector has no program");
}

/* Starts it; where it returns, why not. */
static const char *start(struct choice choice) {
  u8 index = 0;
  const char *problem;
  emulation.active = 0;
  switch (choice.kind) {
    case FLOPPY:
      if (floppy_read_first(choice.index, 0, 0x7c00)) return SENTENCE("its first sector cannot be read");
      if ((problem = why_no_boot_sector())) return problem;
      start_boot_sector(0, 0x7c00, floppy_order[0] != choice.index);
    case DISK:
      while (disk_order[index] != choice.index) index++;
      if (disk_transfer(&drives[choice.index], 0, 1, 0, 0x7c00, 0)) return SENTENCE("its first sector cannot be read");
      if ((problem = why_no_boot_sector())) return problem;
      start_boot_sector(0, 0x7c00, 0x80 + index);
    case CD: {
      u16 segment;
      while (cd_order[index] != choice.index) index++;
      if ((problem = load_cd(index, &segment))) return problem;
      /* 07C0h is segment 0, 7C00h, as from a disk. */
      start_boot_sector(segment & 0xf000, segment << 4, emulation.drive);
    }
    default: {
      const struct bootable_rom *rom = &boot_roms[choice.index];
      call_far(rom->segment, rom->bcv_or_bev, 0, 0, 0);
      return SENTENCE("it gave up");
    }
  }
}

/* Comes when all has failed: somebody may have put in another disk. */
static void menu(void) {
  print(SENTENCE("\nSelect what to boot:\n"));
  for (u8 i = 0; i < count; i++) {
    put_char('1' + i);
    print(SENTENCE(". "));
    print_choice(choices[i]);
    put_char('\n');
  }
  for (;;) {
    while (!key_waiting()) halt();
    char key = take_key();
    if (key >= '1' && key < '1' + count) {
      struct choice first = choices[(u8)(key - '1')];
      print(SENTENCE("\n"));
      print(SENTENCE("Booting from "));
      print_choice(first);
      print(SENTENCE("\n"));
      const char *why = start(first);
      print(SENTENCE("Not bootable: "));
      print(why);
      print(SENTENCE(".\n"));
    }
  }
}

void boot(int next) {
  if (!next) {
    choose_order();
    number_drives();
    current = 0;
  }
  while (current < count) {
    struct choice choice = choices[current++];
    print(SENTENCE("Booting from "));
    print_choice(choice);
    print(SENTENCE("\n"));
    const char *why = start(choice);
    print(SENTENCE("Not bootable: "));
    print(why);
    print(SENTENCE(".\n"));
  }
  if (count) {
    print(SENTENCE("\nNothing here could be booted. Put in another disk, or name another in the machine's definition.\n"));
    menu();
  }
  print(SENTENCE("\nThere is no drive to boot from. Give the machine a disk, a CD or a floppy disk.\n"));
  for (;;) halt();
}

enum outcome boot_services(caller r) {
  (void)r;
  boot(0);
  return DONE;
}

enum outcome boot_failed_services(caller r) {
  (void)r;
  print(SENTENCE("The boot sector gave up.\n"));
  boot(1);
  return DONE;
}
