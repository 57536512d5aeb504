/**
 * Domain 0's file tree: definitions, kernels, logs. It is just-bash's tree in memory, and each change is in a journal of the host's store before the caller
 * hears that it is done. After a cut a file is as it was before a change, or as after it. A tree that the store kept is read back when it is opened.
 */
import { DeviceFull } from '../../../formats/blocks/index.ts';
import type {
  BufferEncoding,
  CpOptions,
  FileContent,
  FsStat,
  IFileSystem,
  MkdirOptions,
  RmOptions,
} from 'just-bash/browser';
import { IMAGES, Journal, type Store } from '../storage/index.ts';
import { type Change, decodeChanges, encodeChanges, isKept, MOST_FILE_BYTES } from './changes.ts';
import { entryOf } from './host-files.ts';
import type { ImageTree } from './image-tree.ts';

/** Folders of a new tree: where definitions, kernels, images and logs belong on a Xen host. */
export const FOLDERS = [
  '/boot',
  '/etc/xen/vm',
  '/etc/xen/auto',
  '/root',
  '/srv',
  '/tmp',
  '/var/lib/libvirt',
  '/var/lib/ringside',
  '/var/lib/xen/dump',
  IMAGES,
  '/var/log/xen/console',
];
/** Where libvirt's clients have images, unless they say where. */
const LIBVIRT_IMAGES = '/var/lib/libvirt/images';
const FILES = 'files';

type Written = {
  writeFileSync?(...given: unknown[]): void;
  mkdirSync?(...given: unknown[]): void;
  writeFileLazy?(path: string, read: () => Promise<Uint8Array>): void;
};

/** A tree some of whose files are kept elsewhere (image-tree.ts): the journal knows nothing of them. */
type Tree = IFileSystem & Written & Partial<Pick<ImageTree, 'isStored' | 'isForDisk' | 'truncate' | 'finish'>>;

/** Of a state that has none yet, or whose disk has none: the journal gets it with its first change, then it is given to the disk. */
interface NewIdentity {
  identity: number;
  /** @throws Error of the disk */
  given(identity: number): void;
}

export class KeptFiles implements IFileSystem {
  private readonly tree: Tree;
  private journal!: Journal;
  private newIdentity: NewIdentity | undefined;
  /** One change after the other: records are in the order in which the tree changed. */
  private last: Promise<unknown> = Promise.resolve();
  /** Called with a path when the file or folder there, or anything below it, has changed. */
  changed: (path: string) => void = () => {};
  /** Lines of shells that run, and files that are empty for them and that the journal has as they were. */
  private lines = 0;
  private readonly emptied = new Set<string>();
  /** All that is kept, by path, folders before what is in them: what a new journal begins with. */
  private readonly kept = new Map<string, Change>();

  private constructor(tree: Tree) {
    this.tree = tree;
    // just-bash puts its own folders and programs there, again each time.
    if (tree.writeFileSync) this.writeFileSync = tree.writeFileSync.bind(tree);
    if (tree.mkdirSync) this.mkdirSync = tree.mkdirSync.bind(tree);
  }

  writeFileSync?: (...given: unknown[]) => void;
  mkdirSync?: (...given: unknown[]) => void;

  /** Reads the kept tree into `tree`, an empty one. @throws StoreDamaged, Error of the store */
  static async open(store: Store, tree: IFileSystem, newIdentity?: NewIdentity): Promise<KeptFiles> {
    const files = new KeptFiles(tree);
    files.newIdentity = newIdentity;
    files.journal = await Journal.open(store, FILES, record => {
      for (const change of decodeChanges(record, store.where)) files.note(change);
    });
    for (const folder of FOLDERS) await tree.mkdir(folder, { recursive: true });
    const changes = [...files.kept.values()];
    // What is on the disk now is what counts: its file in the journal is of a host that kept it there.
    for (const change of changes)
      if (!(change.kind === 'file' && files.tree.isStored?.(change.path))) await putBack(tree, change);
    const moved = changes
      .filter(({ kind, path }) => kind === 'file' && files.tree.isStored?.(path))
      .map(({ path }) => path);
    if (moved.length > 0) await files.change(async () => moved);
    if (!(await tree.exists(LIBVIRT_IMAGES))) await tree.symlink(IMAGES, LIBVIRT_IMAGES);
    return files;
  }

  close(): void {
    this.journal.close();
  }

  // What changes nothing.

  readFile(path: string, options?: Parameters<IFileSystem['readFile']>[1]): Promise<string> {
    return this.tree.readFile(path, options);
  }
  readFileBytes(path: string): ReturnType<NonNullable<IFileSystem['readFileBytes']>> {
    return this.tree.readFileBytes!(path);
  }
  readFileBuffer(path: string): Promise<Uint8Array> {
    return this.tree.readFileBuffer(path);
  }
  exists(path: string): Promise<boolean> {
    return this.tree.exists(path);
  }
  stat(path: string): Promise<FsStat> {
    return this.tree.stat(path);
  }
  lstat(path: string): Promise<FsStat> {
    return this.tree.lstat(path);
  }
  readdir(path: string): Promise<string[]> {
    return this.tree.readdir(path);
  }
  readlink(path: string): Promise<string> {
    return this.tree.readlink(path);
  }
  realpath(path: string): Promise<string> {
    return this.tree.realpath(path);
  }
  resolvePath(base: string, path: string): string {
    return this.tree.resolvePath(base, path);
  }
  getAllPaths(): string[] {
    return this.tree.getAllPaths();
  }

