/**
 * What guests write to images that somebody gave to the page: the image stays as it is, and what was written is on a volume of the host's disk, an overlay whose
 * image is not among Domain 0's files. The same image, given again, goes on from there. The guest's disk is the one in memory (OverlayDisk), so that saved states
 * and moves are as without it: its changes are copied to the volume with each flush of the guest, and every few seconds.
 */
import { type ChangeKeeper, fingerprintOfFile, type OverlayDisk } from '../../hypervisor/disks/index.ts';
import { crc32 } from '../../formats/unpack/index.ts';
import { deviceOf } from '../../formats/blocks/index.ts';
import { baseName, type NamedFile } from '../definitions/index.ts';
import type { KeepsWrites, WrittenImage } from '../toolstack/index.ts';
import type { Later } from '../host/index.ts';
import type { StateInfo } from '../host/state/index.ts';
import {
  GIVEN,
  GROUP,
  type OpenDisk,
  OVERLAY_BLOCK_BYTES,
  type OverlayVolume,
  type Storage,
} from '../host/storage/index.ts';

/** How long what no guest has flushed waits. */
const KEEP_MS = 5000;
/** Of an image's name in its volume's: LVM2 takes 127 characters, and a prefix and a number are with it. */
const MOST_NAME = 60;
const PREFIX = 'given+';

/**
 * The volume for what is written to an image: its name, its size, when it was changed last and a sample of what is in it say which it is, so an image that
 * somebody changed meanwhile begins without what was written to the earlier one. Undefined: it is no file that was given (a file has a time).
 * @throws what reading it throws
 */
export async function volumeFor(name: string, data: Blob): Promise<string | undefined> {
  if (!('lastModified' in data)) return undefined;
  const words = `${name}\n${data.size}\n${String(data.lastModified)}\n${await fingerprintOfFile(data)}`;
  const number = (crc32(new TextEncoder().encode(words)) >>> 0).toString(16).padStart(8, '0');
  return `${PREFIX}${name.replace(/[^\w.-]/g, '_').slice(0, MOST_NAME)}+${number}`;
}

/** What keeping needs of a host. */
export interface KeepingParts {
  later: Later;
  stateInfo?: () => Promise<StateInfo>;
  /** It is there in virtual time, where a visit leaves nothing to the next. */
  virtual?: unknown;
}

interface Kept {
  disk: OverlayDisk;
  end(): void;
}

export class KeptWrites {
  private readonly parts: KeepingParts;
  private readonly openDisk: () => Promise<Storage | undefined>;
  /** The host's disk, while it outlives the page. */
  private storage: Storage | undefined;
  /** Those that are in use, by their volumes. */
  private readonly used = new Map<string, Kept & { who: string }>();

  constructor(parts: KeepingParts, openDisk: () => Promise<Storage | undefined>) {
    this.parts = parts;
    this.openDisk = openDisk;
  }

  /** Where what is written to an image is kept; undefined: it is none that was given, or nothing here outlives the page. */
  async nameFor(name: string, data: Blob): Promise<string | undefined> {
    const { virtual, stateInfo } = this.parts;
    if (virtual || !('lastModified' in data) || !(await stateInfo?.())?.kept) return undefined;
    this.storage = await this.openDisk();
    return volumeFor(name, data);
  }

  /** Files of these that a guest wrote before, as far as what it wrote is here. */
  async find(files: readonly NamedFile[]): Promise<WrittenImage[]> {
    const found: WrittenImage[] = [];
    for (const { name, data } of files) {
      const volume = await this.nameFor(baseName(name), data);
      const { storage } = this;
      const header = storage?.overlayHeaders.find(each => each.name === volume)?.header;
      if (volume === undefined || !storage || !header) continue;
      if (!this.used.has(volume))
        storage.setImage(header.path, {
          device: deviceOf(header.imageBytes, (_at, into) => into.fill(0)),
          checksum: 0,
        });
      found.push({ name, volume, bytes: storage.writtenBytes(`/dev/${GROUP}/${volume}`) });
    }
    return found.filter(({ bytes }) => bytes > 0);
  }

