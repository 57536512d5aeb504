/* The PIIX4's power management (Intel 82371AB datasheet, chapter 7): off, and the power button by ACPI's interrupt. */
#include "pcos.h"

enum { PIIX4 = 0x71138086, BASE = 0x40, STATUS = 0, ENABLE = 2, CONTROL = 4 };
enum { BUTTON = 1 << 8, SLEEP = 1 << 13 };
/* What QEMU's and most firmware's tables name for the board: SMI_CMD, its value that leaves events to us, and their interrupt. */
enum { SMI_COMMAND = 0xb2, ACPI_ENABLE = 0xf1, SCI = 9 };
static u16 base;
static volatile int pressed;

/* Level-triggered: the status is taken back before the interrupt's end. */
static void on_event(u32 irq) {
  (void)irq;
  if (!(in16(base + STATUS) & BUTTON)) return;
  out16(base + STATUS, BUTTON);
  pressed = 1;
}

/* Sleep state 5 is type 0. */
void off(void) { if (base) out16(base + CONTROL, SLEEP); }

void power_look(void) {
  if (!pressed) return;
  print("\nThe power button: pcos ends.\n");
  off();
}

void power_start(void) {
  for (u32 function = pci_next(0); function; function = pci_next(function))
    if (pci_read(function, 0) == PIIX4) base = pci_read(function, BASE) & 0xffc0;
  if (!base) return;
  on_irq(SCI, on_event);
  out16(base + ENABLE, BUTTON);
  out8(SMI_COMMAND, ACPI_ENABLE);
}
