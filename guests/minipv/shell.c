/* The start and the shell. The kernel's command line is a list of commands with semicolons between them; then come those of the console. */
#include "minipv.h"

void xen_poll(void);
static const char *const modes[] = { "PV", "PVH", "HVM" };

static const char help[] =
  "ls PATH, read PATH, write PATH VALUE, rm PATH     xenstore\n"
  "disks, sum DISK SECTOR COUNT, fill DISK SECTOR COUNT SEED, time DISK read|write COUNT [KIB [DEPTH]]   disks; sums are CRC-32\n"
  "save DISK NAME WORD LINES     a file of so many lines, as tar has it on a tape\n"
  "dhcp, ip ADDRESS, ping ADDRESS [COUNT [BYTES]], net     network; TCP port 7 echoes, port 9 discards\n"
  "stream ADDRESS KIB [sum], serve [sum]     TCP in bulk to port 9 of another, and who takes one such stream\n"
  "unplug     HVM: emulated disks and NIC away, PV drivers in their place\n"
  "events N, grants, balloon PAGES (negative: back), suspend, sleep MS\n"
  "hog MS [PERCENT], calls N, tables N, dirty PAGES ROUNDS [PAUSE_US [WORDS]], writer DISK SECTORS TIMES   loads\n"
  "poweroff, reboot, crash\n";

static void print_ip(u32 ip) { print("%u.%u.%u.%u", ip & 255, ip >> 8 & 255, ip >> 16 & 255, ip >> 24); }

static struct disk *find(const char *name) {
  for (int i = 0; i < disk_count; i++) if (same(disks[i].name, name)) return &disks[i];
  print("no disk %s\n", name);
  return 0;
}
/* Word i of sector s is (s × 128 + i) × 2654435761 + seed. */
static void pattern(u32 sector, u32 count, u32 seed) {
  u32 *words = (u32 *)buffer;
  for (u32 i = 0; i < count * 128; i++) words[i] = (sector * 128 + i) * 2654435761u + seed;
}
enum job { SUM, FILL, TIME_READ, TIME_WRITE };
/* `chunk`: sectors at a time, in requests of `request_sectors`. What is timed may be more than the disk: it begins again. */
static void disk_job(struct disk *disk, u32 sector, u32 count, enum job job, u32 seed, u32 chunk) {
  if (!disk) return;
  u32 timed = job == TIME_READ || job == TIME_WRITE;
  if (sector > disk->sectors || (!timed && count > disk->sectors - sector) || (timed && disk->sectors < chunk)) { print("%s has %u sectors\n", disk->name, disk->sectors); return; }
  u32 crc = 0, total = count;
  int error = 0;
  u64 begin = now();
  for (; count && !error; control()) {
    u32 n = count < chunk ? count : chunk;
    if (timed && n > disk->sectors - sector) sector = 0;
    if (job == FILL) pattern(sector, n, seed);
    error = disk->move(disk, sector, n, job == FILL || job == TIME_WRITE);
    if (job == SUM || job == FILL) crc = crc32(crc, buffer, n * 512);
    sector += n;
    count -= n;
  }
  if (!error && (job == FILL || job == TIME_WRITE)) error = disk->flush(disk);
  u32 us = divide(now() - begin, 1000);
  if (error) print("%s: error %d\n", disk->name, error);
  else if (!timed) print("%s: crc %x\n", disk->name, crc);
  else print("%s: %u KiB in %u us\n", disk->name, total / 2, us);
}
static void time_job(struct disk *disk, enum job job, u32 count, u32 kib, u32 depth) {
  u32 each = kib ? kib * 2 : MOST_SECTORS, chunk = each * (depth ? depth : 1);
  if (each > MOST_SECTORS || chunk > MOST_SECTORS || each % 8) { print("time: requests of 4 to %u KiB, %u KiB at once\n", MOST_SECTORS / 2, MOST_SECTORS / 2); return; }
  request_sectors = each;
  disk_job(disk, 0, count, job, 0, chunk);
  request_sectors = MOST_SECTORS;
}

