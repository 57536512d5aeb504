/** Disks of other machines as the host's guests have them: looked at before a domain is made of them, and open for one that writes or several that read. */
import { readNbdAddress } from '../storage/index.ts';
import type { Later } from '../timers.ts';
import type { Sockets } from './channel.ts';
import { connectNbd, type NbdDisk } from './client.ts';
import { NetworkDisk } from './network-disk.ts';

export interface SeenDisk {
  bytes: number;
  sectorBytes: number;
  readOnly: boolean;
  discards: boolean;
  /** Its first bytes. */
  head: Uint8Array;
}

/** One that somebody has open, as Storage has its own (OpenDisk). */
interface OpenNetworkDisk {
  medium: NetworkDisk;
  path: string;
  rename(who: string): void;
  close(): void;
}

export class NetworkDisks {
  private readonly sockets: Sockets | undefined;
  private readonly later: Later;
  /** By their addresses as written. */
  private readonly seen = new Map<string, SeenDisk>();
  private readonly users: { address: string; who: string; writes: boolean }[] = [];

  constructor(sockets: Sockets | undefined, later: Later) {
    this.sockets = sockets;
    this.later = later;
  }

  /** Asks the server what it has. @throws Error with a sentence */
  async look(address: string, headBytes: number): Promise<SeenDisk> {
    const disk = await this.connect(address);
    try {
      const head = new Uint8Array(Math.min(headBytes, disk.bytes - (disk.bytes % disk.sectorBytes)));
      await new Promise<void>((resolve, reject) =>
        disk.request({ op: 'read', at: 0, pieces: [head] }, error => (error ? reject(error) : resolve())),
      );
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

  /** For a domain; it connects when something is asked of it. @throws Error with a sentence: nobody has looked at it, or another domain has it */
  open(address: string, who: string, writes: boolean): OpenNetworkDisk {
    const seen = this.seen.get(address);
    if (!seen) throw new Error(`${address} was not looked at. Create the domain again.`);
    if (writes && seen.readOnly) throw new Error(`${address} is read-only. Write ro behind it.`);
    const other = this.users.find(user => user.address === address && (writes || user.writes));
    // As of the host's own devices (storage.ts).
    if (other)
      throw new Error(
        `Device ${address} is mounted ${other.writes ? 'read-write' : 'read-only'} in ${other.who}, and so cannot be mounted now. Stop it, or take another device.`,
      );
    const user = { address, who, writes };
    this.users.push(user);
    const medium = new NetworkDisk({
      ...seen,
      label: address,
      readOnly: !writes,
      connect: () => this.connect(address),
      later: this.later,
    });
    return {
      medium,
      path: address,
      rename: called => {
        user.who = called;
      },
      close: () => {
        const at = this.users.indexOf(user);
        if (at >= 0) this.users.splice(at, 1);
        medium.close();
      },
    };
  }
}
