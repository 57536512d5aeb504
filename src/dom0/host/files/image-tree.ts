/**
 * Domain 0's file tree with its disk images and its large files on the host's disk: each is a volume (storage/image-names.ts). A raw image or a CD below
 * /var/lib/xen/images is one whatever its size, and what a guest writes to it is there. The tree in memory has an empty file in their place. What is no whole
 * number of sectors, or a qcow2 image, whose blocks lie elsewhere than the guest's, is a file like any other.
 */
import { SECTOR_BYTES } from '../../../formats/blocks/index.ts';
import type {
  BufferEncoding,
  CpOptions,
  FileContent,
  FsStat,
  IFileSystem,
  InMemoryFs,
  MkdirOptions,
  RmOptions,
} from 'just-bash/browser';
import { isQcow2 } from '../../../hypervisor/disks/index.ts';
import { isKept, MOST_FILE_BYTES } from './changes.ts';
import { entryOf } from './host-files.ts';
import { GROUP, imageVolume, largeVolume, type Storage, type StoredFile } from '../storage/index.ts';

type ReadOptions = Parameters<IFileSystem['readFile']>[1];
type WriteOptions = { encoding?: BufferEncoding } | BufferEncoding;

const MIB = 2 ** 20;
/** What is read of an image as a whole; programs that know devices (dd, qemu-img, sfdisk) read parts. */
const MOST_WHOLE_BYTES = 1024 * MIB;

export class ImageTree implements IFileSystem {
  private readonly tree: InMemoryFs;
  private readonly storage: Storage;
  /** Images that have their file in the tree, by path, as of that change of the volume group. */
  private readonly shown = new Set<string>();
  private seqno = -1;
  /** Images whose files are others now: their volumes go once that is durable. */
  private readonly leaving = new Set<string>();
  /** Images that were written empty: a shell does that before it writes what shall be there. */
  private readonly emptied = new Set<string>();

  constructor(tree: InMemoryFs, storage: Storage) {
    this.tree = tree;
    this.storage = storage;
    this.show();
  }

  /** Volumes come and go by other ways, too: lvremove, a snapshot that is gone back to. */
  private show(): void {
    if (this.storage.seqno === this.seqno) return;
    const { files } = this.storage;
    for (const { path, createdMs } of files) {
      if (this.shown.has(path)) continue;
      this.shown.add(path);
      this.tree.writeFileSync(path, '', undefined, { mtime: new Date(createdMs) });
    }
    const paths = new Set(files.map(({ path }) => path));
    for (const path of this.shown) {
      if (paths.has(path)) continue;
      this.shown.delete(path);
      void this.tree.rm(path, { force: true });
    }
    this.seqno = this.storage.seqno;
  }

  /** The image at a path, whatever links lead there. */
  private async imageAt(path: string): Promise<StoredFile | undefined> {
    this.show();
    const real = await this.tree.realpath(path).catch(() => undefined);
    return real === undefined ? undefined : this.own(real);
  }

  private own(path: string): StoredFile | undefined {
    return this.leaving.has(path) ? undefined : this.storage.file(path);
  }

  /** Images at a path and below it. */
  private below(path: string): StoredFile[] {
    return this.storage.files.filter(
      image => !this.leaving.has(image.path) && (image.path === path || image.path.startsWith(`${path}/`)),
    );
  }

  /** Whether what is at this path, its own, is on the host's disk, once nobody writes it any more. */
  isStored(path: string): boolean {
    this.show();
    if (this.emptied.delete(path)) this.leaving.add(path);
    return this.own(path) !== undefined;
  }

  /** Whether a file of this many bytes at this path would be on the host's disk, if it is no qcow2 image. */
  isForDisk(path: string, bytes: number): boolean {
    return volumeFor(path, bytes, new Uint8Array()) !== undefined;
  }

