/* The monitor: one line in, one command run. */
#include "demo.h"

void spin_rounds(u32 count);
extern char text_start[], kernel_end[];

static const struct multiboot *boot;

/* Stops a long command; the key is used up. */
static int stopped(void) {
  if (!key_pressed()) return 0;
  read_key();
  return 1;
}

static u32 number(const char *text, u32 otherwise) {
  u32 value = 0;
  if (*text < '0' || *text > '9') return otherwise;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + *text - '0';
  return value;
}

/* "12.3 million" */
static void print_millions(u64 value) {
  u32 rest;
  u64 tenths = divide(value, 100000, 0);
  u64 whole = divide(tenths, 10, &rest);
  print("%llu.%u million", whole, rest);
}

static u64 usable_memory(void) {
  u64 total = 0;
  if (!(boot->flags & 1 << 6)) return (u64)(boot->mem_lower + boot->mem_upper) << 10;
  for (word at = boot->mmap_addr; at < boot->mmap_addr + boot->mmap_length; at += *(u32 *)at + 4)
    if (*(u32 *)(at + 20) == 1) total += *(u64 *)(at + 12);
  return total;
}

static void command_mem(const char *rest) {
  static const char *const types[] = {"?", "usable", "reserved", "ACPI tables", "ACPI saved", "bad"};
  (void)rest;
  if (boot->flags & 1 << 6) {
    print("The memory map that the boot loader handed over (as INT 15h, E820 gives it):\n");
    for (word at = boot->mmap_addr; at < boot->mmap_addr + boot->mmap_length; at += *(u32 *)at + 4) {
      u64 base = *(u64 *)(at + 4), length = *(u64 *)(at + 12);
      u32 type = *(u32 *)(at + 20);
      print("  %010llx - %010llx  %8llu KiB  %s\n", base, base + length - 1, length >> 10, type < 6 ? types[type] : "?");
    }
  }
  print("%llu MiB usable. This program lies from %lx to %lx.\n", usable_memory() >> 20, (word)text_start, (word)kernel_end - 1);
  if (boot->flags & 1 << 9) print("Loaded by: %s\n", (const char *)(word)boot->boot_loader_name);
  if (boot->flags & 1 << 2) print("Command line: \"%s\"\n", (const char *)(word)boot->cmdline);
  for (u32 i = 0; boot->flags & 1 << 3 && i < boot->mods_count; i++) {
    const struct module *module = (const struct module *)(word)boot->mods_addr + i;
    print("Module %u: %08x - %08x \"%s\"\n", i, module->start, module->end - 1, module->string ? (const char *)(word)module->string : "");
  }
}

static void command_timer(const char *rest) {
  (void)rest;
  print("The 8254 counts down at 1.193182 MHz. Every 11931st count it raises IRQ 0:\n%d times a second.\n", TICKS_PER_SECOND);
  print("Interrupts so far: timer %u, keyboard %u, serial line %u.\n", interrupts[0], interrupts[1], interrupts[4]);
  if (!cpu_has_tsc()) return;
  u32 start = ticks;
  while (ticks == start) wait_for_interrupt();
  start = ticks;
  u64 before = rdtsc();
  while (ticks - start < TICKS_PER_SECOND) wait_for_interrupt();
  print("While %d of them came, the time stamp counter went on by ", TICKS_PER_SECOND);
  print_millions(rdtsc() - before);
  print(".\n");
}

static void print_flags(const char *name, word value, const char *const *names, u32 count) {
  print("  %s " WORD " ", name, value);
  for (u32 bit = 0; bit < count; bit++)
    if (value >> bit & 1 && names[bit]) print(" %s", names[bit]);
  print("\n");
}

