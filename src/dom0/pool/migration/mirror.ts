/**
 * A guest's disk is copied to another host while the guest writes it: all of it once, then what was written meanwhile, until little is left; the rest goes while
 * the guest is paused. As drive-mirror of QEMU does it for libvirt's --copy-storage-all, over NBD to the other host's volume.
 */
import { isNetworkDisk } from '../../../formats/nbd/index.ts';
import { WriteLog } from '../../../formats/blocks/index.ts';
import { connectNbd, doneBy, type NbdDisk } from '../../host/nbd/index.ts';
import { OVERLAY_BLOCK_BYTES, overlayHeaderOf, type Storage, writtenRanges } from '../../host/storage/index.ts';
import {
  type CommandHost,
  type CopyStorage,
  type DiskCopy,
  type Guest,
  imageDigest,
  type OpenDevice,
  type Uses,
} from '../../toolstack/index.ts';
import type { Neighbours } from '../neighbours.ts';

/** QEMU's default granularity of a mirror. */
const CHUNK_BYTES = 64 * 1024;
/** Of one request; this many of them are on their way. */
const REQUEST_BYTES = 256 * 1024,
  MOST_UNDER_WAY = 8;
/** So much may be left for the time in which the guest is paused. */
const FEW_BYTES = 1024 * 1024;

interface Mirrored {
  device: OpenDevice;
  copy: DiskCopy;
  log: WriteLog;
  target?: NbdDisk;
}

export class Mirror {
  private readonly host: Uses<'toolstack'>;
  private readonly guest: Guest;
  private readonly disks: readonly Mirrored[];
  private totalBytes = 0;
  private sentBytes = 0;
  private isEnding = false;
  private isOver = false;
  /** Of all disks: rejects with a sentence where one cannot be copied. */
  private copying: Promise<unknown> = Promise.resolve();

  private constructor(host: Uses<'toolstack'>, guest: Guest, disks: readonly Mirrored[]) {
    this.host = host;
    this.guest = guest;
    this.disks = disks;
  }

  /** From here on what the guest writes is noted. @throws Error with a sentence: nothing is */
  static async of(host: CommandHost, guest: Guest, how: CopyStorage): Promise<Mirror> {
    const devices = guest.attachments.devices.filter(({ path, disk }) => !isNetworkDisk(path) && !disk.readOnly);
    const storage = devices.length > 0 ? await host.disk.openDevices() : undefined;
    const disks: Mirrored[] = [];
    for (const device of devices) disks.push(await mirrored(host, storage!, device, how));
    const mirror = new Mirror(host, guest, disks);
    try {
      mirror.note(storage);
    } catch (error) {
      mirror.end();
      throw error;
    }
    return mirror;
  }

  /** All that is there has to go, and what the guest writes from here on. @throws Error with a sentence */
  private note(storage: Storage | undefined): void {
    for (const { device, log } of this.disks) device.disk.copiedBy(log);
    this.host.toolstack.services.serveDrivesAnew(this.guest.record.id);
    for (const { device, copy, log } of this.disks) {
      const medium = storage!.medium(device.path);
      // Of an image's overlay the image's blocks are a part, too.
      const isWhole = !copy.base && overlayHeaderOf(storage!, device.path) !== undefined;
      for (const { at, bytes } of isWhole ? [{ at: 0, bytes: medium.bytes }] : writtenRanges(storage!.disk, medium))
        log.mark(at, bytes);
      this.totalBytes += log.leftBytes;
    }
  }

  get copies(): DiskCopy[] {
    return this.disks.map(({ copy }) => copy);
  }

  /** How far it is. */
  get progress(): { processed: number; total: number } {
    const left = this.disks.reduce((sum, { log }) => sum + log.leftBytes, 0);
    return { processed: this.sentBytes, total: Math.max(this.totalBytes, this.sentBytes + left) };
  }

  /** The other host has room for them: resolves when little is left of each. @throws Error with a sentence */
  async begin(neighbours: Neighbours, to: string, token: string, progress: () => void): Promise<void> {
    for (const [number, disk] of this.disks.entries())
      disk.target = await connectNbd(await neighbours.connect(to, 'disks'), `${token} ${number}`);
    const ready = this.disks.map(
      disk =>
        new Promise<void>((resolve, reject) => {
          const work = this.copy(disk, resolve, progress);
          this.copying = Promise.all([this.copying, work]);
          work.catch(reject);
        }),
    );
    this.copying.catch(() => {});
    await Promise.all(ready);
  }

  /** Callers that wait for it get the error of a disk that cannot be copied any more. */
  get failed(): Promise<never> {
    return this.copying.then(() => new Promise<never>(() => {}));
  }

  /** One disk, until it is over. */
  private async copy({ device, log, target }: Mirrored, ready: () => void, progress: () => void): Promise<void> {
    const buffers = Array.from({ length: MOST_UNDER_WAY }, () => new Uint8Array(REQUEST_BYTES));
    // All of it once, and what was written meanwhile once: from then on writers are no faster than this.
    let pass = log.left;
    const few = Math.ceil(FEW_BYTES / log.chunkBytes);
    let isLimited = false;
    while (!this.isOver) {
      if (!isLimited && pass <= 0) {
        log.limit(few);
        isLimited = true;
      }
      const work: Promise<void>[] = [];
      for (const buffer of buffers) {
        const range = log.take(REQUEST_BYTES);
        if (!range) break;
        pass -= Math.ceil(range.bytes / log.chunkBytes);
        work.push(
          this.move(device, target!, range, buffer.subarray(0, range.bytes)).then(() => log.copied(range.bytes)),
        );
      }
      await Promise.all(work);
      progress();
      if (log.left <= few) ready();
      // Something may have been written meanwhile.
      if (work.length > 0 || log.left > 0) continue;
      pass = 0;
      if (this.isEnding) return void (await doneBy(target!, { op: 'flush' }));
      await new Promise<void>(resolve => {
        log.whenMarked = resolve;
      });
    }
  }

  private async move(
    { disk }: OpenDevice,
    target: NbdDisk,
    { at, bytes }: { at: number; bytes: number },
    buffer: Uint8Array,
  ): Promise<void> {
    await doneBy(disk, { op: 'read', at, pieces: [buffer] });
    await doneBy(target, { op: 'write', at, pieces: [buffer] });
    this.sentBytes += bytes;
  }

  /** The guest is paused, and its disks have answered all: the rest goes. */
  finish(): void {
    this.isEnding = true;
    this.wake();
  }

  /** Callers that wait for something to be written look again. */
  private wake(): void {
    for (const { log } of this.disks) log.whenMarked();
  }

  /** Resolves when the other host has all of them, durable. @throws Error with a sentence */
  get finished(): Promise<unknown> {
    return this.copying;
  }

  /** Nothing more is copied, and the guest's disks are as before. */
  end(): void {
    this.isOver = true;
    for (const { device, target } of this.disks) {
      device.disk.copiedBy(undefined);
      target?.close();
    }
    this.wake();
    this.host.toolstack.services.serveDrivesAnew(this.guest.record.id);
  }
}

/** @throws what reading its image throws */
async function mirrored(host: CommandHost, storage: Storage, device: OpenDevice, how: CopyStorage): Promise<Mirrored> {
  const { path } = device;
  const { bytes } = storage.medium(path);
  const under = how === 'inc' ? overlayHeaderOf(storage, path) : undefined;
  const base = under && (await imageDigest(host, under.path));
  const log = new WriteLog(bytes, base ? OVERLAY_BLOCK_BYTES : CHUNK_BYTES);
  return { device, log, copy: { path, bytes, ...(base ? { base } : {}) } };
}