/* A file on the disk from sector 0 on as tar writes it to a tape: a ustar header (POSIX.1-1988), the data, two sectors of zeros. */
static void octal(u8 *to, u32 digits, u32 value) { while (digits--) to[digits] = '0' + (value & 7), value >>= 3; }
static void save(struct disk *disk, const char *name, const char *word, u32 lines) {
  u32 line = length(word) + 1, bytes = line * lines, sectors = (bytes + 511) / 512 + 3, sum = 0;
  if (!disk) return;
  if (!*name || length(name) > 99 || line < 2 || !lines || lines > sizeof buffer || bytes > sizeof buffer - 4 * 512) { print("save DISK NAME WORD LINES: at most %u bytes\n", sizeof buffer - 4 * 512); return; }
  for (u32 i = 0; i < sectors * 512; i++) buffer[i] = 0;
  copy(buffer, name, length(name));
  copy(buffer + 100, "0000644", 7);
  copy(buffer + 108, "0000000", 7);
  copy(buffer + 116, "0000000", 7);
  octal(buffer + 124, 11, bytes);
  octal(buffer + 136, 11, 0);
  copy(buffer + 148, "        0", 9);
  copy(buffer + 257, "ustar\00000", 8);
  for (u32 i = 0; i < 512; i++) sum += buffer[i];
  octal(buffer + 148, 6, sum);
  buffer[154] = 0;
  for (u32 i = 0; i < lines; i++) {
    copy(buffer + 512 + i * line, word, line - 1);
    buffer[512 + i * line + line - 1] = '\n';
  }
  int error = disk->move(disk, 0, sectors, 1);
  if (!error) error = disk->flush(disk);
  if (error) print("%s: error %d\n", disk->name, error);
  else print("%s: %u bytes from sector 1 of %s on, crc %x\n", name, bytes, disk->name, crc32(0, buffer + 512, bytes));
}

static void list(const char *path) {
  static char names[2048];
  u32 bytes;
  const char *error = xs_list(path, names, sizeof names, &bytes);
  if (error) { print("%s\n", error); return; }
  for (char *name = names; name < names + bytes && *name; name += length(name) + 1) print("%s\n", name);
}
static int pv_devices;
static void connect_devices(void) {
  pv_devices = 1;
  blkfront_start();
  netfront_start();
}
/* Devices of virtio are on boards of KVM alone, where nothing answers Xen's hypercalls. */
static void pc_start(void) {
  ata_start();
  pcnet_start();
  if (!has_xen) virtio_start();
}
static void do_suspend(void) {
  xs_remove("control/shutdown");
  int how = suspend();
  if (how) {
    disk_count = 0;
    blkfront_forget();
    xs_watch("control/shutdown", "control");
    if (mode == HVM_MODE && !pv_devices) pc_start(); else connect_devices();
  }
  print("%s\n", how ? "resumed" : "suspend cancelled");
}

/* What the toolstack asks: control/shutdown. It looks until nothing has come meanwhile: who waits for an answer takes the event of what came behind it, too. */
void control(void) {
  char what[16];
  for (xen_poll(); watch_fired(); xen_poll()) {
    if (xs_read("control/shutdown", what, sizeof what) || !*what) continue;
    if (same(what, "suspend")) { do_suspend(); continue; }
    xs_write("control/shutdown", "");
    if (same(what, "poweroff") || same(what, "halt")) end(0);
    if (same(what, "reboot")) end(1);
  }
}

