/** What src/devices/pci offers to other rooms. */
export type { ResetKind, Shadowing } from './i440fx.ts';
export { MOST_CARDS } from './slots.ts';
export { PCI, PciBus, PciFunction } from './pci.ts';
