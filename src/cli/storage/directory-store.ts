/** The host's files in a directory of node's file system, held by one process at a time. */
import { DeviceFull, ImmediateDevice } from '../../formats/blocks/index.ts';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Store, StoreFile } from '../../dom0/host/storage/index.ts';
import { keepToOwner, OWNER_ONLY, OWNER_ONLY_FOLDER } from '../owner-only.ts';
import { holdDirectory } from './directory-lock.ts';

class DirectoryFile extends ImmediateDevice implements StoreFile {
  private readonly fd: number;

  constructor(fd: number) {
    super();
    this.fd = fd;
  }

  get bytes(): number {
    return fstatSync(this.fd).size;
  }

  read(at: number, into: Uint8Array): void {
    readAll(this.fd, at, into);
  }

  override write(at: number, from: Uint8Array): void {
    for (let done = 0; done < from.length; )
      done += orFull(() => writeSync(this.fd, from, done, from.length - done, at + done));
  }

  truncate(bytes: number): void {
    orFull(() => ftruncateSync(this.fd, bytes));
  }

  override flush(): void {
    fsyncSync(this.fd);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** What is behind the end is zeros. */
function readAll(fd: number, at: number, into: Uint8Array): void {
  let done = 0;
  while (done < into.length) {
    const count = readSync(fd, into, done, into.length - done, at + done);
    if (count === 0) break;
    done += count;
  }
  into.fill(0, done);
}

function orFull<T>(what: () => T): T {
  try {
    return what();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') throw new DeviceFull((error as Error).message);
    throw error;
  }
}

/** It is there while a repair runs (repair.ts), and after one that did not end. */
export const REPAIRING = 'repairing';

/** A sentence with what to do, where the directory cannot be used at all. */
export function whyNot(path: string, { code, message }: NodeJS.ErrnoException): string {
  const instead = 'Name another directory, or leave --state out: then nothing is kept.';
  if (code === 'EROFS')
    return `${path} is on a file system that is mounted read-only, and a host writes its state. ${instead}`;
  if (code === 'EACCES' || code === 'EPERM') return `${path} may not be written by this user (${code}). ${instead}`;
  if (code === 'ENOTDIR' || code === 'EEXIST') return `${path} is no directory. ${instead}`;
  if (code === 'ENOSPC' || code === 'EDQUOT') return `${path}: there is no room left. ${instead}`;
  return message;
}

export class DirectoryStore implements Store {
  readonly where: string;
  readonly outlivesHost = true;
  readonly look: DirectoryLook;
  private readonly release: () => void;

  private constructor(where: string, release: () => void) {
    this.where = where;
    this.look = new DirectoryLook(where);
    this.release = release;
  }

  /** Makes the directory where there is none. `repairs`: it may be one whose repair did not end. @throws Error where it cannot be opened, with who holds it where somebody does */
  static async open(path: string, { repairs = false } = {}): Promise<DirectoryStore> {
    try {
      mkdirSync(path, { recursive: true, mode: OWNER_ONLY_FOLDER });
      const where = realpathSync(path);
      const release = await holdDirectory(where);
      if (repairs || !existsSync(join(where, REPAIRING))) return new DirectoryStore(where, release);
      release();
      throw new Error(
        `A repair of ${where} was begun and did not end. Run ringside storage --state ${where} repair again.`,
      );
    } catch (error) {
      throw new Error(whyNot(path, error as NodeJS.ErrnoException), { cause: error });
    }
  }

  async open(name: string): Promise<StoreFile> {
    const path = join(this.where, name);
    let fd: number;
    try {
      fd = openSync(path, 'r+');
      keepToOwner(fd);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      fd = openSync(path, 'wx+', OWNER_ONLY);
      this.flushNames();
    }
    return new DirectoryFile(fd);
  }

  /** A new file's name is durable when its directory is. Where directories cannot be opened (Windows) names need nothing. */
  private flushNames(): void {
    let fd: number;
    try {
      fd = openSync(this.where, 'r');
    } catch {
      return;
    }
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Others may have the directory. */
  close(): void {
    this.release();
  }
}

class ReadFile extends ImmediateDevice implements StoreFile {
  private readonly fd: number | undefined;

  constructor(fd: number | undefined) {
    super();
    this.fd = fd;
  }

  get bytes(): number {
    return this.fd === undefined ? 0 : fstatSync(this.fd).size;
  }

  read(at: number, into: Uint8Array): void {
    if (this.fd === undefined) into.fill(0);
    else readAll(this.fd, at, into);
  }

  override write(): void {
    throw new Error('The state is only looked at: nothing is written to it.');
  }

  truncate(): void {
    this.write();
  }

  override flush(): void {}

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
  }
}

/** The files of a directory, opened to be read; one that is not there is empty. */
export class DirectoryLook implements Store {
  readonly where: string;
  readonly outlivesHost = true;

  constructor(where: string) {
    this.where = where;
  }

  async open(name: string): Promise<StoreFile> {
    try {
      return new ReadFile(openSync(join(this.where, name), 'r'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return new ReadFile(undefined);
    }
  }
}
