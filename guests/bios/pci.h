/* What the two sources about PCI share. */
#include "bios.h"

#define VENDOR 0x00
#define CLASS 0x0a
#define HEADER 0x0e
#define INTERRUPT_LINE 0x3c
#define NO_FUNCTION 0xffff

/*
 * The table by which systems without ACPI route interrupts: for each slot with something in it, its four pins' links (PIRQRC registers 60h to 63h) and the
 * interrupts they may lead to. Source: Microsoft, PCI IRQ Routing Table Specification 1.0.
 */
#define MOST_SLOTS 8
struct slot { u8 bus, slot; struct { u8 link; u16 interrupts; } __attribute__((packed)) pins[4]; u8 number, reserved; } __attribute__((packed));
extern struct routing {
  char signature[4];
  u16 version, bytes;
  u8 router_bus, router_bdf;
  u16 exclusive;
  u32 router, miniport;
  u8 reserved[11], checksum;
  struct slot slots[MOST_SLOTS];
} __attribute__((packed, aligned(16))) routing;
