/*
 * The rest of the PC: CPUID, PCI, ACPI, the real-time clock, and the two ways out.
 * Sources: Intel SDM volume 2 (CPUID); PCI Local Bus 3.0, section 3.2.2.3.2; ACPI 6.3, chapters 4 and 5; MC146818A; PIIX4 datasheet, 7.1.
 */
#include "demo.h"

/* CPUID */

void cpuid(u32 leaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx) {
  __asm__ volatile("cpuid" : "=a"(*eax), "=b"(*ebx), "=c"(*ecx), "=d"(*edx) : "a"(leaf), "c"(0));
}

static u32 features(u32 *ecx) {
  u32 eax, ebx, edx;
  cpuid(1, &eax, &ebx, ecx, &edx);
  return edx;
}

int cpu_has_tsc(void) { u32 ecx; return features(&ecx) >> 4 & 1; }
int cpu_has_pse(void) { u32 ecx; return features(&ecx) >> 3 & 1; }

static void letters(char *into, u32 word) {
  for (u32 i = 0; i < 4; i++) into[i] = word >> i * 8;
}

/* The brand string, or the vendor where there is none. */
void cpu_name(char *name) {
  u32 r[4], highest;
  cpuid(0x80000000, &highest, &r[1], &r[2], &r[3]);
  if (highest >= 0x80000004 && highest < 0x80001000) {
    for (u32 leaf = 0; leaf < 3; leaf++) {
      cpuid(0x80000002 + leaf, &r[0], &r[1], &r[2], &r[3]);
      for (u32 i = 0; i < 4; i++) letters(name + leaf * 16 + i * 4, r[i]);
    }
    name[48] = 0;
  } else {
    cpuid(0, &r[0], &r[1], &r[2], &r[3]);
    letters(name, r[1]);
    letters(name + 4, r[3]);
    letters(name + 8, r[2]);
    name[12] = 0;
  }
  char *from = name;
  while (*from == ' ') from++;
  while ((*name++ = *from++)) continue;
}

void show_cpuid(void) {
  static const char *const edx_names[32] = {"fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", 0, "sep", "mtrr", "pge", "mca", "cmov",
                                            "pat", "pse36", "psn", "clfsh", 0, "ds", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "htt", "tm", 0, "pbe"};
  static const char *const ecx_names[32] = {"sse3", "pclmulqdq", "dtes64", "monitor", "ds-cpl", "vmx", "smx", "est", "tm2", "ssse3", "cnxt-id", 0, "fma",
                                            "cx16", "xtpr", "pdcm", 0, "pcid", "dca", "sse4.1", "sse4.2", "x2apic", "movbe", "popcnt", "tsc-deadline",
                                            "aes", "xsave", "osxsave", "avx", "f16c", "rdrand", "hypervisor"};
  char name[52], text[16] = {0};
  u32 eax, ebx, ecx, edx, highest;
  cpuid(0, &highest, &ebx, &ecx, &edx);
  letters(text, ebx);
  letters(text + 4, edx);
  letters(text + 8, ecx);
  cpu_name(name);
  print("  vendor    %s (leaves 0 to %u)\n", text, highest);
  print("  name      %s\n", name);
  cpuid(1, &eax, &ebx, &ecx, &edx);
  u32 family = eax >> 8 & 15, model = eax >> 4 & 15;
  if (family == 6 || family == 15) model |= eax >> 12 & 0xf0;
  if (family == 15) family += eax >> 20 & 255;
  print("  identity  family %u, model %u, stepping %u\n  features ", family, model, eax & 15);
  for (u32 bit = 0, width = 11; bit < 64; bit++) {
    const char *feature = bit < 32 ? edx_names[bit] : ecx_names[bit - 32];
    if (!((bit < 32 ? edx >> bit : ecx >> (bit - 32)) & 1) || !feature) continue;
    u32 length = 0;
    while (feature[length]) length++;
    if (width + length + 1 > 78) {
      print("\n           ");
      width = 11;
    }
    width += length + 1;
    print(" %s", feature);
  }
  print("\n");
  if (ecx >> 31) {
    cpuid(0x40000000, &highest, &ebx, &ecx, &edx);
    letters(text, ebx);
    letters(text + 4, ecx);
    letters(text + 8, edx);
    print("  hypervisor says \"%s\" (leaves 40000000 to %x)\n", text, highest);
  } else print("  hypervisor none shown (bit 31 of ECX in leaf 1 is 0), as on a real PC\n");
}

/* PCI */

static u32 pci_read(u32 bus, u32 device, u32 function, u32 offset) {
  out32(0xcf8, 0x80000000 | bus << 16 | device << 11 | function << 8 | (offset & 0xfc));
  return in32(0xcfc);
}