  /** What a change left to be done. `isDurable`: its other part is; else all is as it was before. */
  finish(isDurable: boolean): void {
    const leaving = [...this.leaving];
    this.leaving.clear();
    if (!isDurable) {
      // Images have their files again, wherever it ended.
      this.shown.clear();
      this.seqno = -1;
    }
    for (const path of isDurable ? leaving : []) {
      const image = this.storage.file(path);
      this.shown.delete(path);
      if (image) this.storage.removeUnused(image.volume);
    }
    this.show();
  }

  // ---- what changes nothing

  private whole({ path, volume, bytes }: StoredFile, most = MOST_WHOLE_BYTES): Uint8Array {
    if (bytes > most)
      throw new Error(
        `EFBIG: ${path} has ${Math.ceil(bytes / MIB)} MiB, and more than ${most / MIB} MiB are not read as a whole: dd if=${path} bs=1M count=N reads a part`,
      );
    const content = new Uint8Array(bytes);
    this.storage.fileMedium(volume).read(0, content);
    return content;
  }

  async readFile(path: string, options?: ReadOptions): Promise<string> {
    const image = await this.imageAt(path);
    if (!image) return this.tree.readFile(path, options);
    return textOf(this.whole(image), typeof options === 'string' ? options : (options?.encoding ?? 'utf8'));
  }
  async readFileBytes(path: string): ReturnType<InMemoryFs['readFileBytes']> {
    const image = await this.imageAt(path);
    return image
      ? (textOf(this.whole(image), 'latin1') as unknown as Awaited<ReturnType<InMemoryFs['readFileBytes']>>)
      : this.tree.readFileBytes(path);
  }
  async readFileBuffer(path: string): Promise<Uint8Array> {
    const image = await this.imageAt(path);
    return image ? this.whole(image) : this.tree.readFileBuffer(path);
  }
  async stat(path: string): Promise<FsStat> {
    const image = await this.imageAt(path);
    const stat = await this.tree.stat(path);
    return image ? { ...stat, size: image.bytes } : stat;
  }
  async lstat(path: string): Promise<FsStat> {
    const stat = await this.tree.lstat(path);
    return stat.isFile ? this.stat(path) : stat;
  }
  exists(path: string): Promise<boolean> {
    this.show();
    return this.tree.exists(path);
  }
  readdir(path: string): Promise<string[]> {
    this.show();
    return this.tree.readdir(path);
  }
  readlink(path: string): Promise<string> {
    return this.tree.readlink(path);
  }
  realpath(path: string): Promise<string> {
    this.show();
    return this.tree.realpath(path);
  }
  resolvePath(base: string, path: string): string {
    return this.tree.resolvePath(base, path);
  }
  getAllPaths(): string[] {
    this.show();
    return this.tree.getAllPaths();
  }

  // ---- what changes something: at paths of their own, no links

  writeFileSync(...given: Parameters<InMemoryFs['writeFileSync']>): void {
    this.tree.writeFileSync(...given);
  }
  mkdirSync(...given: Parameters<InMemoryFs['mkdirSync']>): void {
    this.tree.mkdirSync(...given);
  }
  writeFileLazy(...given: Parameters<InMemoryFs['writeFileLazy']>): void {
    this.tree.writeFileLazy(...given);
  }
  mkdir(path: string, options?: MkdirOptions): Promise<void> {
    return this.tree.mkdir(path, options);
  }
  chmod(path: string, mode: number): Promise<void> {
    return this.tree.chmod(path, mode);
  }
  utimes(path: string, atime: Date, mtime: Date): Promise<void> {
    return this.tree.utimes(path, atime, mtime);
  }
  symlink(target: string, path: string): Promise<void> {
    return this.tree.symlink(target, path);
  }

  async writeFile(path: string, content: FileContent, options?: WriteOptions): Promise<void> {
    this.refuseUsed(path);
    await this.tree.writeFile(path, content, options);
    if (content.length === 0 && this.own(path)) this.emptied.add(path);
    else await this.adopt(path);
  }

  async appendFile(path: string, content: FileContent, options?: WriteOptions): Promise<void> {
    this.refuseUsed(path);
    const image = this.own(path);
    if (image) await this.tree.writeFile(path, this.whole(image));
    await this.tree.appendFile(path, content, options);
    await this.adopt(path);
  }

