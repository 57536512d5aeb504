/** Folders of this machine that a host may have (--allow): the files in them by what its system says of them, the images in them as disks of guests. */
import {
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  type Stats,
  statfsSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { posix } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { imageHead } from '../../dom0/service/index.ts';
import {
  type AllowedFiles,
  FOLDERS,
  type ImageFormat,
  type MeasuredImage,
  type SeenImage,
} from '../../dom0/host/files/index.ts';
import { IMAGES, type OpenDisk } from '../../dom0/host/storage/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { ImageError, isVmdk, isVpc, VmdkDisk, VpcDisk } from '../../formats/other-images/index.ts';
import { Qcow2Disk, Qcow2Error, qcow2HeaderOf, Qcow2Source } from '../../formats/qcow2/index.ts';
import { fileBytes } from '../file-bytes.ts';
import { allocate } from './allocate.ts';
import { FileDevice } from '../file-device.ts';
import { lockFile } from './file-lock.ts';

/** A folder cannot be allowed: a sentence with what to do. */
export class NotAllowed extends Error {
  override name = 'NotAllowed';
}

/** Where Domain 0 keeps what is its own, or leads to it. */
const DOMAIN_0_FOLDERS = [...FOLDERS, '/var/lib/libvirt/images', '/dev', '/etc'];
/** Its images lie on the host's disk. */
const IMAGE_FOLDERS = [IMAGES, '/var/lib/libvirt/images'];
const NEW_FILE_MODE = 0o600;
const BLOCK_BYTES = 512;
/** Images that lie on one another. */
const MOST_LAYERS = 200;

const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);