static const char *class_name(u32 class) {
  static const struct { u16 class; const char *name; } known[] = {
      {0x0100, "SCSI controller"}, {0x0101, "IDE controller"}, {0x0106, "SATA controller"}, {0x0108, "NVMe controller"}, {0x0180, "storage"},
      {0x0200, "Ethernet"}, {0x0300, "VGA"}, {0x0380, "display"}, {0x0401, "audio"}, {0x0500, "memory"}, {0x0600, "host bridge"},
      {0x0601, "ISA bridge"}, {0x0604, "PCI bridge"}, {0x0680, "bridge"}, {0x0780, "communication"}, {0x0880, "system"}, {0x0c03, "USB"},
      {0x0c05, "SMBus"}, {0xff80, "Xen platform"}};
  for (u32 i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].class == class) return known[i].name;
  return "other";
}

static void show_function(u32 bus, u32 device, u32 function) {
  u32 id = pci_read(bus, device, function, 0), class = pci_read(bus, device, function, 8) >> 16;
  u32 interrupt = pci_read(bus, device, function, 0x3c), header = pci_read(bus, device, function, 0xc) >> 16 & 0x7f;
  print("  %02x:%02x.%u  %04x:%04x  class %04x %s", bus, device, function, id & 0xffff, id >> 16, class, class_name(class));
  if (interrupt >> 8 & 0xff) print(", INT%c on IRQ %u", 'A' - 1 + (interrupt >> 8 & 7), interrupt & 0xff);
  print("\n");
  for (u32 bar = 0; bar < (header == 0 ? 6 : header == 1 ? 2 : 0); bar++) {
    u32 value = pci_read(bus, device, function, 0x10 + bar * 4);
    if (!(value & ~15u)) continue;
    if (value & 1) print("           BAR%u: ports from %04x\n", bar, value & ~3u);
    else print("           BAR%u: memory at %08x%s\n", bar, value & ~15u, value & 8 ? ", prefetchable" : "");
    if ((value & 7) == 4) bar++; /* a 64-bit address takes two */
  }
}

void show_pci(void) {
  u32 found = 0;
  for (u32 bus = 0; bus < 256; bus++) {
    for (u32 device = 0; device < 32; device++) {
      if ((pci_read(bus, device, 0, 0) & 0xffff) == 0xffff) continue;
      u32 functions = pci_read(bus, device, 0, 0xc) >> 16 & 0x80 ? 8 : 1;
      for (u32 function = 0; function < functions; function++) {
        if ((pci_read(bus, device, function, 0) & 0xffff) == 0xffff) continue;
        show_function(bus, device, function);
        found++;
      }
    }
    if (bus == 0 && !found) break;
    /* Buses beyond 0 lie behind bridges; without one there is nothing to look for. */
    if (bus == 0) {
      u32 bridge = 0;
      for (u32 device = 0; device < 32; device++) bridge |= (pci_read(0, device, 0, 0xc) >> 16 & 0x7f) == 1;
      if (!bridge) break;
    }
  }
  if (found) print("%u functions, read through ports cf8 and cfc.\n", found);
  else print("No PCI bus answers at ports cf8 and cfc.\n");
}

/* ACPI */

struct __attribute__((packed)) table { char signature[4]; u32 length; u8 revision, checksum; char oem[6], oem_table[8]; u32 oem_revision; char creator[4]; u32 creator_revision; };

static const u8 *rsdp;
static const struct table *fadt;

static int sums_to_zero(const void *bytes, u32 length) {
  u8 sum = 0;
  while (length--) sum += ((const u8 *)bytes)[length];
  return sum == 0;
}

static const u8 *scan_rsdp(word from, word to) {
  for (; from < to; from += 16)
    if (starts((const char *)from, "RSD PTR ") && sums_to_zero((const void *)from, 20)) return (const u8 *)from;
  return 0;
}

static u32 word_at(const void *base, u32 offset) {
  u32 value;
  __builtin_memcpy(&value, (const u8 *)base + offset, 4);
  return value;
}

/* The nth table of the RSDT, 0 when there is none or its sum is wrong. */
static const struct table *acpi_table(u32 n) {
  const struct table *rsdt = rsdp ? (const struct table *)(word)word_at(rsdp, 16) : 0;
  if (!rsdt || !starts(rsdt->signature, "RSDT") || !sums_to_zero(rsdt, rsdt->length) || n >= (rsdt->length - 36) / 4) return 0;
  return (const struct table *)(word)word_at(rsdt, 36 + n * 4);
}

/* Before paging starts: the first page, which holds the EBDA's address, is taken away then. */
void hardware_start(void) {
  volatile u16 *ebda = (volatile u16 *)0x40e;
  __asm__("" : "+r"(ebda)); /* the compiler thinks that nothing lies that low */
  u32 start = *ebda << 4;
  if (start >= 0x80000 && start < 0xa0000) rsdp = scan_rsdp(start, start + 1024);
  if (!rsdp) rsdp = scan_rsdp(0xe0000, 0x100000);
  for (u32 n = 0; acpi_table(n); n++)
    if (starts(acpi_table(n)->signature, "FACP")) fadt = acpi_table(n);
}