static void command_regs(const char *rest) {
  static const char *const flag_bits[] = {"CF", 0, "PF", 0, "AF", 0, "ZF", "SF", "TF", "IF", "DF", "OF"};
  static const char *const cr0_bits[] = {"PE", "MP", "EM", "TS", "ET", "NE", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "WP", 0, "AM", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "NW", "CD", "PG"};
  static const char *const cr4_bits[] = {"VME", "PVI", "TSD", "DE", "PSE", "PAE", "MCE", "PGE", "PCE", "OSFXSR", "OSXMMEXCPT"};
  struct table_register gdtr, idtr;
  word flags, cr0, cr2, cr3, cr4 = 0, sp, bp;
  u16 cs, ds, es, fs, gs, ss, tr;
  (void)rest;
  __asm__ volatile("pushf; pop %0" : "=r"(flags));
  __asm__ volatile("mov %%cr0, %0; mov %%cr2, %1; mov %%cr3, %2" : "=r"(cr0), "=r"(cr2), "=r"(cr3));
  __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
#ifdef __x86_64__
  static const char *const efer_bits[] = {"SCE", 0, 0, 0, 0, 0, 0, 0, "LME", 0, "LMA", "NXE"};
  u32 efer, high;
  __asm__ volatile("rdmsr" : "=a"(efer), "=d"(high) : "c"(0xc0000080));
  __asm__ volatile("mov %%rsp, %0; mov %%rbp, %1" : "=r"(sp), "=r"(bp));
#else
  __asm__ volatile("mov %%esp, %0; mov %%ebp, %1" : "=r"(sp), "=r"(bp));
#endif
  __asm__ volatile("mov %%cs, %0; mov %%ds, %1; mov %%es, %2" : "=r"(cs), "=r"(ds), "=r"(es));
  __asm__ volatile("mov %%fs, %0; mov %%gs, %1; mov %%ss, %2; str %3" : "=r"(fs), "=r"(gs), "=r"(ss), "=r"(tr));
  __asm__ volatile("sgdt %0; sidt %1" : "=m"(gdtr), "=m"(idtr));
  print_flags(R "FLAGS", flags, flag_bits, 12);
  print_flags("CR0   ", cr0, cr0_bits, 32);
  print("  CR2    " WORD "  the last address that a page fault was about\n", cr2);
  print("  CR3    " WORD "  where the page %s is\n", cr3, sizeof(word) == 8 ? "map of level 4" : "directory");
  print_flags("CR4   ", cr4, cr4_bits, 11);
#ifdef __x86_64__
  print_flags("EFER  ", efer, efer_bits, 12);
#endif
  print("  GDTR   " WORD "  limit %04x\n  IDTR   " WORD "  limit %04x\n", gdtr.base, gdtr.limit, idtr.base, idtr.limit);
  print("  CS %04x (ring %u)  SS %04x  DS %04x  ES %04x  FS %04x  GS %04x  TR %04x\n", cs, cs & 3, ss, ds, es, fs, gs, tr);
  print("  " R "SP " WORD "  " R "BP " WORD "\n", sp, bp);
}

/* For the fault that it causes. */
static void read_word(word address) {
  word value;
  __asm__ volatile("mov (%1), %0" : "=r"(value) : "r"(address));
}

