/*
 * PCI: where devices and their interrupts are, and INT 1Ah, AH = B1h.
 * Sources: PCI Local Bus Specification 2.1, 3.2.2.3.2 and 6.2; PCI BIOS Specification 2.1; 82371SB (PIIX3) and 82371AB (PIIX4) datasheets.
 */
#include "bios.h"

#define ADDRESS 0xcf8
#define DATA 0xcfc
#define VENDOR 0x00
#define COMMAND 0x04
#define CLASS 0x0a
#define HEADER 0x0e
#define BAR0 0x10
#define ROM 0x30
#define INTERRUPT_LINE 0x3c
#define INTERRUPT_PIN 0x3d
#define NO_FUNCTION 0xffff
/* Where BARs go: ports above all that ISA devices have, memory above all RAM that may lie below 4 GiB, below the I/O APIC. */
#define FIRST_PORT 0xc000
#define FIRST_ADDRESS 0xe0000000
#define END_ADDRESS 0xfec00000
#define PM_BASE 0x600
#define SMBUS_BASE 0x700

u32 pci_read(u16 bdf, u8 at) {
  out32(ADDRESS, 0x80000000 | (u32)bdf << 8 | (at & 0xfc));
  return in32(DATA) >> (8 * (at & 3));
}

void pci_write(u16 bdf, u8 at, u32 value, u8 bytes) {
  out32(ADDRESS, 0x80000000 | (u32)bdf << 8 | (at & 0xfc));
  u16 port = DATA + (at & 3);
  if (bytes == 1) out8(port, value);
  else if (bytes == 2) out16(port, value);
  else out32(port, value);
}

/* The next function after `bdf` on bus 0 (start with -1); NO_FUNCTION: none. */
static u16 next_function(u16 bdf) {
  while (++bdf < 0x100) {
    if ((u16)pci_read(bdf, VENDOR) != 0xffff) {
      return bdf;
    }
    /* Without function 0 the slot is empty. */
    if ((bdf & 7) == 0) bdf += 7;
  }
  return NO_FUNCTION;
}

/* A slot of one function may answer for all eight. */
static u16 next_real_function(u16 bdf) {
  do bdf = next_function(bdf);
  while (bdf != NO_FUNCTION && (bdf & 7) && !(pci_read(bdf & ~7, HEADER) & 0x80));
  return bdf;
}

u16 pci_find_class(u16 class) {
  for (u16 bdf = next_real_function(-1); bdf != NO_FUNCTION; bdf = next_real_function(bdf))
    if ((u16)pci_read(bdf, CLASS) == class) return bdf;
  return NO_FUNCTION;
}

/* PIRQ A to D; slot n's INTA is on link (n - 1) mod 4, as the board wires them. */
static const u8 routes[4] = { 10, 10, 11, 11 };

static void place_bars(u16 bdf, u32 *port, u32 *address) {
  u8 bars = (pci_read(bdf, HEADER) & 0x7f) == 0 ? 6 : 2;
  for (u8 i = 0; i <= bars; i++) {
    u8 at = i == bars ? ROM : BAR0 + 4 * i;
    u32 before = pci_read(bdf, at);
    pci_write(bdf, at, at == ROM ? 0xfffffffe : 0xffffffff, 4);
    u32 answer = pci_read(bdf, at);
    pci_write(bdf, at, before, 4);
    if (answer == 0 || answer == 0xffffffff) continue;
    int is_port = at != ROM && (before & 1);
    u32 mask = answer & (is_port ? 0xfffffffc : at == ROM ? 0xfffff800 : 0xfffffff0);
    u32 size = is_port ? (-mask & 0xffff) : -mask;
    if (size == 0) continue;
    u32 *next = is_port ? port : address;
    u32 base = (*next + size - 1) & -size;
    if (base < *next || base + size > (is_port ? 0x10000 : END_ADDRESS)) continue;
    pci_write(bdf, at, base, 4);
    *next = base + size;
    if (!is_port && at != ROM && (before & 6) == 4) pci_write(bdf, BAR0 + 4 * ++i, 0, 4);
  }
}

/*
 * The table by which systems without ACPI route interrupts: for each slot with something in it, its four pins' links (PIRQRC registers 60h to 63h) and the
 * interrupts they may lead to. Source: Microsoft, PCI IRQ Routing Table Specification 1.0.
 */
#define MOST_SLOTS 8
static struct {
  char signature[4];
  u16 version, bytes;
  u8 router_bus, router_bdf;
  u16 exclusive;
  u32 router, miniport;
  u8 reserved[11], checksum;
  struct { u8 bus, slot; struct { u8 link; u16 interrupts; } __attribute__((packed)) pins[4]; u8 number, reserved; } __attribute__((packed)) slots[MOST_SLOTS];
} __attribute__((packed, aligned(16))) routing;