/** As a system call fails. */
function failed(code: 'EACCES' | 'EPERM' | 'EINVAL' | 'EISDIR', path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${WORDS[code].toLowerCase()}, open '${path}'`), { code });
}

/** As glibc says it, where libuv says it otherwise. */
const WORDS: Record<string, string> = {
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  EINVAL: 'Invalid argument',
  EISDIR: 'Is a directory',
};

function wordsOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const known = WORDS[code] ?? [...getSystemErrorMap().values()].find(([name]) => name === code)?.[1];
  return known === undefined ? message : known[0].toUpperCase() + known.slice(1);
}

/** Where an open file is: proc(5), /proc/pid/fd. Without a /proc (macOS) its path is followed again. */
function placeOf(fd: number, path: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return realpathSync(path);
  }
}

/** virStorageSourceReportBrokenChain() of src/storage_file/storage_source.c. */
const accessError = (path: string, why: string, top = path): Error =>
  new Error(
    top === path
      ? `Cannot access storage file '${path}': ${why}`
      : `Cannot access backing file '${path}' of storage file '${top}': ${why}`,
  );

export class NodeAllowedFiles implements AllowedFiles {
  /** Their own paths. */
  private readonly folders: readonly string[];
  /** As they were written, too. */
  private readonly known: readonly string[];

  /** @throws NotAllowed */
  constructor(folders: readonly string[]) {
    const whole = folders.map(folder => posix.resolve(folder));
    this.folders = whole.map(ownFolder);
    this.known = [...whole, ...this.folders];
  }

  has(path: string): boolean {
    if (!path.startsWith('/')) return false;
    const whole = posix.normalize(path);
    if (this.known.some(folder => isBelow(path, folder) || isBelow(whole, folder))) return true;
    if (DOMAIN_0_FOLDERS.some(folder => isBelow(whole, folder))) return false;
    try {
      return this.isAllowed(realpathSync(path));
    } catch {
      return false;
    }
  }

  private isAllowed(own: string): boolean {
    return this.folders.some(folder => isBelow(own, folder));
  }

  /** The own path of what is there, which is below an allowed folder. @throws Error of the system */
  private own(path: string): string {
    const own = realpathSync(path);
    if (!this.isAllowed(own)) throw failed('EACCES', path);
    return own;
  }

  /** The own path of a name, whatever that is, or of one to be. @throws Error of the system */
  private ownEntry(path: string): string {
    const whole = path.replace(/(?<=.)\/+$/, '');
    const name = posix.basename(whole);
    return name === '..' || name === '.' ? this.own(whole) : posix.join(this.own(posix.dirname(whole)), name);
  }

  /** Nothing can have been put in its place since `own` was looked at, nor a link in that of a folder on the way. @throws Error of the system */
  private openAt(own: string, flags: number, path: string): number {
    const fd = openSync(own, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, NEW_FILE_MODE);
    try {
      if (!this.isAllowed(placeOf(fd, own))) throw failed('EACCES', path);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** A regular file. @throws Error of the system */
  private openOwn(path: string, flags: number): number {
    const fd = this.openAt(this.own(path), flags, path);
    const stat = fstatSync(fd);
    if (stat.isFile()) return fd;
    closeSync(fd);
    throw failed(stat.isDirectory() ? 'EISDIR' : 'EINVAL', path);
  }

  // ---- files

  async readFileBuffer(path: string): Promise<Uint8Array> {
    const fd = this.openOwn(path, constants.O_RDONLY);
    try {
      return fileBytes(fd);
    } finally {
      closeSync(fd);
    }
  }

  async writeFile(path: string, content: string | Uint8Array): Promise<void> {
    this.intoFile(path, fd => {
      ftruncateSync(fd, 0);
      writeFileSync(fd, content);
    });
  }

  async appendFile(path: string, content: string | Uint8Array): Promise<void> {
    this.intoFile(path, fd => appendFileSync(fd, content), constants.O_APPEND);
  }

  async truncate(path: string, bytes: number): Promise<void> {
    this.intoFile(path, fd => ftruncateSync(fd, bytes));
  }

  /** Changes a file, which is made where there is none, and that no one writes meanwhile. */
  private intoFile(path: string, change: (fd: number) => void, flags = 0): void {
    const entry = this.ownEntry(path);
    const isNew = lstatSync(entry, { throwIfNoEntry: false }) === undefined;
    const fd = isNew
      ? this.openAt(entry, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | flags, path)
      : this.openOwn(path, constants.O_RDWR | flags);
    try {
      const release = lockOrFail(fd, path);
      try {
        change(fd);
      } finally {
        release();
      }
    } finally {
      closeSync(fd);
    }
  }

  async readdir(path: string): Promise<string[]> {
    return readdirSync(this.own(path));
  }

  async mkdir(path: string, { recursive = false }: { recursive?: boolean } = {}): Promise<void> {
    // What an allowed folder lies in is nobody's here.
    if (recursive && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return void this.own(path);
    if (recursive && !statSync(posix.dirname(path), { throwIfNoEntry: false }))
      await this.mkdir(posix.dirname(path), { recursive });
    mkdirSync(this.ownEntry(path));
  }

  /** A folder that is empty, whatever the options say: nobody is to lose more by a client than what that has named. */
  async rm(path: string, { force = false }: Parameters<AllowedFiles['rm']>[1] = {}): Promise<void> {
    const entry = this.ownEntry(path);
    const stat = lstatSync(entry, { throwIfNoEntry: !force });
    if (!stat) return;
    if (stat.isDirectory()) return rmdirSync(entry);
    const release = this.lockEntry(entry, path);
    try {
      unlinkSync(entry);
    } finally {
      release();
    }
  }

  unlink(path: string): void {
    unlinkSync(this.ownEntry(path));
  }

  /** Nobody writes a file meanwhile. @throws Error in libvirt's words where somebody does */
  private lockEntry(entry: string, path: string): () => void {
    const stat = lstatSync(entry);
    const release = stat.isFile() ? lockFile(inodeOf(stat)) : () => {};
    if (!release) throw lockedError(path);
    return release;
  }

  async symlink(_target: string, path: string): Promise<void> {
    throw failed('EPERM', path);
  }

  async readlink(path: string): Promise<string> {
    return readlinkSync(this.ownEntry(path));
  }

  async mv(from: string, to: string): Promise<void> {
    const [source, target] = [this.ownEntry(from), this.ownEntry(to)];
    const release = this.lockEntry(source, from);
    try {
      renameSync(source, target);
    } finally {
      release();
    }
  }

  async chmod(path: string, mode: number): Promise<void> {
    chmodSync(this.own(path), mode);
  }

  async utimes(path: string, atime: Date, mtime: Date): Promise<void> {
    utimesSync(this.own(path), atime, mtime);
  }

  async stat(path: string): ReturnType<AllowedFiles['stat']> {
    return statOf(statSync(this.own(path)));
  }

  async lstat(path: string): ReturnType<AllowedFiles['lstat']> {
    return statOf(lstatSync(this.ownEntry(path)));
  }

  async realpath(path: string): Promise<string> {
    return this.own(path);
  }

  async exists(path: string): Promise<boolean> {
    try {
      this.own(path);
      return true;
    } catch {
      return false;
    }
  }

  room(folder: string): { capacityBytes: number; availableBytes: number } {
    const { bsize, blocks, bavail } = statfsSync(this.own(folder));
    return { capacityBytes: bsize * blocks, availableBytes: bsize * bavail };
  }

  // ---- images

  problem(path: string, writes: boolean): string | undefined {
    try {
      closeSync(this.openOwn(path, writes ? constants.O_RDWR : constants.O_RDONLY));
      return undefined;
    } catch (error) {
      return wordsOf(error);
    }
  }

  openFile(path: string, writes: boolean): { file: FileDevice; close(): void } {
    return this.openLayer(path, writes, path);
  }

  /** `top`: the image that it is, or lies below. */
  private openLayer(path: string, writes: boolean, top: string, shared = false): { file: FileDevice; close(): void } {
    let fd: number;
    try {
      fd = this.openOwn(path, writes ? constants.O_RDWR : constants.O_RDONLY);
    } catch (error) {
      throw accessError(path, wordsOf(error), top);
    }
    try {
      const release = writes ? lockOrFail(fd, path, shared) : () => {};
      let isOpen = true;
      // Its number is another file's from then on.
      const close = (): void => {
        if (!isOpen) return;
        isOpen = false;
        // close(2) may tell of a write that failed (NFS): the file is closed nevertheless.
        try {
          closeSync(fd);
        } finally {
          release();
        }
      };
      return { file: new FileDevice(fd, writes), close };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** The disk in an image, with what that lies on. @throws Error in libvirt's words */
  private disk(
    path: string,
    {
      writes,
      format,
      shared = false,
      top = path,
      depth = 0,
    }: { writes: boolean; format?: string | undefined; shared?: boolean; top?: string; depth?: number },
  ): { medium: BlockDevice; close(): void } {
    if (depth > MOST_LAYERS) throw accessError(path, 'it lies on itself', top);
    const { file, close } = this.openLayer(path, writes, top, shared);
    if (format === 'vmdk' || format === 'vpc')
      try {
        return { medium: format === 'vmdk' ? new VmdkDisk(file) : new VpcDisk(file), close };
      } catch (error) {
        close();
        throw error instanceof ImageError ? new Error(`${path} ${error.message}`) : error;
      }
    if (format !== 'qcow2') return { medium: file, close };
    const open = [{ close }];
    const closeAll = (): void => open.splice(0).forEach(each => each.close());
    try {
      const backing = qcow2HeaderOf(file)?.backing;
      let below: BlockDevice | undefined;
      if (backing) {
        const under = posix.resolve(posix.dirname(this.own(path)), backing.path);
        if (!backing.format)
          throw new Error(
            `format of backing image '${under}' of image '${path}' was not specified in the image metadata`,
          );
        const opened = this.disk(under, { writes: false, format: backing.format, top, depth: depth + 1 });
        open.push(opened);
        below = opened.medium;
      }
      const medium = writes ? new Qcow2Disk(file, { backing: below }) : new Qcow2Source(file, { backing: below });
      const end = (): void => {
        try {
          medium.flush();
        } finally {
          closeAll();
        }
      };
      return { medium, close: writes ? end : closeAll };
    } catch (error) {
      closeAll();
      throw error instanceof Qcow2Error ? new Error(`${path} ${error.message}`) : error;
    }
  }

  open(
    path: string,
    _who: string,
    writes: boolean,
    _uuid: string,
    format: string | undefined,
    shared = false,
  ): OpenDisk {
    return {
      ...this.disk(path, { writes, format, shared: shared && format !== 'qcow2' }),
      path: this.own(path),
      rename: () => {},
    };
  }

  look(path: string, format: string | undefined): SeenImage {
    const { medium, close } = this.disk(path, { writes: false, format });
    try {
      return { head: imageHead(medium), bytes: medium.bytes };
    } finally {
      close();
    }
  }

  measure(path: string): MeasuredImage {
    const { file, close } = this.openFile(path, false);
    try {
      const qcow2 = qcow2HeaderOf(file);
      const allocationBytes = statSync(this.own(path)).blocks * BLOCK_BYTES;
      const format = qcow2 ? 'qcow2' : formatOf(file);
      const capacityBytes = qcow2?.diskBytes ?? this.capacityOf(path, format) ?? file.bytes;
      return { format, capacityBytes, allocationBytes, fileBytes: file.bytes, qcow2 };
    } finally {
      close();
    }
  }

  /** Of a disk in an image of another product; undefined: it is none, or one that is damaged, which is as long as its file. */
  private capacityOf(path: string, format: ImageFormat): number | undefined {
    if (format === 'raw') return undefined;
    try {
      return this.look(path, format).bytes;
    } catch {
      return undefined;
    }
  }

  allocate(path: string, bytes: number): void {
    this.intoFile(path, fd => allocate(fd, bytes));
  }

  resizeQcow2(path: string, bytes: number): void {
    const { medium, close } = this.disk(path, { writes: true, format: 'qcow2' });
    try {
      (medium as Qcow2Disk).resize(bytes);
    } finally {
      close();
    }
  }
}

/** Of a file that is no qcow2 image. */
function formatOf(file: BlockDevice): ImageFormat {
  const head = new Uint8Array(Math.min(BLOCK_BYTES, file.bytes));
  file.read(0, head);
  return isVmdk(head) ? 'vmdk' : isVpc(head) ? 'vpc' : 'raw';
}

/** @throws NotAllowed */
function ownFolder(folder: string): string {
  const refuse = (why: string): never => {
    throw new NotAllowed(`--allow ${folder}: ${why}`);
  };
  let own: string;
  try {
    own = realpathSync(folder);
  } catch (error) {
    return refuse(`${wordsOf(error)}. Name a folder.`);
  }
  if (!statSync(own).isDirectory()) refuse('this is no folder. Name the one that the images lie in.');
  for (const path of [folder, own]) {
    const domain0 = DOMAIN_0_FOLDERS.find(each => isBelow(each, path));
    if (domain0 !== undefined)
      refuse(`Domain 0 has ${domain0} itself, and one path is of one file. Name a folder below ${path}.`);
    if (IMAGE_FOLDERS.some(each => isBelow(path, each)))
      refuse('Domain 0 has its images there, and one path is of one file. Name a folder elsewhere.');
  }
  return own;
}

const inodeOf = ({ dev, ino }: Pick<Stats, 'dev' | 'ino'>): string => `${dev}:${ino}`;

/** virLockSpaceAcquireResource() of src/util/virlockspace.c. */
const lockedError = (path: string): Error => new Error(`resource busy: Lockspace resource '${path}' is locked`);

/** @throws Error in libvirt's words where somebody writes it */
function lockOrFail(fd: number, path: string, shared = false): () => void {
  const release = lockFile(inodeOf(fstatSync(fd)), shared);
  if (!release) throw lockedError(path);
  return release;
}

const statOf = (stat: Stats): Awaited<ReturnType<AllowedFiles['stat']>> => ({
  isFile: stat.isFile(),
  isDirectory: stat.isDirectory(),
  isSymbolicLink: stat.isSymbolicLink(),
  mode: stat.mode,
  size: stat.size,
  mtime: stat.mtime,
});
