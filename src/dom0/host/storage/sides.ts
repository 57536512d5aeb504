/**
 * A store with room for two states, of which one counts: a new one is written next to the one that counts, and takes its place by one small write. After a power
 * cut it is the one or the other, whole. What was kept before there were two sides is the first one.
 *
 *   NAME, other.NAME    files of the two sides
 *   side                two places, written alternately: a count and its CRC-32; the larger one is valid, and its lowest bit names the side
 */
import { ImmediateDevice } from '../../../formats/blocks/index.ts';
import { crc32 } from '../../../formats/unpack/index.ts';
import type { Store, StoreFile } from './store.ts';

const SIDE = 'side';
/** Two sectors: a write that is torn harms one place. */
const PLACE_BYTES = 512,
  RECORD_BYTES = 8;

/** A file of a side, which the side knows to be open. */
class OpenedFile extends ImmediateDevice implements StoreFile {
  private readonly file: StoreFile;
  readonly close: () => void;

  constructor(file: StoreFile, close: () => void) {
    super();
    this.file = file;
    this.close = close;
  }

  get bytes(): number {
    return this.file.bytes;
  }

  read(at: number, into: Uint8Array): void {
    this.file.read(at, into);
  }

  override write(at: number, from: Uint8Array): void {
    this.file.write(at, from);
  }

  override flush(): void {
    this.file.flush();
  }

  truncate(bytes: number): void {
    this.file.truncate(bytes);
  }
}

/** One side of a store. */
export class SidedStore implements Store {
  private readonly base: Store;
  private readonly count: number;
  /** Open files, by name. */
  private readonly files = new Map<string, StoreFile>();
  /** Where the base opens disks itself. */
  readonly openDisk?: NonNullable<Store['openDisk']>;

  private constructor(base: Store, count: number) {
    this.base = base;
    this.count = count;
    if (base.openDisk) this.openDisk = (name, bytes) => base.openDisk!(this.nameOf(name), bytes);
  }

  /** Of a file of this side, in the base. */
  nameOf(name: string): string {
    return this.count & 1 ? `other.${name}` : name;
  }

  /** The side that counts. @throws Error of the store */
  static async open(base: Store): Promise<SidedStore> {
    const marks = await base.open(SIDE);
    try {
      const counts = [0, 1].map(place => {
        const bytes = new Uint8Array(RECORD_BYTES);
        marks.read(place * PLACE_BYTES, bytes);
        const view = new DataView(bytes.buffer);
        return view.getUint32(4, true) === crc32(bytes.subarray(0, 4)) >>> 0 ? view.getUint32(0, true) : 0;
      });
      return new SidedStore(base, Math.max(...counts));
    } finally {
      marks.close();
    }
  }

  get where(): string {
    return this.base.where;
  }

  get outlivesHost(): boolean {
    return this.base.outlivesHost;
  }

  async open(name: string): Promise<StoreFile> {
    const file = await this.base.open(this.nameOf(name));
    const close = (): void => {
      this.files.delete(name);
      file.close();
    };
    const opened = new OpenedFile(file, close);
    this.files.set(name, opened);
    return opened;
  }

  /** A file that somebody has open here, to read it. */
  opened(name: string): StoreFile | undefined {
    return this.files.get(name);
  }

  /** The same, for a look at what lies there: its disks are opened where the store is. */
  get plain(): Store {
    return { where: this.where, outlivesHost: this.outlivesHost, open: name => this.open(name) };
  }

  /** The side that does not count yet. */
  other(): SidedStore {
    return new SidedStore(this.base, this.count + 1);
  }

  /** From now on this side counts; its files are flushed. @throws Error of the store: the other one still counts */
  async commit(): Promise<void> {
    const bytes = new Uint8Array(RECORD_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.count, true);
    view.setUint32(4, crc32(bytes.subarray(0, 4)), true);
    const marks = await this.base.open(SIDE);
    try {
      marks.write((this.count & 1) * PLACE_BYTES, bytes);
      marks.flush();
    } finally {
      marks.close();
    }
  }

  /** Closes what somebody who failed has left open. */
  letGo(): void {
    for (const file of [...this.files.values()]) file.close();
  }

  /** Empties files that are not open. @throws Error of the store */
  async clear(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const file = await this.open(name);
      try {
        if (file.bytes > 0) file.truncate(0);
      } finally {
        file.close();
      }
    }
  }
}
