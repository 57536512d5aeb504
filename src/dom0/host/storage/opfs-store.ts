/**
 * The host's files in the browser's origin private file system. An access handle is exclusive, and its calls block: for a worker that does nothing else, or
 * one where memory cannot be shared. Source: WHATWG File System Standard, FileSystemSyncAccessHandle.
 */
import { DeviceFull, ImmediateDevice } from '../../../formats/blocks/index.ts';
import { BROWSER_STORAGE, type Store, type StoreFile } from './store.ts';

/** What is used of FileSystemSyncAccessHandle. */
export interface AccessHandle {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
  write(from: Uint8Array, options: { at: number }): number;
  truncate(bytes: number): void;
  flush(): void;
  close(): void;
}

/** What is used of FileSystemDirectoryHandle. */
export interface OpfsDirectory {
  getFileHandle(
    name: string,
    options: { create: boolean },
  ): Promise<{ createSyncAccessHandle(): Promise<AccessHandle> }>;
}

export interface OpfsParts {
  directory: OpfsDirectory;
  sleep(ms: number): Promise<void>;
}

/** Handles of a worker that ended stay exclusive for a moment. */
const TRIES = 20,
  TRY_MS = 250;

class OpfsFile extends ImmediateDevice implements StoreFile {
  private readonly handle: AccessHandle;

  constructor(handle: AccessHandle) {
    super();
    this.handle = handle;
  }

  get bytes(): number {
    return this.handle.getSize();
  }

  read(at: number, into: Uint8Array): void {
    // Handles refuse views of shared memory.
    if (isShared(into)) {
      const bytes = new Uint8Array(into.length);
      this.read(at, bytes);
      return into.set(bytes);
    }
    let done = 0;
    while (done < into.length) {
      const count = this.handle.read(into.subarray(done), { at: at + done });
      if (count === 0) break;
      done += count;
    }
    into.fill(0, done);
  }

  override write(at: number, from: Uint8Array): void {
    if (isShared(from)) return this.write(at, from.slice());
    for (let done = 0; done < from.length; ) {
      const count = orFull(() => this.handle.write(from.subarray(done), { at: at + done }));
      // Chromium's private windows give base::File's error -8, no space, as a count without a sign.
      if (count === 0 || count > from.length - done) throw new DeviceFull(NO_ROOM);
      done += count;
    }
  }

  truncate(bytes: number): void {
    orFull(() => this.handle.truncate(bytes));
    // They say nothing of a file that they did not lengthen.
    if (this.handle.getSize() < bytes) throw new DeviceFull(NO_ROOM);
  }

  override flush(): void {
    this.handle.flush();
  }

  close(): void {
    this.handle.close();
  }
}

const isShared = ({ buffer }: Uint8Array): boolean =>
  typeof SharedArrayBuffer === 'function' && buffer instanceof SharedArrayBuffer;

const NO_ROOM = 'the browser gives this site no more storage';

function orFull<T>(what: () => T): T {
  try {
    return what();
  } catch (error) {
    if ((error as Error).name === 'QuotaExceededError') throw new DeviceFull(NO_ROOM);
    throw error;
  }
}

export class OpfsStore implements Store {
  readonly where = BROWSER_STORAGE;
  readonly outlivesHost = true;
  private readonly parts: OpfsParts;

  constructor(parts: OpfsParts) {
    this.parts = parts;
  }

  /** @throws Error where the file cannot be opened, as where somebody else has it open */
  async open(name: string): Promise<StoreFile> {
    const { directory, sleep } = this.parts;
    const file = await directory.getFileHandle(name, { create: true });
    for (let attempt = 1; ; attempt++) {
      try {
        return new OpfsFile(await file.createSyncAccessHandle());
      } catch (error) {
        if ((error as Error).name !== 'NoModificationAllowedError' || attempt === TRIES) throw error;
        await sleep(TRY_MS);
      }
    }
  }
}
