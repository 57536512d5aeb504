/*
 * Processors: their local APICs and memory types, and the table by which systems without ACPI find them and route interrupts through the I/O APIC.
 * Sources: Intel SDM vol. 3, 9.4.4 (start-up of the others), 11.4.7.1 (local APIC after reset), 11.5.1 (LVT), 11.6.1 (interrupt command), 11.9 (spurious vector);
 * MultiProcessor Specification 1.4, 3.6.2.1 (virtual wire mode), 4 (tables). QEMU documentation, fw_cfg (number of processors).
 */
#include <cpuid.h>
#include "pci.h"

#define LOCAL_APIC 0xfee00000
#define IO_APIC 0xfec00000
#define APIC_FEATURE (1 << 9)
#define VERSION 0x30
#define SPURIOUS 0xf0
#define INTERRUPT_COMMAND 0x300
#define LINT0 0x350
#define LINT1 0x360
#define ALL_BUT_SELF_INIT 0x000c4500
#define ALL_BUT_SELF_START 0x000c46fe
#define CONFIG_PROCESSORS 5
#define WAKING_MS 500
/* The table: behind the fonts. */
#define TABLE_SEGMENT 0xe400

void set_memory_types(void);
extern volatile u16 processors_awake;
extern u8 processor_ids[MOST_PROCESSORS];

/* In a register: the assembler cuts constant addresses in 16-bit code to 16 bits. */
static u32 apic(u32 at) {
  __asm__("" : "+r"(at));
  return LOCAL_APIC + at;
}

static void wake_others(u16 processors) {
  if (processors < 2) return;
  poke32(0, apic(INTERRUPT_COMMAND), ALL_BUT_SELF_INIT);
  wait_us(10000);
  poke32(0, apic(INTERRUPT_COMMAND), ALL_BUT_SELF_START);
  struct limit limit = limit_ms(WAKING_MS);
  while (processors_awake + 1 < processors && !expired(&limit)) {
  }
}

enum { PROCESSOR, BUS, IO_APIC_ENTRY, INTERRUPT, LOCAL_INTERRUPT };
enum { VECTORED, NMI, EXTERNAL = 3 };
enum { PCI_BUS, ISA_BUS };
#define ACTIVE_HIGH 1
#define ALL_APICS 0xff
static struct {
  char signature[4];
  u16 bytes;
  u8 revision, checksum;
  char names[20]; /* maker 8, product 12 */
  u32 maker_table;
  u16 maker_bytes, entries;
  u32 local_apic;
  u16 more_bytes;
  u8 more_checksum, reserved;
} __attribute__((packed)) header;
static u8 sum;

static void add(const void *bytes, u8 count) {
  const u8 *from = bytes;
  copy_out(TABLE_SEGMENT, header.bytes, from, count);
  header.bytes += count;
  while (count--) sum += *from++;
}

static void add_entry(const void *bytes, u8 count) {
  header.entries++;
  add(bytes, count);
}

static void add_interrupt(u8 entry, u8 type, u8 flags, u8 bus, u8 source, u8 apic_id, u8 pin) {
  const u8 bytes[] = { entry, type, flags, 0, bus, source, apic_id, pin };
  add_entry(bytes, sizeof bytes);
}

static void add_processor(u8 id, u8 first, u32 signature, u32 features) {
  const struct { u8 entry, id, version, flags; u32 signature, features, reserved[2]; } processor = {
    PROCESSOR, id, peek8(0, apic(VERSION)), first ? 3 : 1, signature, features, { 0, 0 },
  };
  add_entry(&processor, sizeof processor);
}

static void add_bus(u8 id, const char *name) {
  u8 bytes[] = { BUS, id, ' ', ' ', ' ', ' ', ' ', ' ' };
  for (u8 i = 0; i < 3; i++) bytes[2 + i] = name[i];
  add_entry(bytes, sizeof bytes);
}

static void describe(u32 signature, u32 own_id, u32 features) {
  header.bytes = sizeof header;
  add_processor(own_id, 1, signature, features);
  for (u16 i = 0; i < processors_awake; i++) add_processor(processor_ids[i], 0, signature, features);
  add_bus(PCI_BUS, "PCI");
  add_bus(ISA_BUS, "ISA");
  const struct { u8 entry, id, version, flags; u32 address; } io_apic = { IO_APIC_ENTRY, 0, 0x11, 1, IO_APIC };
  add_entry(&io_apic, sizeof io_apic);
  /* PCI's links lead to the pins of their ISA interrupts; the timer is at pin 2. */
  u16 taken = 1 << 2, last_source = 0xffff;
  for (u16 bdf = pci_next(-1); bdf != NO_FUNCTION; bdf = pci_next(bdf)) {
    u16 pin = pci_read(bdf, INTERRUPT_LINE), line = pin & 15, source = (bdf >> 3) << 2 | ((pin >> 8) - 1);
    if (pin >> 8 == 0 || source == last_source) continue;
    last_source = source;
    taken |= 1 << line;
    add_interrupt(INTERRUPT, VECTORED, ACTIVE_HIGH, PCI_BUS, source, 0, line);
  }
  for (u8 i = 0; i < 16; i++)
    if (!(taken & 1 << i)) add_interrupt(INTERRUPT, VECTORED, 0, ISA_BUS, i, 0, i ? i : 2);
  add_interrupt(LOCAL_INTERRUPT, EXTERNAL, 0, ISA_BUS, 0, ALL_APICS, 0);
  add_interrupt(LOCAL_INTERRUPT, NMI, 0, ISA_BUS, 0, ALL_APICS, 1);

  static const char text[] = "PCMPRINGSIDEPC          ";
  for (u8 i = 0; i < 4; i++) header.signature[i] = text[i];
  for (u8 i = 0; i < 20; i++) header.names[i] = text[4 + i];
  header.revision = 4;
  header.local_apic = LOCAL_APIC;
  for (u16 i = 0; i < sizeof header; i++) sum += ((u8 *)&header)[i];
  header.checksum = -sum;
  copy_out(TABLE_SEGMENT, 0, &header, sizeof header);

  /* The signature is written here in two parts, as others do (firmware-tables.c). */
  static u8 pointer[16] = { 0, 'M', 'P', '_', 0, TABLE_SEGMENT >> 4 & 0xff, TABLE_SEGMENT >> 12, 0, 1, 4 };
  pointer[0] = '_';
  sum = 0;
  for (u8 i = 0; i < sizeof pointer; i++) sum += pointer[i];
  pointer[10] = -sum;
  place_root(pointer, sizeof pointer);
}

int set_up_processor(void) {
  unsigned signature, id, c, features;
  if (!__get_cpuid(1, &signature, &id, &c, &features) || !(features & APIC_FEATURE)) return 0;
  open_flat_memory();
  /* Virtual wire mode: the 8259A's requests come through LINT0 of this processor's local APIC, NMI through LINT1. After RESET both are masked. */
  poke32(0, apic(SPURIOUS), 0x1ff);
  poke32(0, apic(LINT0), 0x0700);
  poke32(0, apic(LINT1), 0x0400);
  if (!on_xen) set_memory_types();
  return 1;
}

void set_up_processors(void) {
  unsigned signature, id, c, features;
  if (!set_up_processor() || on_xen) return;
  wake_others(config_number(CONFIG_PROCESSORS));
  __cpuid(1, signature, id, c, features);
  describe(signature, id >> 24, features);
}
