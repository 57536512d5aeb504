/**
 * Volumes that come with their domain from another host's disk. What comes lies in volumes of other names, which nothing of this host names, until the domain
 * is built; what has their own names here already is kept as long as the domain may not come after all.
 */
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { GROUP, type OpenDisk, PE_BYTES, type Storage, volumeIn } from '../host/storage/index.ts';
import type { CommandHost } from './command-host.ts';
import { findImage, type ImageDigest } from './image-digests.ts';

/** A disk that is to come. */
export interface DiskCopy {
  /** Of its volume, on both hosts. */
  path: string;
  bytes: number;
  /** What is not as this image has it comes, and no more; absent: all of it. */
  base?: ImageDigest;
}

/** A volume while it comes. */
const INCOMING = '.incoming';
const deviceOf = (name: string): string => `/dev/${GROUP}/${name}`;

interface Coming {
  name: string;
  /** The copier writes there. */
  medium: BlockDevice;
  /** So that nobody else has it. */
  opened: OpenDisk;
}

export class IncomingDisks {
  private readonly storage: Storage;
  private readonly coming: Coming[] = [];
  private isTaken = false;
  /** No more is written to them by who copies. */
  private isOver = false;
  private underWay = 0;
  private whenRests = (): void => {};

  private constructor(storage: Storage) {
    this.storage = storage;
  }

  /** Has room for them. `who`: the domain. @throws Error with a sentence: nothing of them is here then */
  static async prepare(host: CommandHost, who: string, copies: readonly DiskCopy[]): Promise<IncomingDisks> {
    const storage = await host.disk.openDevices();
    if (!storage)
      throw new Error(`This host has no disk of its own for ${copies[0]?.path}. Serve it with qemu-nbd where it is.`);
    const disks = new IncomingDisks(storage);
    try {
      for (const copy of copies) await disks.make(host, who, copy);
    } catch (error) {
      await disks.refuse();
      throw error;
    }
    return disks;
  }

  private async make(host: CommandHost, who: string, { path, bytes, base }: DiskCopy): Promise<void> {
    const { storage } = this;
    const name = volumeIn(path);
    if (name === undefined)
      throw new Error(`${path} is no volume, and cannot come. Copy what is in it to one, and give the domain that.`);
    const [user] = storage.isThere(path) ? storage.whoHas(path) : [];
    if (user !== undefined)
      throw new Error(`Device ${path} is used by ${user} here. Stop it, and migrate this one again.`);
    const incoming = name + INCOMING;
    const image = base && (await findImage(host, base));
    if (image)
      storage.createOverlay(incoming, image.path, await host.files.openImage(image.path), { unfinished: true });
    else storage.createVolume(incoming, bytes, { unfinished: true, ...(bytes % PE_BYTES === 0 ? {} : { bytes }) });
    const opened = storage.open(deviceOf(incoming), who, true);
    this.coming.push({ name, medium: opened.medium, opened });
  }

  /** Where the copier of one of them writes; undefined: there is none of this number, or it may not be written any more. */
  device(number: number): BlockDevice | undefined {
    const coming = this.coming[number];
    if (!coming || this.isOver) return undefined;
    return coming.medium.behind((request, done) => {
      if (this.isOver) return done(new Error(`${deviceOf(coming.name)} does not come any more.`));
      this.underWay++;
      coming.medium.request(request, error => {
        if (--this.underWay === 0) this.whenRests();
        done(error);
      });
    });
  }

  private get pairs(): { path: string; by: string }[] {
    return this.coming.map(({ name }) => ({ path: deviceOf(name), by: name + INCOMING }));
  }

  private get names(): string[] {
    return this.coming.map(({ name }) => name);
  }

  /** The domain may be built: they have their names. @throws StorageError: another domain has one of that name */
  take(): void {
    const { storage } = this;
    for (const { opened } of this.coming) opened.close();
    storage.exchange(this.pairs, { unfinished: true });
    this.isTaken = true;
    // An overlay under its own name knows what is in it by itself.
    for (const coming of this.coming) coming.medium = storage.medium(deviceOf(coming.name));
  }

  /** They are the domain's from now on. Durable when it returns. */
  keep(): void {
    this.isOver = true;
    this.storage.setUnfinished(this.names, false);
  }

  /** What had their names before is not needed any more. */
  tidy(): void {
    for (const { by } of this.pairs) this.storage.removeUnused(by);
  }

  /** They do not come: what had their names has them again. The domain has let them go. */
  async refuse(): Promise<void> {
    this.isOver = true;
    if (this.underWay > 0) await new Promise<void>(resolve => (this.whenRests = resolve));
    for (const { opened } of this.coming) opened.close();
    if (this.isTaken) this.storage.exchange(this.pairs);
    this.isTaken = false;
    this.tidy();
    this.coming.length = 0;
  }
}

/** Of volumes that were coming when a host ended: what had their names has them again. */
export function unfinishedComing(storage: Storage): void {
  const { unfinished } = storage;
  const pairs = unfinished.flatMap(by => {
    const name = by.endsWith(INCOMING) ? by.slice(0, -INCOMING.length) : undefined;
    return name !== undefined && unfinished.includes(name) ? [{ path: deviceOf(name), by }] : [];
  });
  if (pairs.length > 0) storage.exchange(pairs);
}