  /** Cuts a file, or makes it longer with zeros. */
  async truncate(path: string, bytes: number): Promise<void> {
    this.refuseUsed(path);
    const image = this.own(path);
    if (image && volumeFor(path, bytes, this.head(image)) === image.volume)
      return this.storage.resizeVolume(image.volume, bytes);
    const old = image
      ? this.whole({ ...image, bytes: Math.min(bytes, image.bytes) })
      : await this.tree.readFileBuffer(path).catch(() => new Uint8Array());
    const volume = volumeFor(path, bytes, old);
    if (volume !== undefined) {
      this.put(path, volume, old.subarray(0, bytes), bytes);
      return this.tree.writeFile(path, '');
    }
    const whole = new Uint8Array(bytes);
    whole.set(old.subarray(0, bytes));
    await this.tree.writeFile(path, whole);
    await this.adopt(path);
  }

  async rm(path: string, options?: RmOptions): Promise<void> {
    const entry = await this.entry(path);
    const images = this.below(entry);
    for (const image of images) this.refuseUsed(image.path);
    await this.tree.rm(path, options);
    for (const { volume } of images) this.storage.removeVolume(volume);
    this.show();
  }

  async mv(from: string, to: string): Promise<void> {
    const [source, target] = [await this.entry(from), await this.entry(to)];
    if (source === target) return;
    const moved = this.follow(source, target);
    const replaced = await this.replacedBy(source, target);
    for (const path of [...moved.flatMap(({ image, path }) => [image.path, path]), ...replaced]) this.refuseUsed(path);
    await this.tree.mv(from, to);
    for (const path of replaced) this.leaving.add(path);
    for (const { image, path, to: volume } of moved) {
      if (typeof volume === 'string') this.move(image, volume);
      else {
        this.leaving.add(image.path);
        await this.tree.writeFile(path, volume);
      }
    }
    await this.adoptBelow(target);
  }

  async cp(from: string, to: string, options?: CpOptions): Promise<void> {
    const [source, target] = [await this.tree.realpath(from).catch(() => from), await this.entry(to)];
    if (source === target) return this.tree.cp(from, to, options);
    const copied = this.follow(source, target);
    const replaced = await this.replacedBy(source, target);
    for (const path of [...copied.map(each => each.path), ...replaced]) this.refuseUsed(path);
    await this.tree.cp(from, to, options);
    for (const path of replaced) this.leaving.add(path);
    for (const { image, path, to: volume } of copied) {
      if (typeof volume === 'string')
        this.replace(path, volume, fresh =>
          this.storage.copyToVolume(device(image.volume), fresh, { unfinished: true }),
        );
      else await this.tree.writeFile(path, volume);
    }
    await this.adoptBelow(target);
  }

  /** Images at `target` and below in whose place come files of `source` that are no images. */
  private async replacedBy(source: string, target: string): Promise<string[]> {
    const replaced: string[] = [];
    for (const { path } of this.below(target)) {
      const from = source + path.slice(target.length);
      if (!this.own(from) && (await this.tree.exists(from))) replaced.push(path);
    }
    return replaced;
  }

  async link(existing: string, path: string): Promise<void> {
    if (await this.imageAt(existing)) return this.cp(existing, path);
    await this.tree.link(existing, path);
    await this.adoptBelow(await this.entry(path));
  }

  /** Files on the disk at `source` and below, with their paths below `target`, and the volumes that they are there, or the bytes of those that are none. */
  private follow(source: string, target: string): { image: StoredFile; path: string; to: string | Uint8Array }[] {
    return this.below(source).map(image => {
      const path = target + image.path.slice(source.length);
      const volume = image.isQcow2 ? imageVolume(path) : volumeFor(path, image.bytes, this.head(image));
      return { image, path, to: volume ?? this.whole(image, MOST_FILE_BYTES) };
    });
  }

  private head(image: StoredFile): Uint8Array {
    return this.whole({ ...image, bytes: Math.min(image.bytes, SECTOR_BYTES) });
  }

