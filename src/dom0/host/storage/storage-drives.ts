/** The storage worker's end of the queues through which drives in domains' workers reach the host's disk (hypervisor/disks/drive-queue.ts). */
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import { DriveServer } from '../../../hypervisor/disks/index.ts';
import { Machine } from '../../../hypervisor/memory/index.ts';
import type { Later } from '../timers.ts';
import { MediumDisk } from './medium-disk.ts';
import { deviceIn } from './volume.ts';
import type { DriveMedium, DriveNews } from './stored-disk.ts';

interface Served {
  server: DriveServer;
  /** By their places. */
  disks: Map<number, MediumDisk>;
}

/** In the storage worker. */
export class DriveServers {
  private readonly machine: Machine;
  private readonly disk: BlockDevice;
  private readonly later: Later;
  private readonly tell: (news: DriveNews) => void;
  private readonly served = new Map<number, Served>();

  constructor(memory: SharedArrayBuffer, disk: BlockDevice, later: Later, tell: (news: DriveNews) => void) {
    this.machine = new Machine(memory);
    this.disk = disk;
    this.later = later;
    this.tell = tell;
  }

  attach(domain: number, place: number, { layout, ...medium }: DriveMedium): void {
    const { machine, later } = this;
    let served = this.served.get(domain);
    if (!served)
      this.served.set(
        domain,
        (served = { server: new DriveServer(machine, machine.domain(domain), 'storage'), disks: new Map() }),
      );
    served.disks.get(place)?.close();
    const disk: MediumDisk = new MediumDisk({
      ...medium,
      later,
      medium: deviceIn(this.disk, layout),
      say: sentence => this.tell({ domain, place, waits: disk.isWaiting, sentence }),
    });
    served.disks.set(place, disk);
    served.server.serve(place, disk);
  }

  detach(domain: number): void {
    const served = this.served.get(domain);
    this.served.delete(domain);
    served?.server.close();
    for (const disk of served?.disks.values() ?? []) disk.close();
  }

  /** Carries out what was asked since the last call; true: there was something. */
  poll(): boolean {
    let worked = false;
    for (const { server } of this.served.values()) {
      if (!server.pending) continue;
      server.poll();
      worked = true;
    }
    return worked;
  }
}