  // What changes something.

  writeFile(
    path: string,
    content: FileContent,
    options?: { encoding?: BufferEncoding } | BufferEncoding,
  ): Promise<void> {
    return this.change(async () => {
      const target = await this.target(path);
      this.checkSize(target, content.length);
      await this.tree.writeFile(target, content, options);
      if (content.length > 0 || this.lines === 0) return [target];
      this.emptied.add(target);
      return [];
    });
  }
  appendFile(
    path: string,
    content: FileContent,
    options?: { encoding?: BufferEncoding } | BufferEncoding,
  ): Promise<void> {
    return this.change(async () => {
      const target = await this.target(path);
      const before = await this.tree.stat(target).then(
        ({ size }) => size,
        () => 0,
      );
      this.checkSize(target, before + content.length);
      await this.tree.appendFile(target, content, options);
      return [target];
    });
  }
  /** Cuts a file, or makes it longer with zeros; one that is not there is made. */
  truncate(path: string, bytes: number): Promise<void> {
    return this.change(async () => {
      const target = await this.target(path);
      this.checkSize(target, bytes);
      if (this.tree.truncate) await this.tree.truncate(target, bytes);
      else {
        const whole = new Uint8Array(bytes);
        whole.set((await this.tree.readFileBuffer(target).catch(() => new Uint8Array())).subarray(0, bytes));
        await this.tree.writeFile(target, whole);
      }
      return [target];
    });
  }
  mkdir(path: string, options?: MkdirOptions): Promise<void> {
    return this.change(async () => {
      await this.tree.mkdir(path, options);
      return [await this.tree.realpath(path)];
    });
  }
  rm(path: string, options?: RmOptions): Promise<void> {
    return this.change(async () => {
      const entry = await entryOf(this.tree, path);
      await this.tree.rm(path, options);
      return [entry];
    });
  }
  mv(from: string, to: string): Promise<void> {
    return this.change(async () => {
      const [source, target] = [await entryOf(this.tree, from), await entryOf(this.tree, to)];
      await this.tree.mv(from, to);
      return [source, target];
    });
  }
  cp(from: string, to: string, options?: CpOptions): Promise<void> {
    return this.change(async () => {
      await this.tree.cp(from, to, options);
      return [await entryOf(this.tree, to)];
    });
  }
  chmod(path: string, mode: number): Promise<void> {
    return this.change(async () => {
      await this.tree.chmod(path, mode);
      return [await this.tree.realpath(path)];
    });
  }
  utimes(path: string, atime: Date, mtime: Date): Promise<void> {
    return this.change(async () => {
      // The journal would have a record that cannot be read.
      if (Number.isNaN(mtime.getTime())) throw new Error(`EINVAL: invalid argument, utimes '${path}'`);
      await this.tree.utimes(path, atime, mtime);
      return [await this.tree.realpath(path)];
    });
  }
  symlink(target: string, path: string): Promise<void> {
    return this.change(async () => {
      await this.tree.symlink(target, path);
      return [await entryOf(this.tree, path)];
    });
  }
  /** After the host's next start the two names have a file each. */
  link(existing: string, path: string): Promise<void> {
    return this.change(async () => {
      await this.tree.link(existing, path);
      return [await entryOf(this.tree, path)];
    });
  }

  /**
   * Runs a line of a shell, which empties a file before it writes it (`echo 1 > file`): the file is kept as it was until something is in it, or the line
   * ends. @throws what `work` throws, and as a change
   */
  async line<T>(work: () => Promise<T>): Promise<T> {
    this.lines++;
    try {
      return await work();
    } finally {
      if (--this.lines === 0) await this.change(async () => [...this.emptied]);
    }
  }

  /** Puts a file there that is read when somebody needs it, and that is not kept. @throws Error where the path is one that is kept */
  async offer(path: string, read: () => Promise<Uint8Array>): Promise<void> {
    if (isKept(path)) throw new Error(`${path} is kept: write it.`);
    await this.tree.mkdir(path.slice(0, path.lastIndexOf('/')), { recursive: true });
    if (this.tree.writeFileLazy) this.tree.writeFileLazy(path, read);
    else await this.tree.writeFile(path, await read());
    this.changed(path);
  }

