/* FAT12 on the first partition of type 01: files of the root directory, with names of eight and three letters. */
#include "pcos.h"

struct boot { u8 jump[3], maker[8]; u16 sector_bytes; u8 cluster_sectors; u16 reserved; u8 fats; u16 entries, sectors; u8 media; u16 fat_sectors; } PACKED;
struct entry { u8 name[11], attributes, unused[10]; u16 time, date, cluster; u32 bytes; } PACKED;
enum { SECTOR = 512, MOST_FAT = 12, END = 0xff8, LAST = 0xfff, IS_LABEL = 8, IS_FOLDER = 16, GONE = 0xe5, PER_SECTOR = SECTOR / sizeof(struct entry) };
static u8 fat[MOST_FAT * SECTOR], sector[SECTOR];
static u32 first, fat_at, fat_sectors, fats, root, entries, data, cluster_sectors, clusters;
static const char no_files[] = "There is no FAT12 partition on the first IDE disk.", broken[] = "The disk cannot be read or written.", no_file[] = "There is no such file: ls lists them.";

static u32 link_of(u32 cluster) { u32 at = cluster * 3 / 2, both = fat[at] | fat[at + 1] << 8; return cluster & 1 ? both >> 4 : both & 0xfff; }
static void set_link(u32 cluster, u32 to) {
  u32 at = cluster * 3 / 2;
  if (cluster & 1) fat[at] = (fat[at] & 0x0f) | to << 4, fat[at + 1] = to >> 4;
  else fat[at] = to, fat[at + 1] = (fat[at + 1] & 0xf0) | to >> 8;
}
static int is_data(u32 cluster) { return cluster >= 2 && cluster < clusters + 2; }

const char *fat_start(void) {
  struct boot boot;
  first = 0;
  if (!disk_sectors) return "There is no IDE disk.";
  if (disk_read(0, sector)) return broken;
  for (u32 at = 0x1be; at < 0x1fe; at += 16) if (sector[at + 4] == 1) { copy(&first, sector + at + 8, 4); break; }
  if (!first) return no_files;
  if (disk_read(first, sector)) return first = 0, broken;
  copy(&boot, sector, sizeof boot);
  fat_sectors = boot.fat_sectors;
  fats = boot.fats;
  entries = boot.entries;
  cluster_sectors = boot.cluster_sectors;
  fat_at = first + boot.reserved;
  root = fat_at + fats * fat_sectors;
  data = root + (entries + PER_SECTOR - 1) / PER_SECTOR;
  int wrong = boot.sector_bytes != SECTOR || !cluster_sectors || !fats || !fat_sectors || fat_sectors > MOST_FAT || data >= first + boot.sectors;
  if (!wrong) {
    clusters = (first + boot.sectors - data) / cluster_sectors;
    wrong = clusters > 4084 || (clusters + 2) * 3 / 2 + 1 > fat_sectors * SECTOR;
  }
  if (wrong) return first = 0, no_files;
  for (u32 i = 0; i < fat_sectors; i++) if (disk_read(fat_at + i, fat + i * SECTOR)) return first = 0, broken;
  return 0;
}

