/**
 * Where the host keeps what must outlive it: a few files with random access. Opening may take a while; everything else is done when it returns,
 * as a directory's files and a browser's access handles have it.
 */
import { type BlockDevice, DeviceFull, ImmediateDevice, inUnits } from '../../../formats/blocks/index.ts';
import type { StoredDisk } from './stored-disk.ts';

/** What is kept contradicts itself, or cannot be read. The sentence says where and what can be done. */
export class StoreDamaged extends Error {
  override name = 'StoreDamaged';
}

/** Of a page's host. */
export const BROWSER_STORAGE = 'this browser’s storage';

/** `what` is damaged, and what can be done where that is. */
export function damaged({ where }: Pick<Store, 'where'>, what: string): StoreDamaged {
  const help =
    where === BROWSER_STORAGE
      ? 'This host keeps its files in memory meanwhile. Domain 0’s shell has a button that downloads the damaged files, for ringside storage on a computer, and one that begins a new host.'
      : `ringside storage --state ${where} check says what can be read, and repair writes a copy of all of it and then saves that. Or put back a copy of the whole directory.`;
  return new StoreDamaged(`${what} Nothing was changed. ${help}`);
}

/**
 * Bytes that grow: what is read past the end is zeros, and what lies between the old end and a write is zeros. A flush throws any Error but DeviceFull: nothing
 * is known of what was written then.
 */
export interface StoreFile extends BlockDevice {
  /** Cuts it off, or lengthens it with zeros. @throws as write */
  truncate(bytes: number): void;
  close(): void;
}

export interface Store {
  /** For people: where it is. */
  readonly where: string;
  /** Whether a host that is started later finds what was kept. */
  readonly outlivesHost: boolean;
  /** Opens a file, an empty one where there is none. The name is durable with the file's first flush. */
  open(name: string): Promise<StoreFile>;
  /** The same files, opened to be read: one that is not there is not made. Absent: `open` does no harm. */
  readonly look?: Pick<Store, 'where' | 'outlivesHost' | 'open'>;
  /** Opens the disk `name` (ExtentDisk.open) in the worker that has the files; absent: it is opened where the store is. `bytes`: of one that is not there yet. */
  openDisk?(name: string, bytes: number): Promise<StoredDisk>;
}

/** Files in memory: for a host that has no other storage, and for tests. */
export class MemoryStore implements Store {
  readonly where = 'memory';
  readonly outlivesHost = false;
  private readonly files = new Map<string, MemoryFile>();

  async open(name: string): Promise<StoreFile> {
    let file = this.files.get(name);
    if (!file) this.files.set(name, (file = new MemoryFile()));
    return file;
  }
}

/** Kept in chunks: a file of gigabytes is no single array, and one that grows is not copied. A chunk that was never written is zeros. */
export class MemoryFile extends ImmediateDevice implements StoreFile {
  private length = 0;
  private readonly chunks = new Map<number, Uint8Array>();
  /** Numbers of chunks that a copy has, too. */
  private readonly shared = new Set<number>();
  private readonly chunkBytes: number;

  constructor(chunkBytes = 2 ** 20) {
    super();
    this.chunkBytes = chunkBytes;
  }

  /** Another file with the same bytes. */
  copy(): MemoryFile {
    const copy = new MemoryFile(this.chunkBytes);
    copy.length = this.length;
    for (const [number, chunk] of this.chunks) {
      copy.chunks.set(number, chunk);
      copy.shared.add(number);
      this.shared.add(number);
    }
    return copy;
  }

  /** A chunk that may be written: one that a copy has, too, is copied before. */
  private own(number: number, chunk: Uint8Array): Uint8Array {
    if (!this.shared.delete(number)) return chunk;
    const own = chunk.slice();
    this.chunks.set(number, own);
    return own;
  }

  get bytes(): number {
    return this.length;
  }

  read(at: number, into: Uint8Array): void {
    inUnits(at, into.length, this.chunkBytes, (number, within, from, count) => {
      const chunk = this.chunks.get(number);
      if (chunk) into.set(chunk.subarray(within, within + count), from);
      else into.fill(0, from, from + count);
    });
  }

  override write(at: number, bytes: Uint8Array): void {
    inUnits(at, bytes.length, this.chunkBytes, (number, within, from, count) => {
      let chunk = this.chunks.get(number);
      if (!chunk) {
        try {
          chunk = new Uint8Array(this.chunkBytes);
        } catch {
          throw new DeviceFull('the browser gives no more memory');
        }
        this.chunks.set(number, chunk);
      }
      this.own(number, chunk).set(bytes.subarray(from, from + count), within);
    });
    this.length = Math.max(this.length, at + bytes.length);
  }

  truncate(bytes: number): void {
    for (const [number, chunk] of this.chunks) {
      const keep = bytes - number * this.chunkBytes;
      if (keep <= 0) {
        this.chunks.delete(number);
        this.shared.delete(number);
      } else if (keep < this.chunkBytes) this.own(number, chunk).fill(0, keep);
    }
    this.length = bytes;
  }

  close(): void {}
}

/** What was asked for cannot be done; the sentence says why, in the words of the tool that people know. */
export class StorageError extends Error {
  override name = 'StorageError';
}