  /** A guest's disk goes on with what was written to the image, and what is written from now on is kept. `isNew`: nothing of it was changed by this guest yet. */
  readonly keep: KeepsWrites = (disk, volume, who, { isNew, say }) => {
    const { storage } = this;
    const other = this.used.get(volume);
    const image = disk.label;
    if (!storage || other) {
      say(
        other
          ? `${image}: what ${who} writes to it is in memory alone, for ${other.who} has the same image, and what that one writes is kept.`
          : `${image}: what ${who} writes to it is in memory alone, for this page keeps no files.`,
      );
      return undefined;
    }
    const writer = new Writer(storage, volume, who, disk, say);
    try {
      if (isNew) writer.goOn();
      else writer.replace();
    } catch (error) {
      writer.close();
      say(
        `${image}: what was written to it cannot be read, and ${who} begins with the file. ${(error as Error).message}`,
      );
      return undefined;
    }
    disk.keepBy(writer);
    let stop = (): void => {};
    const tick = (): void => {
      disk.keepNow();
      stop = this.parts.later(KEEP_MS, tick);
    };
    stop = this.parts.later(KEEP_MS, tick);
    const end = (): void => {
      stop();
      disk.keepNow();
      disk.keepBy(undefined);
      writer.close();
      if (this.used.get(volume) === mine) this.used.delete(volume);
    };
    const mine = { disk, end, who };
    this.used.set(volume, mine);
    return {
      disk,
      close: end,
      rename: name => {
        mine.who = name;
        writer.rename(name);
      },
    };
  };

  /** The storage goes: what is written from now on is in memory alone. */
  endAll(): void {
    for (const { end } of [...this.used.values()]) end();
    this.storage = undefined;
  }
}

/** The volume of an image, made when something is written first. */
class Writer implements ChangeKeeper {
  private readonly storage: Storage;
  private readonly volume: string;
  private readonly disk: OverlayDisk;
  private readonly say: (sentence: string) => void;
  private who: string;
  private opened: OpenDisk | undefined;
  /** That it is full, or broken, was reported. */
  private isReported = false;

  constructor(storage: Storage, volume: string, who: string, disk: OverlayDisk, say: (sentence: string) => void) {
    this.storage = storage;
    this.volume = volume;
    this.who = who;
    this.disk = disk;
    this.say = say;
  }

  private get isThere(): boolean {
    return this.storage.volumes.some(({ name }) => name === this.volume);
  }

  /** @throws StorageError */
  private open(): OverlayVolume {
    const { storage, volume, disk } = this;
    if (!this.opened) {
      const path = `${GIVEN}${volume.slice(PREFIX.length)}`;
      // What is written here says nothing of the file's check sum: the volume's name says which image it is.
      const image = { device: disk.original, checksum: 0 };
      if (this.isThere) storage.setImage(path, image);
      else storage.createOverlay(volume, path, image);
      this.opened = storage.open(`/dev/${GROUP}/${volume}`, this.who, true);
    }
    return this.opened.medium as OverlayVolume;
  }

  /** The disk has what was written before. @throws StorageError */
  goOn(): void {
    if (!this.isThere) return;
    const medium = this.open();
    for (const { at, bytes } of medium.writtenBlocks()) {
      const block = new Uint8Array(OVERLAY_BLOCK_BYTES);
      medium.read(at, block.subarray(0, bytes));
      this.disk.change({ block: at / OVERLAY_BLOCK_BYTES, bytes: block });
    }
  }

  /** What was written before counts no more: the disk has it, or something else. @throws StorageError */
  replace(): void {
    if (!this.isThere) return;
    const medium = this.open();
    for (const { at } of [...medium.writtenBlocks()]) {
      const block = at / OVERLAY_BLOCK_BYTES;
      if (!this.disk.block(block)) medium.revert(block);
    }
  }

  keep(changes: Parameters<ChangeKeeper['keep']>[0]): boolean {
    try {
      const medium = this.open();
      for (const { block, bytes } of changes) {
        const at = block * OVERLAY_BLOCK_BYTES;
        if (bytes) medium.write(at, bytes.subarray(0, Math.min(bytes.length, medium.bytes - at)));
        else medium.revert(block);
      }
      medium.flush();
      this.isReported = false;
      return true;
    } catch (error) {
      if (!this.isReported)
        this.say(
          `${this.disk.label}: what ${this.who} writes is in memory, and could not be kept: ${(error as Error).message} It is tried again.`,
        );
      this.isReported = true;
      return false;
    }
  }

  rename(who: string): void {
    this.who = who;
    this.opened?.rename(who);
  }

  close(): void {
    this.opened?.close();
    this.opened = undefined;
  }
}