  private entry(path: string): Promise<string> {
    this.show();
    return entryOf(this.tree, path);
  }

  private refuseUsed(path: string): void {
    this.show();
    const file = this.own(path);
    const [user] = file ? this.storage.whoHas(device(file.volume)) : [];
    if (user !== undefined) throw new Error(`EBUSY: resource busy or locked: ${user} has ${path} open`);
  }

  private async adoptBelow(path: string): Promise<void> {
    const stat = await this.tree.lstat(path).catch(() => undefined);
    if (stat?.isDirectory) for (const name of await this.tree.readdir(path)) await this.adoptBelow(`${path}/${name}`);
    else if (stat?.isFile) await this.adopt(path);
  }

  /** What the tree has at a path now goes to the disk, where it belongs there; else an image that was there goes. */
  private async adopt(path: string): Promise<void> {
    if (imageVolume(path) === undefined && !this.own(path) && !(await this.isLarge(path))) return;
    const { size } = await this.tree.stat(path);
    // An image has an empty file here.
    if (size === 0) return;
    const content = await this.tree.readFileBuffer(path);
    const volume = volumeFor(path, size, content);
    if (volume !== undefined) {
      try {
        this.put(path, volume, content, size);
      } catch (error) {
        await this.tree.rm(path, { force: true });
        throw error;
      }
      await this.tree.writeFile(path, '');
    } else if (this.own(path)) this.leaving.add(path);
  }

  private async isLarge(path: string): Promise<boolean> {
    return (await this.tree.stat(path)).size > MOST_FILE_BYTES;
  }

  /** A file of this many bytes that begins with `content`, in place of what is there, at one moment. */
  private put(path: string, volume: string, content: Uint8Array, bytes: number): void {
    this.replace(path, volume, fresh => {
      this.storage.createVolume(fresh, bytes, { bytes, unfinished: true });
      const medium = this.storage.medium(device(fresh));
      for (let at = 0; at < content.length; at += MIB) {
        const piece = content.subarray(at, at + MIB);
        // What is zeros takes no room.
        if (piece.some(byte => byte !== 0)) medium.write(at, piece);
      }
      medium.flush();
    });
  }

  private replace(path: string, volume: string, make: (fresh: string) => void): void {
    const fresh = `new.${volume}`;
    const before = this.storage.file(path)?.volume;
    this.leaving.delete(path);
    this.emptied.delete(path);
    this.storage.removeUnused(fresh);
    try {
      make(fresh);
      this.storage.exchange([{ path: device(volume), by: fresh }]);
    } finally {
      this.storage.removeUnused(fresh);
    }
    // It was a file of the other kind.
    if (before !== undefined && before !== volume) this.storage.removeUnused(before);
    this.shown.add(path);
    this.show();
  }

  private move({ volume }: StoredFile, to: string): void {
    if (this.storage.volumes.some(({ name }) => name === to)) {
      this.storage.exchange([{ path: device(to), by: volume }]);
      this.storage.removeUnused(volume);
    } else this.storage.renameVolume(volume, to);
    this.show();
  }
}

const device = (volume: string): string => `/dev/${GROUP}/${volume}`;

/** The volume that a file of this many bytes is, which begin so; undefined: it is none. */
function volumeFor(path: string, bytes: number, head: Uint8Array): string | undefined {
  const image = bytes >= SECTOR_BYTES && bytes % SECTOR_BYTES === 0 && !isQcow2(head) ? imageVolume(path) : undefined;
  return image ?? (bytes > MOST_FILE_BYTES && isKept(path) ? largeVolume(path) : undefined);
}

function textOf(bytes: Uint8Array, encoding: BufferEncoding): string {
  if (encoding === 'utf8' || encoding === 'utf-8') return new TextDecoder().decode(bytes);
  if (encoding === 'hex') return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
  const characters = Array.from({ length: Math.ceil(bytes.length / 8192) }, (_, i) =>
    String.fromCharCode(...bytes.subarray(8192 * i, 8192 * (i + 1))),
  ).join('');
  return encoding === 'base64' ? btoa(characters) : characters;
}
