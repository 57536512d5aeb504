/* The shell: a line is read, its first word is a command. */
#include "pcos.h"

enum { LINE = 76, WORDS = 8 };
static char before[LINE];

static void erase(u32 count) { while (count--) print("\b \b"); }
static void read_line(char *line) {
  u32 n = 0;
  for (;;) {
    int c = key(1);
    if (c == '\n') break;
    if (c == 27 && key(0) == '[') c = key(0) == 'A' ? UP_KEY : 0; /* a terminal's arrow */
    if (c == '\b') { if (n) erase(1), n--; }
    else if (c == 'C' - 64) { print("^C"); n = 0; break; }
    else if (c == UP_KEY) {
      erase(n);
      n = length(before);
      copy(line, before, n);
      line[n] = 0;
      print("%s", line);
    } else if (c >= ' ' && c < 127 && n < LINE - 1) print("%c", line[n++] = c);
  }
  line[n] = 0;
  print("\n");
  if (n) copy(before, line, n + 1);
}

static void say(const char *problem) { if (problem) print("%s\n", problem); }

/* What follows the command's name: words, and the line from the second of those on. */
static char *words[WORDS + 1];
static int count;
static const char *rest;

static void on_ls(void) { say(fat_list()); }

static void cpuid(u32 leaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx) { __asm__ volatile("cpuid" : "=a"(*eax), "=b"(*ebx), "=c"(*ecx), "=d"(*edx) : "a"(leaf), "c"(0)); }
static u32 cycles(void) { u32 low, high; __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)); return low; }
static void on_cpu(void) {
  static const struct { u8 bit; const char *name; } features[] = { { 0, "fpu" }, { 3, "pse" }, { 4, "tsc" }, { 5, "msr" }, { 6, "pae" }, { 8, "cx8" }, { 9, "apic" },
    { 11, "sep" }, { 13, "pge" }, { 15, "cmov" }, { 23, "mmx" }, { 24, "fxsr" }, { 25, "sse" }, { 26, "sse2" } };
  u32 eax, text[5] = { 0 }, edx, flags, other;
  /* CPUID is there where this flag can be changed. */
  __asm__("pushf; pop %0; mov %0, %1; xor $0x200000, %0; push %0; popf; pushf; pop %0" : "=&r"(flags), "=&r"(other));
  if (!((flags ^ other) & 0x200000)) { print("A processor without CPUID.\n"); return; }
  cpuid(0, &eax, &text[0], &text[2], &text[1]);
  print("%s", (char *)text);
  cpuid(1, &eax, &other, &other, &edx);
  print(", family %u, model %u, stepping %u:", eax >> 8 & 15, (eax >> 4 & 15) | (eax >> 12 & 0xf0), eax & 15);
  for (u32 i = 0; i < LENGTH(features); i++) if (edx & 1u << features[i].bit) print(" %s", features[i].name);
  print("\n");
  if (edx & 1 << 4) {
    u32 tick = ticks;
    while (ticks == tick);
    u32 begin = cycles();
    tick = ticks;
    while (ticks - tick < 5);
    print("The time stamp counter counts %u million a second.\n", (cycles() - begin) / (1000000 / TICKS_PER_SECOND * 5));
  }
  print("Interrupts:");
  for (u32 irq = 0; irq < 16; irq++) if (irq_counts[irq]) print(" IRQ %u: %u", irq, irq_counts[irq]);
  print("\n");
}

static void give(const u8 *bytes, u32 count) { for (u32 i = 0; i < count; i++) if (bytes[i] != '\r') print("%c", bytes[i]); }
static void on_cat(void) { say(fat_read(words[0], give)); }
static void on_rm(void) { say(fat_remove(words[0])); }
static void on_write(void) {
  char text[LINE + 1];
  format(text, sizeof text, "%s\n", rest);
  say(fat_write(words[0], (u8 *)text, length(text)));
}

static struct nic *card(const char *name) {
  struct nic *nic = nic_named(name);
  if (!nic) print("%s\n", name ? "There is no such card: net lists them." : "There is no network card.");
  return nic;
}
static void on_dhcp(void) {
  struct nic *nic = card(count ? words[0] : 0);
  if (!nic) return;
  say(dhcp(nic));
  if (nic->ip) print("%s has %u.%u.%u.%u\n", nic->name, nic->ip & 255, nic->ip >> 8 & 255, nic->ip >> 16 & 255, nic->ip >> 24);
}
static int address(const char *word, u32 *ip) {
  const char *end;
  *ip = parse_ip(word, &end);
  if (*ip && !*end) return 1;
  print("'%s' is no address: four numbers with points, as 10.0.2.2.\n", word);
  return 0;
}
static void on_ip(void) {
  u32 ip, mask, gateway = 0;
  struct nic *nic = card(words[0]);
  if (!nic || !address(words[1], &ip) || !address(words[2], &mask) || (count > 3 && !address(words[3], &gateway))) return;
  nic->ip = ip;
  nic->mask = mask;
  nic->gateway = gateway;
}
static void on_ping(void) {
  u32 to;
  struct nic *nic = count > 1 ? card(words[1]) : 0;
  if ((count > 1 && !nic) || !address(words[0], &to)) return;
  say(ping(nic, to, 4));
}