static void show_table(const struct table *table) {
  print("  %c%c%c%c at %08x, %u bytes, by \"", table->signature[0], table->signature[1], table->signature[2], table->signature[3], (u32)(word)table, table->length);
  for (u32 i = 0; i < 6 && table->oem[i]; i++) put(table->oem[i]);
  print("\"%s\n", sums_to_zero(table, table->length) ? "" : ", with a WRONG sum");
}

void show_acpi(void) {
  if (!rsdp) {
    print("No ACPI root pointer in the EBDA or between e0000 and fffff.\n");
    return;
  }
  print("  RSDP at %08x, revision %u\n", (u32)(word)rsdp, rsdp[15]);
  for (u32 n = 0; acpi_table(n); n++) show_table(acpi_table(n));
  if (!fadt) return;
  show_table((const struct table *)(word)word_at(fadt, 40));
  print("Ports: PM1a control %x, power management timer %x. SCI is IRQ %u.\n", word_at(fadt, 64) & 0xffff, word_at(fadt, 76) & 0xffff,
        word_at(fadt, 46) & 0xffff);
}

/* The sleep type of S5 from the DSDT: Name (_S5, Package () { type, ... }); -1 when it is not there. */
static int s5_type(void) {
  const struct table *dsdt = (const struct table *)(word)word_at(fadt, 40);
  const u8 *at = (const u8 *)dsdt + 36, *end = (const u8 *)dsdt + dsdt->length - 12;
  for (; at < end; at++) {
    if (!starts((const char *)at, "_S5_") || at[4] != 0x12) continue;
    at += 5;
    at += 1 + (*at >> 6) + 1; /* package length, number of elements */
    return *at == 0x0a ? at[1] : *at; /* BytePrefix, or ZeroOp, OneOp */
  }
  return -1;
}

static void enter_s5(u32 port, u32 type) {
  print("Writing sleep type %u and the enable bit to port %x. Goodbye.\n", type, port);
  out16(port, type << 10 | 1 << 13);
  for (u32 start = ticks; ticks - start < TICKS_PER_SECOND / 2;) wait_for_interrupt();
}

void power_off(void) {
  if (fadt) {
    u32 port = word_at(fadt, 64) & 0xffff, command = word_at(fadt, 48) & 0xffff;
    int type = s5_type();
    if (port && type >= 0) {
      if (!(in16(port) & 1) && command) { /* SCI_EN: the firmware still owns power management */
        out8(command, ((const u8 *)fadt)[52]);
        for (u32 start = ticks; !(in16(port) & 1) && ticks - start < TICKS_PER_SECOND;) wait_for_interrupt();
      }
      enter_s5(port, type);
    }
  }
  for (u32 device = 0; device < 32; device++) {
    for (u32 function = 0; function < 8; function++) {
      if (pci_read(0, device, function, 0) != 0x71138086) continue; /* PIIX4 */
      u32 base = pci_read(0, device, function, 0x40) & 0xffc0;
      if (base) enter_s5(base + 4, 0);
    }
  }
  print("Still here: neither ACPI's tables nor a PIIX4 led to a power switch.\n");
}

void reboot(void) {
  print("Pulsing the reset line through the keyboard controller.\n");
  out8(0x64, 0xfe);
  for (u32 start = ticks; ticks - start < TICKS_PER_SECOND / 2;) wait_for_interrupt();
  out8(0xcf9, 6); /* PIIX3's reset control register */
  for (u32 start = ticks; ticks - start < TICKS_PER_SECOND / 2;) wait_for_interrupt();
  triple_fault();
}

/* Real-time clock */

static u8 cmos(u8 index) {
  out8(0x70, index);
  return in8(0x71);
}

void show_date(void) {
  static const u8 registers[] = {0, 2, 4, 7, 8, 9}; /* second, minute, hour, day, month, year */
  u8 value[6], again[6];
  u32 differ, tries = 0;
  /* Read until two readings agree: the clock may be ticking over. */
  do {
    for (u32 start = 0; start < 20000 && cmos(0x0a) & 0x80; start++) continue;
    for (u32 i = 0; i < 6; i++) value[i] = cmos(registers[i]);
    differ = 0;
    for (u32 i = 0; i < 6; i++) differ |= (again[i] = cmos(registers[i])) != value[i];
  } while (differ && ++tries < 10);
  u8 mode = cmos(0x0b), afternoon = value[2] & 0x80;
  value[2] &= 0x7f;
  if (!(mode & 4)) for (u32 i = 0; i < 6; i++) value[i] = (value[i] >> 4) * 10 + (value[i] & 15);
  if (!(mode & 2)) value[2] = value[2] % 12 + (afternoon ? 12 : 0);
  print("The real-time clock says 20%02u-%02u-%02u %02u:%02u:%02u.\n", value[5], value[4], value[3], value[2], value[1], value[0]);
}
