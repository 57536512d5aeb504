/**
 * ACPI's general-purpose events and PCI hot plug as Xen's tables for HVM guests expect them of the device model, at fixed ports. Nothing is plugged into a
 * guest of Xen so: no event comes, no slot has changed, and none can be emptied. A guest of KVM has pci-hotplug.ts.
 * Source: QEMU's docs/specs/acpi_pci_hotplug.rst; ACPI specification, 4.8.4.1 (general-purpose event registers).
 */
import type { PortRange } from '../bus.ts';
import { GPE0_BASE, GPE0_BYTES, PCI_HOTPLUG_BASE, PCI_HOTPLUG_BYTES } from './piix4-pm.ts';
import { RegisterDevice } from '../register-device.ts';

/** The first half of a block is status (a one that is written clears), the second enables. */
const ENABLE = GPE0_BYTES / 2;

const initial = () => ({ enable: new Uint8Array(GPE0_BYTES - ENABLE) });

export class AcpiHotplug extends RegisterDevice<ReturnType<typeof initial>> {
  readonly portRanges: PortRange[] = [
    {
      base: GPE0_BASE,
      count: GPE0_BYTES,
      read: offset => (offset < ENABLE ? 0 : this.r.enable[offset - ENABLE]),
      write: (offset, value) => {
        if (offset >= ENABLE) this.r.enable[offset - ENABLE] = value;
      },
    },
    // Slots inserted, slots to be removed, eject, removable slots, bus.
    { base: PCI_HOTPLUG_BASE, count: PCI_HOTPLUG_BYTES, read: () => 0, write: () => {} },
  ];

  constructor() {
    super('acpi-hotplug', initial);
  }
}
