/** Disks of other machines for guests of this host. What speaks NBD is loaded when one is named. */
import { nbd } from '../host/index.ts';
import { HEAD_BYTES } from '../definitions/images/index.ts';
import type { NamedImage } from '../definitions/index.ts';
import type { Later } from '../host/index.ts';
import type { NetworkDisks, Sockets } from '../host/nbd/index.ts';
import type { OpenDisk } from '../host/storage/index.ts';

export class FarDisks {
  private readonly parts: { sockets?: Sockets; later: Later };
  private disks: NetworkDisks | undefined;
  /** Who can tell whether no other host has a domain by now; undefined: there is no other. */
  ownership: { isSure(uuid: string): boolean; onUnsure?(listener: () => void): void } | undefined;

  constructor(parts: FarDisks['parts']) {
    this.parts = parts;
  }

  /** As a definition is judged by it, and as it is when it is opened. @throws Error with a sentence: nobody serves it, or there is no way there */
  async look(address: string): Promise<NamedImage> {
    const { NetworkDisks } = await nbd.load();
    this.disks ??= new NetworkDisks(this.parts.sockets, this.parts.later);
    const { head, bytes } = await this.disks.look(address, HEAD_BYTES);
    return { name: address, head, bytes, device: true };
  }

  /** Some guest may be another host's from now on. */
  fence(): void {
    this.disks?.fence();
  }

  /** For a domain. @throws Error with a sentence */
  open(address: string, who: string, writes: boolean, uuid: string): OpenDisk {
    if (!this.disks) throw new Error(`${address} was not looked at. Create the domain again.`);
    return this.disks.open(address, who, writes, () => this.ownership?.isSure(uuid) ?? true);
  }
}