  /**
   * What is written when `path` is: just-bash's tree would put a file in place of a link or of a folder, and below a file. @throws Error where a link leads
   * nowhere or in a ring, and where no file can be
   */
  private async target(path: string): Promise<string> {
    const isLink = await this.tree.lstat(path).then(
      ({ isSymbolicLink }) => isSymbolicLink,
      (error: Error) => {
        if (/^ENOENT/.test(error.message)) return false;
        throw error;
      },
    );
    const target = await (isLink ? this.tree.realpath(path) : entryOf(this.tree, path));
    const isFolder = (at: string): Promise<boolean | undefined> =>
      this.tree.stat(at).then(
        ({ isDirectory }) => isDirectory,
        () => undefined,
      );
    if (await isFolder(target)) throw new Error(`EISDIR: illegal operation on a directory, open '${path}'`);
    // Folders that are not there are made; the nearest that is there may be a file.
    for (let above = target; above !== ''; ) {
      above = above.slice(0, above.lastIndexOf('/'));
      const is = await isFolder(above || '/');
      if (is === false) throw new Error(`ENOTDIR: not a directory, open '${path}'`);
      if (is) break;
    }
    return target;
  }

  private checkSize(path: string, bytes: number): void {
    if (bytes > MOST_FILE_BYTES && isKept(path) && !this.tree.isForDisk?.(path, bytes))
      throw new Error(
        `EFBIG: a file of Domain 0 has at most ${MOST_FILE_BYTES / 2 ** 20} MiB, unless it lies on the host's disk: ${path}`,
      );
  }

  /** Does it, and makes durable what is now at the paths that it names. @throws what `does` throws; Error ENOSPC where the store has no room */
  private change(does: () => Promise<string[]>): Promise<void> {
    const done = this.last.then(async () => {
      let isDurable = false;
      try {
        await this.carryOut(does);
        isDurable = true;
      } finally {
        this.tree.finish?.(isDurable);
      }
    });
    this.last = done.catch(() => {});
    return done;
  }

  private async carryOut(does: () => Promise<string[]>): Promise<void> {
    const changes: Change[] = [];
    try {
      const paths = await does();
      for (const path of paths) {
        this.emptied.delete(path);
        await this.collect(path, changes);
      }
      for (const path of paths) this.changed(path);
      if (changes.length === 0) return;
      for (const change of changes) this.note(change);
      for (const record of records(changes)) this.journal.append(record);
      this.journal.flush(() => records([...this.kept.values()]));
      this.identify();
    } catch (error) {
      if (error instanceof DeviceFull) throw new Error(`ENOSPC: no space left on device: ${error.message}`);
      throw error;
    }
  }

  private identify(): void {
    const { newIdentity, journal } = this;
    if (!newIdentity || !journal.identify(newIdentity.identity, () => records([...this.kept.values()]))) return;
    try {
      newIdentity.given(newIdentity.identity);
      this.newIdentity = undefined;
    } catch (error) {
      // The next change tries it again.
      if (!(error instanceof DeviceFull)) throw error;
    }
  }

  /** What is at a path, and below it. */
  private async collect(path: string, into: Change[]): Promise<void> {
    if (!isKept(path)) return;
    const stat = await this.tree.lstat(path).catch(() => undefined);
    const old = this.kept.get(path);
    const kind =
      !stat || (stat.isFile && this.tree.isStored?.(path))
        ? 'gone'
        : stat.isSymbolicLink
          ? 'link'
          : stat.isDirectory
            ? 'folder'
            : 'file';
    if (old && old.kind !== kind) into.push({ kind: 'gone', path });
    if (!stat || kind === 'gone') {
      if (!old && !stat) into.push({ kind: 'gone', path });
      return;
    }
    const { mode } = stat,
      mtimeMs = stat.mtime.getTime();
    if (kind === 'link') into.push({ kind, path, target: await this.tree.readlink(path) });
    else if (kind === 'file') into.push({ kind, path, mode, mtimeMs, bytes: await this.tree.readFileBuffer(path) });
    else {
      into.push({ kind: 'folder', path, mode, mtimeMs });
      for (const name of await this.tree.readdir(path)) await this.collect(`${path === '/' ? '' : path}/${name}`, into);
    }
  }

  private note(change: Change): void {
    if (change.kind === 'gone') {
      const below = `${change.path}/`;
      for (const path of this.kept.keys()) if (path === change.path || path.startsWith(below)) this.kept.delete(path);
    } else this.kept.set(change.path, change);
  }
}

/** One record, or several where they would be more than a record may have: a copy of a large folder, and the whole tree. */
function records(changes: readonly Change[]): Uint8Array[] {
  const made: Uint8Array[] = [];
  let part: Change[] = [],
    bytes = 0;
  for (const change of changes) {
    const size = 256 + change.path.length * 3 + (change.kind === 'file' ? change.bytes.length : 0);
    if (part.length > 0 && bytes + size > MOST_FILE_BYTES) {
      made.push(encodeChanges(part));
      part = [];
      bytes = 0;
    }
    part.push(change);
    bytes += size;
  }
  if (part.length > 0) made.push(encodeChanges(part));
  return made;
}

async function putBack(tree: IFileSystem, change: Change): Promise<void> {
  const { path } = change;
  if (change.kind === 'link') return tree.symlink(change.target, path);
  if (change.kind === 'folder') await tree.mkdir(path, { recursive: true });
  else if (change.kind === 'file') await tree.writeFile(path, change.bytes);
  else return;
  const time = new Date(change.mtimeMs);
  await tree.chmod(path, change.mode);
  await tree.utimes(path, time, time);
}
