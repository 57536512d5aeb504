/* PCI's configuration space by ports CF8h and CFCh. A function is its address there. */
#include "pcos.h"

u32 pci_read(u32 function, u32 at) { out32(0xcf8, function | at); return in32(0xcfc); }
void pci_write(u32 function, u32 at, u32 value) { out32(0xcf8, function | at); out32(0xcfc, value); }

/* Bus 0; functions 1 to 7 only where the first says that there are others. */
u32 pci_next(u32 after) {
  enum { FIRST = 0x80000000, END = 0x80010000, STEP = 0x100, DEVICE = 0x700 };
  for (u32 function = after ? after + STEP : FIRST; function < END; function += STEP) {
    if (function & DEVICE && !(pci_read(function & ~DEVICE, 0x0c) & 0x800000)) continue;
    if ((pci_read(function, 0) & 0xffff) != 0xffff) return function;
  }
  return 0;
}

void print_pci(void) {
  static const struct { u32 kind; const char *name; } kinds[] = { { 0x0101, "IDE" }, { 0x0200, "network card" }, { 0x0300, "VGA" }, { 0x0600, "host bridge" },
    { 0x0601, "ISA bridge" }, { 0x0680, "bridge" }, { 0x0c03, "USB" }, { 0xff80, "Xen" } };
  for (u32 function = pci_next(0); function; function = pci_next(function)) {
    u32 id = pci_read(function, 0), kind = pci_read(function, 8) >> 16, line = pci_read(function, 0x3c);
    const char *name = "?";
    for (u32 i = 0; i < LENGTH(kinds); i++) if (kinds[i].kind == kind) name = kinds[i].name;
    print("00:%02x.%u  %04x:%04x  %04x %-13s", function >> 11 & 31, function >> 8 & 7, id & 0xffff, id >> 16, kind, name);
    if (line & 0xff00) print(" IRQ %u", line & 0xff);
    print("\n");
  }
}
