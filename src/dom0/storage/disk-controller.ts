/** The adapter of the host's disk on its PCI bus, with Domain 0's driver of it. */
import { Ahci } from '../../devices/ahci/index.ts';
import type { DmaMemory, HostBus, HostFunction } from '../hardware/host-bus.ts';
import type { HostDisk } from './host-disk.ts';
import type { StorageDrives } from './storage-drives.ts';

/** Where it is on the PCI bus; what its one disk says that it is. */
const SLOT = 2,
  AHCI_ID = { vendor: 0x8086, device: 0x2922 } as const,
  SERIAL = 'RS-SDA';

export class DiskController {
  private readonly adapter: Ahci;
  private readonly fn: HostFunction;
  private readonly machine: ArrayBufferLike;
  private memory: DmaMemory | undefined;
  private disk: HostDisk | undefined;

  /** Plugs the adapter into `hardware`; nothing is on its cable. */
  constructor(hardware: HostBus, machine: ArrayBufferLike) {
    this.machine = machine;
    this.adapter = hardware.plug(SLOT, (irq, dma) => new Ahci(dma, irq));
    const found = hardware.find(AHCI_ID.vendor, AHCI_ID.device);
    if (!found) throw new Error('the adapter that was just plugged is not on the bus');
    this.fn = found;
  }

  /** The disk has ended commands that `poll` has not seen. */
  get pending(): boolean {
    return this.disk?.drive.pending ?? false;
  }

  /** The adapter gets what its disk has ended, and interrupts. */
  poll(): void {
    this.disk?.drive.poll();
  }

  /** The storage worker's end of domains' drives, once it was told of this machine. */
  get drives(): StorageDrives | undefined {
    const drives = this.disk?.drives;
    return drives?.memory === this.machine ? drives : undefined;
  }

  /** Connects a disk, in place of the one before: from here on it is driven by registers. @throws HostError where machine memory has no room for that */
  async connect(disk: HostDisk): Promise<void> {
    // A host whose disk nobody opens needs no driver.
    const { AhciDriver, SHARED_BYTES } = await import('./ahci-driver.ts');
    if (this.disk === disk && disk.drivenBy) return;
    this.disk?.drive.rest();
    this.disk?.drivenBy?.close();
    this.disk?.driveBy(undefined);
    this.memory ??= this.fn.share(SHARED_BYTES);
    this.adapter.connect(disk.drive, SERIAL);
    disk.driveBy(new AhciDriver(this.fn, this.memory, () => disk.drive.settle()));
    this.disk = disk;
  }

  /** Has the storage worker, where there is one, serve drives of this machine's domains. */
  async serveDrives(): Promise<void> {
    const drives = this.disk?.drives;
    const { machine } = this;
    if (drives && drives.memory !== machine && typeof SharedArrayBuffer === 'function' && machine instanceof SharedArrayBuffer) await drives.begin(machine);
  }
}
