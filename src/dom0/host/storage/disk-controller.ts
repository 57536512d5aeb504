/** The adapter of the host's disk on its PCI bus, with Domain 0's driver of it. */
import { part } from '../../../formats/loading/index.ts';
import type { Ahci } from '../../../devices/ahci/index.ts';
import type { DmaMemory, HostBus, HostFunction } from '../hardware/host-bus.ts';
import type { HostDisk } from './host-disk.ts';
import type { StorageDrives } from './stored-disk.ts';

const adapter = part(() => import('./ahci/index.ts'), 'drives the host’s disk');

/** Where it is on the PCI bus; what its one disk says that it is. */
const SLOT = 2,
  AHCI_ID = { vendor: 0x8086, device: 0x2922 } as const,
  SERIAL = 'RS-SDA';

export class DiskController {
  private readonly hardware: HostBus;
  private readonly machine: ArrayBufferLike;
  private adapter: { chip: Ahci; fn: HostFunction } | undefined;
  private memory: DmaMemory | undefined;
  private disk: HostDisk | undefined;

  /** The adapter is plugged into `hardware` with the first disk: a host whose disk nobody opens needs neither it nor its driver. */
  constructor(hardware: HostBus, machine: ArrayBufferLike) {
    this.hardware = hardware;
    this.machine = machine;
  }

  private plugged(make: typeof Ahci): { chip: Ahci; fn: HostFunction } {
    const chip = this.hardware.plug(SLOT, irq => new make(irq));
    const fn = this.hardware.find(AHCI_ID.vendor, AHCI_ID.device);
    if (!fn) throw new Error('the adapter that was just plugged is not on the bus');
    return { chip, fn };
  }

  /** The disk has ended commands that `poll` has not seen. */
  get pending(): boolean {
    return this.disk?.drive.pending ?? false;
  }

  /** The adapter gets what its disk has ended, and interrupts. */
  poll(): void {
    this.disk?.drive.poll();
  }

  /** The storage worker's end of domains' drives, once it knows this machine. */
  get drives(): StorageDrives | undefined {
    const drives = this.disk?.drives;
    return drives?.memory === this.machine ? drives : undefined;
  }

  /** Connects a disk, in place of the one before: from here on it is driven by registers. @throws HostError where machine memory has no room for that */
  async connect(disk: HostDisk): Promise<void> {
    const { Ahci, AhciDriver, SHARED_BYTES } = await adapter.load();
    if (this.disk === disk && disk.drivenBy) return;
    this.disk?.drive.rest();
    this.disk?.drivenBy?.close();
    this.disk?.driveBy(undefined);
    this.adapter ??= this.plugged(Ahci);
    const { chip, fn } = this.adapter;
    this.memory ??= fn.share(SHARED_BYTES);
    chip.connect(disk.drive, SERIAL);
    disk.driveBy(new AhciDriver(fn, this.memory, () => disk.drive.settle()));
    this.disk = disk;
  }

  /** Has the storage worker, where there is one, serve drives of this machine's domains. */
  async serveDrives(): Promise<void> {
    const drives = this.disk?.drives;
    const { machine } = this;
    if (
      drives &&
      drives.memory !== machine &&
      typeof SharedArrayBuffer === 'function' &&
      machine instanceof SharedArrayBuffer
    )
      await drives.begin(machine);
  }
}
