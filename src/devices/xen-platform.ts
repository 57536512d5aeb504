/**
 * Xen's platform PCI device: what tells a guest's drivers that emulated disks and network cards can be unplugged, and where there is address space
 * for their grant table. Source: Xen's docs/misc/hvm-emulated-unplug.pandoc and xen/include/public/hvm (pvdrivers.h); device 5853:0001.
 */
import type { PortRange, State } from './bus.ts';
import { PciFunction } from './pci/pci.ts';
import { RegisterDevice } from './register-device.ts';

const MAGIC = 0x49d2,
  PROTOCOL_VERSION = 1;
const BAR0_BYTES = 256,
  BAR1_BYTES = 16 * 2 ** 20;
/** Bits of the unplug mask. */
export const UNPLUG = { IDE_DISKS: 1, NICS: 2, AUXILIARY_IDE_DISKS: 4, NVME: 8 } as const;

const initial = () => ({ flags: 0, product: 0, build: 0, unplugged: 0 });

export class XenPlatform extends RegisterDevice<ReturnType<typeof initial>> {
  readonly fn = new PciFunction('Xen platform', {
    vendor: 0x5853,
    device: 0x0001,
    revision: 1,
    class: 0xff8000,
    subsystemVendor: 0x5853,
    subsystem: 0x0001,
    interruptPin: 1,
  });
  readonly ports: PortRange;
  private readonly unplug: (mask: number) => void;

  /** `unplug` gets bits of UNPLUG; `log` the characters that guests write for their administrator. */
  constructor(unplug: (mask: number) => void, log: (byte: number) => void) {
    super('xen-platform', initial);
    this.unplug = unplug;
    const { r } = this;
    this.fn.addBar(0, {
      kind: 'io',
      size: BAR0_BYTES,
      read: (offset, size) =>
        offset === 0 && size === 1 ? r.flags : size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff,
      write: (offset, value) => {
        if (offset === 0) r.flags = value & 1;
        else if (offset === 8) log(value & 0xff);
      },
    });
    this.fn.addBar(1, { kind: 'memory', size: BAR1_BYTES, prefetchable: true, read: () => 0, write: () => {} });
    this.ports = {
      base: 0x10,
      count: 16,
      width: 4,
      read: (offset, size) => {
        if (offset === 0 && size === 1) return r.flags;
        if (offset === 0 && size === 2) return MAGIC;
        if (offset === 2 && size === 1) return PROTOCOL_VERSION;
        return size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff;
      },
      write: (offset, value, size) => {
        if (offset === 0 && size === 1) r.flags = value & 1;
        else if (offset === 0 && size === 2) {
          r.unplugged |= value;
          this.unplug(value);
        } else if (offset === 0 && size === 4) r.build = value >>> 0;
        else if (offset === 2 && size === 1) log(value & 0xff);
        else if (offset === 2 && size === 2) r.product = value;
      },
    };
  }

  override restore(state: State): void {
    super.restore(state);
    if (this.r.unplugged !== 0) this.unplug(this.r.unplugged);
  }

  get portRanges(): PortRange[] {
    return [this.ports];
  }
}