static void command_fault(const char *kind) {
  if (same(kind, "divide")) {
    print("DIV by zero:\n");
    __asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx" ::: "eax", "ecx", "edx");
  } else if (same(kind, "null") || same(kind, "write")) {
    if (!paging_is_on()) print("This processor has no 4-MiB pages, so paging is off here and nothing would fault.\n");
    else if (*kind == 'n') {
      print("Reading address 0, which is in no page:\n");
      read_word(0);
    } else {
      print("Writing over the program itself, whose pages are read-only:\n");
      __asm__ volatile("movl $0, (%0)" ::"r"(text_start) : "memory");
    }
#ifdef __x86_64__
  } else if (same(kind, "canonical")) {
    print("Reading an address whose upper 16 bits do not repeat bit 47:\n");
    read_word(0x8000ul << 32);
#endif
  } else if (same(kind, "opcode")) {
    print("Executing UD2, which is defined to be undefined:\n");
    __asm__ volatile("ud2");
  } else if (same(kind, "segment")) {
    print("Loading FS with a selector beyond the end of the GDT:\n");
    __asm__ volatile("mov %0, %%fs" ::"r"(0x1238));
  } else if (same(kind, "breakpoint")) {
    print("INT3:\n");
    __asm__ volatile("int3");
    print("The program went on behind it.\n");
  } else if (same(kind, "ring3")) {
    if (!paging_is_on()) print("This processor has no 4-MiB pages, so there are no pages of ring 3 here.\n");
    else {
      print("Going to ring 3; the code there tries CLI, which only ring 0 may do:\n");
      ring3();
    }
  } else if (same(kind, "triple")) {
    print("Throwing the IDT away, then INT3: #BP, #GP, #DF, and the processor shuts down.\nA PC resets.\n");
    triple_fault();
  } else {
    print("fault divide      #DE, a division by zero\n");
    print("fault null        #PF, a read through a null pointer\n");
    print("fault write       #PF, a write to a read-only page\n");
#ifdef __x86_64__
    print("fault canonical   #GP, an address beyond the 48 bits that there are\n");
#endif
    print("fault opcode      #UD, an undefined instruction\n");
    print("fault segment     #GP, a bad segment selector\n");
    print("fault ring3       #GP, a privileged instruction in ring 3\n");
    print("fault breakpoint  #BP, a trap that the program continues after\n");
    print("fault triple      three at once: nobody is left to catch it, the machine resets\n");
  }
}

static void command_spin(const char *rest) {
  u32 seconds = number(rest, 5), rounds = 200000;
  print("Counting down for %u seconds in a loop of two instructions; any key stops.\n", seconds);
  for (u32 second = 1; second <= seconds; second++) {
    u32 start = ticks;
    u64 done = 0;
    while (ticks - start < TICKS_PER_SECOND) {
      spin_rounds(rounds);
      done += rounds;
    }
    u64 instructions = divide(2 * done * TICKS_PER_SECOND, ticks - start, 0);
    print("  second %u: ", second);
    print_millions(instructions);
    print(" instructions a second\n");
    if (stopped()) return;
  }
}

static void command_exits(const char *rest) {
  u32 count = number(rest, 500000);
  print("Reading port 61h %u times; any key stops.\n", count);
  print("Each read leaves the processor for the machine around it.\n");
  u32 start = ticks;
  while (ticks == start) wait_for_interrupt();
  start = ticks;
  u32 done = 0;
  while (done < count) {
    in8(0x61);
    if (++done % 1000 == 0 && stopped()) break;
  }
  u32 elapsed = ticks - start;
  print("  %u reads in ", done);
  if (elapsed == 0) print("less than 10 ms\n");
  else print("%u ms: about %u a second\n", elapsed * (1000 / TICKS_PER_SECOND), (u32)divide((u64)done * TICKS_PER_SECOND, elapsed, 0));
}

static void command_idle(const char *rest) {
  u32 seconds = number(rest, 3), start = ticks, before = interrupts[0] + interrupts[1] + interrupts[4], wakes = 0;
  print("HLT for %u seconds: only interrupts wake the processor; any key stops.\n", seconds);
  while (ticks - start < seconds * TICKS_PER_SECOND && !key_pressed()) {
    wait_for_interrupt();
    wakes++;
  }
  stopped();
  print("  woken %u times by %u interrupts\n", wakes, interrupts[0] + interrupts[1] + interrupts[4] - before);
}

static void command_help(const char *rest);
static void command_cpuid(const char *rest) { (void)rest; show_cpuid(); }
static void command_pci(const char *rest) { (void)rest; show_pci(); }
static void command_acpi(const char *rest) { (void)rest; show_acpi(); }
static void command_date(const char *rest) { (void)rest; show_date(); }
static void command_clear(const char *rest) { (void)rest; clear_screen(); }
static void command_reboot(const char *rest) { (void)rest; reboot(); }
static void command_poweroff(const char *rest) { (void)rest; power_off(); }
static void command_echo(const char *rest) { print("%s\n", rest); }