/* As it is written in the directory; 0: it cannot. */
static int directory_name(const char *name, u8 *to) {
  fill(to, ' ', 11);
  u32 at = 0, end = 8;
  for (; *name; name++) {
    u8 c = *name >= 'a' && *name <= 'z' ? *name - 32 : *name;
    if (c == '.' && end == 8 && at) { at = 8; end = 11; continue; }
    if (at == end || !((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) return 0;
    to[at++] = c;
  }
  return at > 0;
}

/* Finds an entry of this name, or without one a free entry; it is left in `sector`. -1: there is none. */
static int find(const u8 *name, u32 *where) {
  for (u32 i = 0; i < entries; i++) {
    if (i % PER_SECTOR == 0 && disk_read(root + i / PER_SECTOR, sector)) return -1;
    struct entry *entry = (struct entry *)sector + i % PER_SECTOR;
    int is_free = !entry->name[0] || entry->name[0] == GONE, is_it = name && !is_free && !(entry->attributes & (IS_LABEL | IS_FOLDER));
    for (u32 j = 0; j < 11 && is_it; j++) is_it = entry->name[j] == name[j];
    if (name ? is_it : is_free) { *where = root + i / PER_SECTOR; return i % PER_SECTOR; }
    if (!entry->name[0]) return -1;
  }
  return -1;
}

const char *fat_list(void) {
  const char *problem = first ? 0 : fat_start();
  u32 files = 0, used = 0;
  if (problem) return problem;
  for (u32 i = 0; i < entries; i++) {
    if (i % PER_SECTOR == 0 && disk_read(root + i / PER_SECTOR, sector)) return broken;
    struct entry *entry = (struct entry *)sector + i % PER_SECTOR;
    if (!entry->name[0]) break;
    if (entry->name[0] == GONE || entry->attributes & IS_LABEL) continue;
    char name[13];
    u32 n = 0;
    for (u32 j = 0; j < 11; j++) {
      if (j == 8 && entry->name[8] != ' ') name[n++] = '.';
      if (entry->name[j] != ' ') name[n++] = entry->name[j] >= 'A' && entry->name[j] <= 'Z' ? entry->name[j] + 32 : entry->name[j];
    }
    name[n] = 0;
    print("%8u  %04u-%02u-%02u  %s%s\n", entry->bytes, 1980 + (entry->date >> 9), entry->date >> 5 & 15, entry->date & 31, name, entry->attributes & IS_FOLDER ? "/" : "");
    files++;
  }
  for (u32 cluster = 2; cluster < clusters + 2; cluster++) used += link_of(cluster) != 0;
  print("%u files, %u of %u bytes free\n", files, (clusters - used) * cluster_sectors * SECTOR, clusters * cluster_sectors * SECTOR);
  return 0;
}

/* The entry of a file, left in `sector`. */
static const char *find_file(const char *name, u32 *at, u32 *where) {
  u8 wanted[11];
  const char *problem = first ? 0 : fat_start();
  if (problem) return problem;
  int found = directory_name(name, wanted) ? find(wanted, where) : -1;
  *at = found;
  return found < 0 ? no_file : 0;
}

const char *fat_read(const char *name, void (*give)(const u8 *, u32)) {
  u32 at, where;
  const char *problem = find_file(name, &at, &where);
  if (problem) return problem;
  u32 left = ((struct entry *)sector)[at].bytes, cluster = ((struct entry *)sector)[at].cluster;
  /* A chain that goes round is longer than there are clusters. */
  for (u32 seen = 0; left && is_data(cluster) && seen < clusters; seen++, cluster = link_of(cluster))
    for (u32 i = 0; i < cluster_sectors && left; i++) {
      u32 part = left < SECTOR ? left : SECTOR;
      if (disk_read(data + (cluster - 2) * cluster_sectors + i, sector)) return broken;
      give(sector, part);
      left -= part;
    }
  return left ? "The file is longer than its clusters." : 0;
}

static const char *keep_fat(void) {
  for (u32 copy_of = 0; copy_of < fats; copy_of++)
    for (u32 i = 0; i < fat_sectors; i++) if (disk_write(fat_at + copy_of * fat_sectors + i, fat + i * SECTOR)) return broken;
  return 0;
}

const char *fat_remove(const char *name) {
  u32 at, where;
  const char *problem = find_file(name, &at, &where);
  if (problem) return problem;
  u32 cluster = ((struct entry *)sector)[at].cluster;
  ((struct entry *)sector)[at].name[0] = GONE;
  if (disk_write(where, sector)) return broken;
  for (u32 seen = 0; is_data(cluster) && seen < clusters; seen++) {
    u32 next = link_of(cluster);
    set_link(cluster, 0);
    cluster = next;
  }
  return keep_fat();
}

static u8 bcd(u8 index) { out8(0x70, index); u8 value = in8(0x71); return (value >> 4) * 10 + (value & 15); }

/* Data first, then the table, then the name: who looks after a power cut finds the file whole or not at all. */
const char *fat_write(const char *name, const u8 *bytes, u32 count) {
  u8 wanted[11];
  u32 where, start = 0, before = 0, left = count;
  const char *problem = first ? 0 : fat_start();
  if (problem) return problem;
  if (!directory_name(name, wanted)) return "A name has at most eight letters or digits, a point and three more.";
  u32 size = cluster_sectors * SECTOR, free_clusters = 0;
  for (u32 cluster = 2; cluster < clusters + 2; cluster++) free_clusters += link_of(cluster) == 0;
  if (free_clusters * size < count) return "There is no room for it: rm makes some.";
  if (find(wanted, &where) >= 0 && (problem = fat_remove(name))) return problem;
  int at = find(0, &where);
  if (at < 0) return "The directory is full: rm makes room.";
  for (u32 cluster = 2; left; cluster++) {
    if (link_of(cluster)) continue;
    for (u32 i = 0; i < cluster_sectors && left; i++) {
      u32 part = left < SECTOR ? left : SECTOR;
      fill(sector, 0, SECTOR);
      copy(sector, bytes + (count - left), part);
      if (disk_write(data + (cluster - 2) * cluster_sectors + i, sector)) return broken;
      left -= part;
    }
    set_link(cluster, LAST);
    if (before) set_link(before, cluster);
    else start = cluster;
    before = cluster;
  }
  if ((problem = keep_fat())) return problem;
  if (disk_read(where, sector)) return broken;
  struct entry *entry = (struct entry *)sector + at;
  fill(entry, 0, sizeof *entry);
  copy(entry->name, wanted, 11);
  entry->attributes = 0x20;
  entry->cluster = start;
  entry->bytes = count;
  entry->date = (bcd(9) + 20) << 9 | bcd(8) << 5 | bcd(7);
  entry->time = bcd(4) << 11 | bcd(2) << 5 | bcd(0) / 2;
  return disk_write(where, sector) ? broken : 0;
}