static void describe_routing(void) {
  u8 slots = 0, *bytes = (u8 *)&routing, sum = 0;
  for (u8 slot = 1; slot < 32 && slots < MOST_SLOTS; slot++) {
    if ((u16)pci_read(slot << 3, VENDOR) == 0xffff) continue;
    routing.slots[slots].slot = slot << 3;
    for (u8 pin = 0; pin < 4; pin++) {
      routing.slots[slots].pins[pin].link = 0x60 + ((slot - 1 + pin) & 3);
      routing.slots[slots].pins[pin].interrupts = 1 << 5 | 1 << 10 | 1 << 11;
    }
    slots++;
  }
  for (u8 i = 0; i < 4; i++) routing.signature[i] = "$PIR"[i];
  routing.version = 0x0100;
  routing.bytes = 32 + 16 * slots;
  routing.router_bdf = 1 << 3;
  routing.router = 0x70008086;
  for (u16 i = 0; i < routing.bytes; i++) sum += bytes[i];
  routing.checksum = -sum;
}

void set_up_pci(void) {
  describe_routing();
  if (on_xen) return;
  u32 port = FIRST_PORT, address = FIRST_ADDRESS;
  for (u16 bdf = next_real_function(-1); bdf != NO_FUNCTION; bdf = next_real_function(bdf)) {
    u32 id = pci_read(bdf, VENDOR);
    u16 class = pci_read(bdf, CLASS);
    if (id == 0x70008086) {
      for (u8 link = 0; link < 4; link++) pci_write(bdf, 0x60 + link, routes[link], 1);
    } else if (id == 0x71138086) {
      pci_write(bdf, 0x40, PM_BASE | 1, 4);
      pci_write(bdf, 0x80, 1, 1);
      pci_write(bdf, 0x90, SMBUS_BASE | 1, 4);
      pci_write(bdf, 0xd2, 9, 1);
      pci_write(bdf, COMMAND, 1, 2);
      pci_write(bdf, INTERRUPT_LINE, 9, 1);
      continue;
    } else if (id == 0x70108086) {
      /* Both channels answer at their places of ISA (IDETIM bit 15). */
      pci_write(bdf, 0x40, 0x8000, 2);
      pci_write(bdf, 0x42, 0x8000, 2);
    }
    if (class != 0x0600) place_bars(bdf, &port, &address);
    u8 pin = pci_read(bdf, INTERRUPT_PIN);
    if (pin) pci_write(bdf, INTERRUPT_LINE, routes[((bdf >> 3) - 1 + pin - 1) & 3], 1);
    pci_write(bdf, COMMAND, (u16)pci_read(bdf, COMMAND) | 0x103 | (id == 0x70108086 ? 4 : 0), 2);
  }
  /* What PCI devices share is level-triggered (ELCR). */
  out8(0x4d0, 0);
  out8(0x4d1, 0x0e);
}

/* ---- INT 1Ah, AH = B1h */
enum { PCI_OK = 0x00, UNSUPPORTED = 0x81, BAD_VENDOR = 0x83, NOT_FOUND = 0x86, BAD_REGISTER = 0x87 };

static u8 find(caller r, int by_class) {
  if (!by_class && r->dx == 0xffff) return BAD_VENDOR;
  u16 left = r->si;
  for (u16 bdf = next_real_function(-1); bdf != NO_FUNCTION; bdf = next_real_function(bdf)) {
    int same = by_class ? pci_read(bdf, 8) >> 8 == (r->ecx & 0xffffff) : pci_read(bdf, VENDOR) == ((u32)r->cx << 16 | r->dx);
    if (same && left-- == 0) {
      r->bx = bdf;
      return PCI_OK;
    }
  }
  return NOT_FOUND;
}

static u8 access(caller r, u8 bytes, int write) {
  if (r->di > 0xff || r->di & (bytes - 1)) return BAD_REGISTER;
  if (write) {
    pci_write(r->bx, r->di, r->ecx, bytes);
    return PCI_OK;
  }
  u32 value = pci_read(r->bx, r->di);
  if (bytes == 1) r->cl = value;
  else if (bytes == 2) r->cx = value;
  else r->ecx = value;
  return PCI_OK;
}

enum outcome pci_services(caller r) {
  u8 status;
  switch (r->al) {
    case 0x01:
      r->ax = 0x0001;
      r->bx = 0x0210;
      r->cl = 0;
      r->edx = 0x20494350; /* "PCI " */
      status = PCI_OK;
      break;
    case 0x02: status = find(r, 0); break;
    case 0x03: status = find(r, 1); break;
    case 0x08: status = access(r, 1, 0); break;
    case 0x09: status = access(r, 2, 0); break;
    case 0x0a: status = access(r, 4, 0); break;
    case 0x0b: status = access(r, 1, 1); break;
    case 0x0c: status = access(r, 2, 1); break;
    case 0x0d: status = access(r, 4, 1); break;
    default: status = UNSUPPORTED;
  }
  r->ah = status;
  set_carry(r, status != PCI_OK);
  return DONE;
}