static void run(char *line) {
  char *words[8];
  int count = 0;
  for (char *at = line; *at && count < 8;) {
    while (*at == ' ') *at++ = 0;
    if (!*at) break;
    words[count++] = at;
    while (*at && *at != ' ') at++;
  }
  if (!count) return;
  const char *a = count > 1 ? words[1] : "", *b = count > 2 ? words[2] : "", *c = count > 3 ? words[3] : "";
  char text[512];
  const char *error = 0;
  if (same(words[0], "help")) print("%s", help);
  else if (same(words[0], "ls")) list(a);
  else if (same(words[0], "read")) { if (!(error = xs_read(a, text, sizeof text))) print("%s\n", text); }
  else if (same(words[0], "write")) error = xs_write(a, b);
  else if (same(words[0], "rm")) error = xs_remove(a);
  else if (same(words[0], "disks")) for (int i = 0; i < disk_count; i++) print("%s: %u sectors\n", disks[i].name, disks[i].sectors);
  else if (same(words[0], "sum")) disk_job(find(a), number(b), number(c), SUM, 0, MOST_SECTORS);
  else if (same(words[0], "fill")) disk_job(find(a), number(b), number(c), FILL, count > 4 ? number(words[4]) : 0, MOST_SECTORS);
  else if (same(words[0], "save")) save(find(a), b, c, count > 4 ? number(words[4]) : 1);
  else if (same(words[0], "time")) time_job(find(a), same(b, "write") ? TIME_WRITE : TIME_READ, number(c), count > 4 ? number(words[4]) : 0, count > 5 ? number(words[5]) : 1);
  else if (same(words[0], "dhcp")) { if (dhcp()) print("dhcp: no answer\n"); else { print("dhcp: "); print_ip(own_ip); print("\n"); } }
  else if (same(words[0], "ip")) own_ip = parse_ip(a);
  else if (same(words[0], "ping")) { u32 n = count > 2 ? number(b) : 1; print("ping: %d of %u\n", ping(parse_ip(a), n, count > 3 ? number(c) : 56), n); }
  else if (same(words[0], "net")) { print_ip(own_ip); print(", echoed %u bytes\n", echoed); }
  else if (same(words[0], "stream")) stream(parse_ip(a), number(b), same(c, "sum"));
  else if (same(words[0], "serve")) serve(same(a, "sum"));
  else if (same(words[0], "unplug")) {
    if (unplug()) print("unplug: there is nothing that could go\n");
    else { disk_count = 0; nic.up = 0; connect_devices(); }
  }
  else if (same(words[0], "events")) print("events: %d of %u\n", event_test(number(a)), number(a));
  else if (same(words[0], "grants")) print("grants: %u of 512 used\n", grants_used());
  else if (same(words[0], "balloon")) { int n = *a == '-' ? -(int)number(a + 1) : (int)number(a); int done = balloon(n); print("balloon: %d pages, %d given back\n", done, held_pages()); }
  else if (same(words[0], "suspend")) do_suspend();
  else if (same(words[0], "sleep")) { u64 until = now() + number(a) * 1000000ull; while (now() < until) { u64 rest = until - now(); wait(rest); ip_poll(); control(); } }
  else if (same(words[0], "poweroff")) end(0);
  else if (same(words[0], "reboot")) end(1);
  else if (same(words[0], "crash")) end(3);
  else if (!workload(count, words)) print("%s: no such command; help lists them\n", words[0]);
  if (error) print("%s\n", error);
}

void main(enum mode how, u32 info) {
  xen_start(how, info);
  print("minipv as %s\n", has_xen ? modes[mode] : "PC");
  xs_watch("control/shutdown", "control");
  xs_write("control/feature-poweroff", "1");
  xs_write("control/feature-reboot", "1");
  xs_write("control/feature-suspend", "1");
  if (mode == HVM_MODE) pc_start();
  else connect_devices();
  for (char *at = command_line; *at;) {
    char *line = at;
    while (*at && *at != ';') at++;
    if (*at) *at++ = 0;
    run(line);
  }
  static char line[256];
  u32 n = 0;
  print("minipv> ");
  for (;;) {
    control();
    ip_poll();
    int c = key();
    if (c < 0) { wait(mode == HVM_MODE ? 10000000 : 0); continue; } /* a serial port sends no event */
    if (c == '\r' || c == '\n') {
      line[n] = 0;
      n = 0;
      print("\n");
      run(line);
      print("minipv> ");
    } else if ((c == 127 || c == 8) && n) { n--; print("\b \b"); }
    else if (c >= ' ' && n < sizeof line - 1) { line[n++] = c; print("%c", c); }
  }
}
