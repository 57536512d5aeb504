/** The storage worker's end of the queues through which drives in domains' workers reach the host's disk (hypervisor/disks/drive-queue.ts). */
import { DriveServer } from '../../../hypervisor/disks/index.ts';
import { Machine } from '../../../hypervisor/memory/index.ts';
import type { Later } from '../timers.ts';
import type { Layout, Medium } from './medium.ts';
import { MediumDisk } from './medium-disk.ts';
import { mediumOf } from './volume.ts';

/** What lies in a drive. */
export interface DriveMedium {
  layout: Layout;
  label: string;
  sectorBytes: number;
  readOnly: boolean;
}

/** What the storage worker tells of a drive: a sentence for the person at the host, and whether it waits for room. */
export interface DriveNews {
  domain: number;
  place: number;
  waits: boolean;
  sentence: string;
  /** The storage worker has ended: whoever hears it serves the drive from now on. */
  lost?: true;
}

/** That end, as Domain 0 knows it. A domain is told by its index in the domain table. */
export interface StorageDrives {
  /** The machine whose domains it serves; undefined: it was not told yet, or has ended. */
  readonly memory: ArrayBufferLike | undefined;
  begin(memory: SharedArrayBuffer): Promise<void>;
  /** When it returns the drive at a place has this medium. */
  attach(domain: number, place: number, medium: DriveMedium, heard: (news: DriveNews) => void): void;
  /** When it returns nothing of a domain's drives is under way any more. */
  detach(domain: number): void;
}

interface Served {
  server: DriveServer;
  /** By their places. */
  disks: Map<number, MediumDisk>;
}

/** In the storage worker. */
export class DriveServers {
  private readonly machine: Machine;
  private readonly disk: Medium;
  private readonly later: Later;
  private readonly tell: (news: DriveNews) => void;
  private readonly served = new Map<number, Served>();

  constructor(memory: SharedArrayBuffer, disk: Medium, later: Later, tell: (news: DriveNews) => void) {
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
      medium: mediumOf(this.disk, layout),
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
