/*
 * PCI: where devices and their interrupts are.
 * Sources: PCI Local Bus Specification 2.1, 6.2; 82371SB (PIIX3) and 82371AB (PIIX4) datasheets.
 */
#include "pci.h"

#define COMMAND 0x04
#define BAR0 0x10
#define ROM 0x30
#define INTERRUPT_PIN 0x3d
/* Where BARs go: ports above all that ISA devices have, memory above all RAM that may lie below 4 GiB, below the I/O APIC. */
#define FIRST_PORT 0xc000
#define FIRST_ADDRESS 0xe0000000
#define END_ADDRESS 0xfec00000
#define PM_BASE 0x600
#define SMBUS_BASE 0x700

u16 pci_find_class(u16 class) {
  for (u16 bdf = pci_next(-1); bdf != NO_FUNCTION; bdf = pci_next(bdf))
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

struct routing routing;

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
  for (u16 bdf = pci_next(-1); bdf != NO_FUNCTION; bdf = pci_next(bdf)) {
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
