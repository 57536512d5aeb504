/** General-purpose events and PCI hot plug, as QEMU's acpi_pci_hotplug.rst and the ACPI specification describe them. */
import { expect, it } from 'vitest';
import { AcpiHotplug } from './hotplug.ts';
import { GPE0_BASE, PCI_HOTPLUG_BASE } from './piix4-pm.ts';
import { IoBus } from '../io-bus.ts';

function setUp() {
  const bus = new IoBus();
  const device = new AcpiHotplug();
  bus.plug(device);
  return { bus, device };
}

it('has no event pending, and keeps which are enabled', () => {
  const { bus, device } = setUp();
  expect(bus.readPort(GPE0_BASE, 4)).toBe(0);
  bus.writePort(GPE0_BASE, 0xffff, 2);
  bus.writePort(GPE0_BASE + 2, 0x000a, 2);
  expect(bus.readPort(GPE0_BASE, 4) >>> 0).toBe(0x000a0000);
  const other = setUp();
  other.device.restore(device.save());
  expect(other.bus.readPort(GPE0_BASE + 2, 2)).toBe(0x000a);
  device.reset();
  expect(bus.readPort(GPE0_BASE + 2, 2)).toBe(0);
});

it('has no slot that changed or could be emptied', () => {
  const { bus } = setUp();
  for (const offset of [0, 4, 0xc]) expect(bus.readPort(PCI_HOTPLUG_BASE + offset, 4)).toBe(0);
});