static const struct { const char *name; void (*run)(const char *rest); const char *about; } commands[] = {
    {"help", command_help, "this list"},
    {"mem", command_mem, "the memory map, and what the boot loader said"},
    {"cpuid", command_cpuid, "who the processor says it is, and what it can do"},
    {"regs", command_regs, "control registers, flags, descriptor tables"},
    {"timer", command_timer, "timer interrupts, and how fast the time stamp counter runs"},
    {"date", command_date, "the real-time clock"},
    {"pci", command_pci, "devices on the PCI bus"},
    {"acpi", command_acpi, "the firmware's tables"},
    {"fault", command_fault, "[KIND] provoke an exception and see it caught; alone: the kinds"},
    {"spin", command_spin, "[SECONDS] keep the processor busy: watch the instruction rate"},
    {"exits", command_exits, "[COUNT] a burst of port reads: watch the exits by reason"},
    {"idle", command_idle, "[SECONDS] sleep with HLT: watch the processor time fall"},
    {"echo", command_echo, "[TEXT] say it again"},
    {"clear", command_clear, "empty the screen"},
    {"reboot", command_reboot, "reset the machine"},
    {"poweroff", command_poweroff, "switch it off through ACPI"},
};

static void command_help(const char *rest) {
  (void)rest;
  for (u32 i = 0; i < sizeof commands / sizeof *commands; i++) print("  %-9s %s\n", commands[i].name, commands[i].about);
}

/* `line` is taken apart. */
static void run(char *line) {
  while (*line == ' ') line++;
  char *rest = line, *end = line;
  while (*end) end++;
  while (end > line && end[-1] == ' ') *--end = 0;
  while (*rest && *rest != ' ') rest++;
  if (*rest) *rest++ = 0;
  while (*rest == ' ') rest++;
  if (!*line) return;
  for (u32 i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (!same(line, commands[i].name)) continue;
    commands[i].run(rest);
    return;
  }
  print("There is no command %s. help lists them.\n", line);
}

/* run=COMMAND;COMMAND... on the command line, to its end: for scripts and tests. */
static void run_from_command_line(void) {
  static char text[256];
  static char *next;
  if (!next) {
    if (!(boot->flags & 1 << 2)) return;
    const char *from = (const char *)(word)boot->cmdline;
    while (*from && !starts(from, "run=")) from++;
    if (!*from) return;
    u32 length = 0;
    for (from += 4; *from && length < sizeof text - 1; from++) text[length++] = *from;
    next = text;
  }
  while (*next) {
    char *command = next;
    while (*next && *next != ';') next++;
    if (*next) *next++ = 0;
    print("demo> %s\n", command);
    run(command);
  }
}

static void welcome(void) {
  char name[52];
  cpu_name(name);
  colour(BRIGHT);
  print("Welcome. You are at a computer that consists of software.\n");
  colour(TEXT);
  print("This program was written for Ringside and has the machine to itself, without an\n");
  print("operating system. What it shows it reads from processor, chips and tables.\n\n");
  print("  processor   %s\n", name);
  print("  memory      %llu MiB usable\n", usable_memory() >> 20);
  print("  timer       8254 at %d interrupts a second (the clock above runs on it)\n", TICKS_PER_SECOND);
  print("  console     VGA text%s%s\n\n", has_serial() ? ", COM1 at 115200" : ", no COM1", has_keyboard() ? ", PS/2 keyboard" : ", no keyboard");
  print("Type ");
  colour(BRIGHT);
  print("help");
  colour(TEXT);
  print(" for what it can do, here or on the serial line.\nBegin with mem, fault or spin.\n");
}

void kernel_main(u32 magic, const struct multiboot *information) {
  static char line[128];
  console_start();
  if (magic != 0x2badb002) {
    print("The boot loader is not multiboot: EAX is %08x, not 2badb002. Stopped.\n", magic);
    return;
  }
  boot = information;
  hardware_start();
  machine_start();
  welcome();
  /* An exception comes back here; the interrupt gate had switched interrupts off. */
  save_context(&monitor_context);
  __asm__ volatile("sti");
  colour(TEXT);
  run_from_command_line();
  for (;;) {
    colour(CYAN);
    print("demo> ");
    colour(TEXT);
    read_line(line, sizeof line);
    run(line);
  }
}