/* Works as long as it is let: what it does shows in `tasks`. */
static void busy(u32 unused) { (void)unused; for (volatile u32 i = 0;; i++); }
static void deeper(u32 depth) {
  volatile u8 room[256];
  room[0] = depth;
  if (depth) deeper(depth - 1);
  room[1] = room[0];
}
static void on_spin(void) {
  int id = task_new("spin", busy, 0);
  if (id < 0) print("There are as many tasks as there can be: kill one.\n");
  else print("Task %d works until kill %d.\n", id, id);
}
static void on_kill(void) {
  if (!task_kill(number(words[0], 0))) print("There is no such task, or it has to stay: tasks lists them.\n");
}
/* In a task of its own: a fault ends that one alone. */
static void peek(u32 where) { print("%08x: %08x\n", where, *(volatile u32 *)where); }
static void poke(u32 where) { *(volatile u32 *)where = 0; print("%08x: 00000000\n", where); }
static void on_peek(void) { task_new("peek", peek, number(words[0], 0)); sleep(2); }
static void on_poke(void) { task_new("poke", poke, number(words[0], 0)); sleep(2); }
static void on_deep(void) { task_new("deep", deeper, 1000); sleep(2); }

static void on_off(void) {
  off();
  sleep(TICKS_PER_SECOND);
  print("This machine has no power switch that pcos knows.\n");
}

static void on_help(void);
static const struct { const char *name, *takes, *does; int least; void (*run)(void); } commands[] = {
  { "help", "", "this list", 0, on_help },
  { "cpu", "", "the processor, its time stamp counter, interrupts", 0, on_cpu },
  { "mem", "", "the map of memory, free frames, paging", 0, print_memory },
  { "pci", "", "what is on the PCI bus", 0, print_pci },
  { "ls", "", "files of the IDE disk", 0, on_ls },
  { "cat", "FILE", "shows one", 1, on_cat },
  { "write", "FILE TEXT", "makes one of a line of text", 2, on_write },
  { "rm", "FILE", "removes one", 1, on_rm },
  { "net", "", "network cards and their addresses", 0, print_nics },
  { "dhcp", "[CARD]", "asks for an address", 0, on_dhcp },
  { "ip", "CARD ADDRESS MASK [GATEWAY]", "gives it one", 3, on_ip },
  { "ping", "ADDRESS [CARD]", "sends four packets and waits for answers", 1, on_ping },
  { "draw", "", "draw with mouse or arrows; space: colour, c: clear, q: back", 0, draw },
  { "tasks", "", "threads, and the ticks that each has had", 0, print_tasks },
  { "spin", "", "one more that only works", 0, on_spin },
  { "kill", "ID", "ends one", 1, on_kill },
  { "peek", "ADDRESS", "reads memory, in a task that a page fault ends", 1, on_peek },
  { "poke", "ADDRESS", "writes there, likewise", 1, on_poke },
  { "deep", "", "a task that uses its stack up", 0, on_deep },
  { "clear", "", "clears the screen", 0, clear_screen },
  { "reboot", "", "starts the machine again", 0, reboot },
  { "off", "", "switches it off", 0, on_off },
};
static void on_help(void) {
  for (u32 i = 0; i < LENGTH(commands); i++) print("%-6s %-27s %s\n", commands[i].name, commands[i].takes, commands[i].does);
}

static void run(char *line) {
  const char *name = 0;
  count = 0;
  fill(words, 0, sizeof words);
  for (char *at = line; count < WORDS;) {
    while (*at == ' ') at++;
    if (!*at) break;
    if (count == 1) rest = before + (at - line);
    if (name) words[count++] = at;
    else name = at;
    while (*at && *at != ' ') at++;
    if (*at) *at++ = 0;
  }
  if (!name) return;
  for (u32 i = 0; i < LENGTH(commands); i++) {
    if (!same(commands[i].name, name)) continue;
    if (count < commands[i].least) print("It is: %s %s\n", commands[i].name, commands[i].takes);
    else commands[i].run();
    return;
  }
  print("There is no command '%s': help lists them.\n", name);
}

void shell(u32 unused) {
  char line[LINE];
  (void)unused;
  for (;;) {
    set_ink(GREEN);
    print("pcos> ");
    set_ink(WHITE);
    read_line(line);
    set_ink(PLAIN);
    run(line);
  }
}
