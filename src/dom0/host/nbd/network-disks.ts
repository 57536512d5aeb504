/** Disks of other machines as the host's guests have them: looked at before a domain is made of them, and open for one that writes or several that read. */
import { DiskUsers, type OpenDisk } from '../storage/index.ts';
import { readNbdAddress } from '../../../formats/nbd/index.ts';
import type { Later } from '../timers.ts';
import type { Sockets } from './channel.ts';
import { connectNbd, type NbdDisk } from './client.ts';
import { doneBy, NetworkDisk } from './network-disk.ts';

export interface SeenDisk {
  bytes: number;
  sectorBytes: number;
  readOnly: boolean;
  discards: boolean;
  /** Its first bytes. */
  head: Uint8Array;
}

export class NetworkDisks {
  private readonly sockets: Sockets | undefined;
  private readonly later: Later;
  /** By their addresses as written. */
  private readonly seen = new Map<string, SeenDisk>();
  private readonly users = new DiskUsers();
  private readonly inUse = new Set<NetworkDisk>();

  constructor(sockets: Sockets | undefined, later: Later) {
    this.sockets = sockets;
    this.later = later;
  }

  /** Asks the server what it has. @throws Error with a sentence */
  async look(address: string, headBytes: number): Promise<SeenDisk> {
    const disk = await this.connect(address);
    try {
      const head = new Uint8Array(Math.min(headBytes, disk.bytes - (disk.bytes % disk.sectorBytes)));
      await doneBy(disk, { op: 'read', at: 0, pieces: [head] });
      const { bytes, sectorBytes, readOnly, discards } = disk;
      const seen = { bytes, sectorBytes, readOnly, discards, head };
      this.seen.set(address, seen);
      return seen;
    } finally {
      disk.close();
    }
  }

  private async connect(address: string): Promise<NbdDisk> {
    const { host, port, name } = readNbdAddress(address);
    if (!this.sockets)
      throw new Error(`${address}: a page has no TCP. Run the host with ringside sh, or copy the image here.`);
    return connectNbd(await this.sockets.connect({ host, port }), name);
  }

  /** For a domain; it connects when something is asked of it. `isOurs`: see NetworkDiskParts. @throws Error with a sentence: nobody has looked at it, or another domain has it */
  open(address: string, who: string, writes: boolean, isOurs = () => true): OpenDisk {
    const seen = this.seen.get(address);
    if (!seen) throw new Error(`${address} was not looked at. Create the domain again.`);
    if (writes && seen.readOnly) throw new Error(`${address} is read-only. Write ro behind it.`);
    const problem = this.users.hinders(address, writes);
    if (problem) throw new Error(problem);
    const medium = new NetworkDisk({
      ...seen,
      label: address,
      readOnly: !writes,
      connect: () => this.connect(address),
      later: this.later,
      isOurs,
    });
    this.inUse.add(medium);
    return this.users.open(medium, { path: address, who, writes }, () => {
      this.inUse.delete(medium);
      medium.close();
    });
  }

  /** Of guests that may be another host's by now nothing that was asked leaves this machine any more. */
  fence(): void {
    for (const medium of this.inUse) medium.fence();
  }
}
