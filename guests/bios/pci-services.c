/*
 * INT 1Ah, AH = B1h, and what it goes by. It is compiled twice: for real mode, and for 32-bit programs, which call it where they found it by B101h or the
 * BIOS32 Service Directory (entry.S). Their code and data segments begin at 0 or at E0000h: `moved` is where F0000h lies in them.
 * Sources: PCI BIOS Specification 2.1; PCI Local Bus Specification 2.1, 3.2.2.3.2.
 */
#include "pci.h"

#define ADDRESS 0xcf8
#define DATA 0xcfc

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
u16 pci_next(u16 bdf) {
  do bdf = next_function(bdf);
  while (bdf != NO_FUNCTION && (bdf & 7) && !(pci_read(bdf & ~7, HEADER) & 0x80));
  return bdf;
}

enum { PCI_OK = 0x00, UNSUPPORTED = 0x81, BAD_VENDOR = 0x83, NOT_FOUND = 0x86, BAD_REGISTER = 0x87, BUFFER_TOO_SMALL = 0x89 };
/* Interrupts that are PCI's alone: those of the links, and the PIIX4's own. */
#define EXCLUSIVE (1 << 9 | 1 << 10 | 1 << 11)

static u8 find(caller r, int by_class) {
  if (!by_class && r->dx == 0xffff) return BAD_VENDOR;
  u16 left = r->si;
  for (u16 bdf = pci_next(-1); bdf != NO_FUNCTION; bdf = pci_next(bdf)) {
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

/* The slots of the routing table, where the buffer that ES:EDI describes is large enough: its bytes, and a far pointer to it. */
static u8 routing_options(caller r, u32 moved) {
#ifdef PCI_32
  u32 buffer = r->edi, to = peek32(r->es, buffer + 2);
  u16 segment = peek16(r->es, buffer + 6);
#else
  u32 buffer = r->di, to = peek16(r->es, buffer + 2);
  u16 segment = peek16(r->es, buffer + 4);
#endif
  const struct routing *table = (const struct routing *)((u32)&routing + moved);
  const u8 *slots = (const u8 *)table->slots;
  u16 bytes = table->bytes - sizeof *table + sizeof table->slots, room = peek16(r->es, buffer);
  poke16(r->es, buffer, bytes);
  if (room < bytes) return BUFFER_TOO_SMALL;
  r->bx = EXCLUSIVE;
  for (u16 i = 0; i < bytes; i++) poke8(segment, to + i, slots[i]);
  return PCI_OK;
}

enum outcome pci_services(caller r, u32 moved) {
  extern const u8 pci_entry_32[];
  u8 status;
  switch (r->al) {
    case 0x01:
      r->ax = 0x0001;
      r->bx = 0x0210;
      r->cl = 0;
      r->edx = 0x20494350; /* "PCI " */
      /* Linked 64 KiB above F000, it lies 64 KiB below. */
      r->edi = FONTS_SEGMENT * 16 - 0x10000 + (u32)pci_entry_32;
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
    case 0x0e: status = routing_options(r, moved); break;
    default: status = UNSUPPORTED;
  }
  r->ah = status;
  set_carry(r, status != PCI_OK);
  return DONE;
}
