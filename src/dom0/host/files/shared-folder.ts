/**
 * A folder of Domain 0's files that a guest mounts (devices/virtio/nine-p.ts). Nothing outside it is reached, whatever the guest asks for and whatever links lie in
 * it: no link is followed here, on the way or at its end, and one request is done after the other, so that no other guest of the same folder puts a link on a way
 * that was looked at.
 */
import { ERRNO, type FileFacts, type FolderAnswer, type FolderRequest } from '../../../devices/index.ts';
import type { FsStat } from 'just-bash/browser';
import { MOST_FILE_BYTES } from './changes.ts';
import type { HostFiles } from './host-files.ts';

const S_IFREG = 0o100000,
  S_IFDIR = 0o040000,
  S_IFLNK = 0o120000;
const PERMISSIONS = 0o7777;
/** Done already, where it is asked for again. */
const DONE_BEFORE: Partial<Record<FolderRequest['op'], number>> = {
  create: ERRNO.EEXIST,
  folder: ERRNO.EEXIST,
  link: ERRNO.EEXIST,
  rename: ERRNO.ENOENT,
  remove: ERRNO.ENOENT,
};
const CHANGES: ReadonlySet<FolderRequest['op']> = new Set([
  ...(['write', 'create', 'empty', 'folder', 'link', 'rename', 'remove', 'change'] as const),
]);

class Refused extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** Of each tree, when the last request is done. */
const last = new WeakMap<HostFiles, Promise<unknown>>();

export interface Shared {
  /** In Domain 0. */
  path: string;
  readOnly: boolean;
  /** When a guest wants the time of a file to be that of now. */
  epochMs(): number;
}

/** Does what a guest asks of a folder. Whatever goes wrong is an answer. */
export function askFolder(files: HostFiles, shared: Shared, request: FolderRequest): Promise<FolderAnswer> {
  const done = (last.get(files) ?? Promise.resolve()).then(() => answer(files, shared, request));
  last.set(files, done);
  return done;
}

async function answer(
  files: HostFiles,
  { path, readOnly, epochMs }: Shared,
  request: FolderRequest,
): Promise<FolderAnswer> {
  try {
    if (readOnly && CHANGES.has(request.op)) throw new Refused(ERRNO.EROFS);
    const folder = new Folder(files, path, epochMs);
    try {
      return await folder.carryOut(request);
    } catch (error) {
      if (!request.again || errnoOf(error) !== DONE_BEFORE[request.op]) throw error;
      return 'to' in request || request.op === 'remove' ? {} : { facts: await folder.facts(request.path) };
    }
  } catch (error) {
    return { errno: errnoOf(error) };
  }
}

/** Errors of the file tree begin with their name. */
function errnoOf(error: unknown): number {
  if (error instanceof Refused) return error.errno;
  const name = /^(E[A-Z]+)/.exec((error as Error).message)?.[1] ?? '';
  return (ERRNO as Readonly<Record<string, number>>)[name] ?? ERRNO.EIO;
}

class Folder {
  private readonly files: HostFiles;
  /** Names from / on. */
  private readonly root: readonly string[];
  private readonly epochMs: () => number;

  constructor(files: HostFiles, path: string, epochMs: () => number) {
    this.files = files;
    this.epochMs = epochMs;
    this.root = path.split('/').filter(name => name !== '');
  }

  async carryOut(request: FolderRequest): Promise<FolderAnswer> {
    const { path } = request;
    const { files } = this;
    switch (request.op) {
      case 'facts':
        return { facts: await this.facts(path) };
      case 'walk':
        return this.walk(path, request.names);
      case 'list':
        return this.list(path);
      case 'read': {
        const whole = await files.readFileBuffer(await this.file(path));
        return { bytes: whole.slice(request.at, request.at + request.count) };
      }
      case 'write': {
        await this.write(await this.file(path), request.at, request.bytes);
        return {};
      }
      case 'create':
        return this.create(path, request.mode, request.isNew);
      case 'empty': {
        await this.truncate(await this.file(path), 0);
        return { facts: await this.facts(path) };
      }
      case 'folder': {
        const at = await this.free(path);
        await files.mkdir(at);
        await files.chmod(at, request.mode);
        return { facts: await this.facts(path) };
      }
      case 'link': {
        await files.symlink(request.target, await this.free(path));
        return { facts: await this.facts(path) };
      }
      case 'target': {
        const { at, stat } = await this.there(path);
        if (!stat.isSymbolicLink) throw new Refused(ERRNO.EINVAL);
        return { target: await files.readlink(at) };
      }
      case 'rename':
        return this.rename(path, request.to);
      case 'remove':
        return this.remove(path, request.isFolder);
      case 'change':
        return this.change(path, request);
    }
  }

  // ---- places

  /**
   * Where a path is, its folders being folders and no links; so are those that lead to the folder itself: a guest that may write one of them, by a device of
   * its own, would choose what this one is. @throws Refused
   */
  private async place(path: readonly string[]): Promise<string> {
    let at = '';
    for (const name of [...this.root, ...path.slice(0, -1)]) {
      at += `/${name}`;
      const { isDirectory, isSymbolicLink } = await this.files.lstat(at);
      if (!isDirectory || isSymbolicLink) throw new Refused(ERRNO.ENOTDIR);
    }
    return path.length === 0 ? at || '/' : `${at}/${path.at(-1)}`;
  }

  private async there(path: readonly string[]): Promise<{ at: string; stat: FsStat }> {
    const at = await this.place(path);
    return { at, stat: await this.files.lstat(at) };
  }

  private async file(path: readonly string[]): Promise<string> {
    const { at, stat } = await this.there(path);
    if (stat.isSymbolicLink) throw new Refused(ERRNO.ELOOP);
    if (!stat.isFile) throw new Refused(ERRNO.EISDIR);
    return at;
  }

  /** Where nothing is yet, in a folder that is there. */
  private async free(path: readonly string[]): Promise<string> {
    await this.folder(path.slice(0, -1));
    const at = await this.place(path);
    if (await this.statOf(at)) throw new Refused(ERRNO.EEXIST);
    return at;
  }

  private async folder(path: readonly string[]): Promise<string> {
    const { at, stat } = await this.there(path);
    if (!stat.isDirectory || stat.isSymbolicLink) throw new Refused(ERRNO.ENOTDIR);
    return at;
  }

  /** Undefined: nothing is there. */
  private async statOf(at: string): Promise<FsStat | undefined> {
    try {
      return await this.files.lstat(at);
    } catch (error) {
      if (errnoOf(error) === ERRNO.ENOENT) return undefined;
      throw error;
    }
  }

  // ---- what is asked

  async facts(path: readonly string[]): Promise<FileFacts> {
    const { at, stat } = await this.there(path);
    return factsOf(at, stat);
  }

  private async walk(path: readonly string[], names: readonly string[]): Promise<FolderAnswer> {
    const all: FileFacts[] = [];
    for (let i = 1; i <= names.length; i++)
      try {
        all.push(await this.facts([...path, ...names.slice(0, i)]));
      } catch (error) {
        // It got as far as that; without a step it did not begin.
        if (i === 1) throw error;
        break;
      }
    return { all };
  }

  private async list(path: readonly string[]): Promise<FolderAnswer> {
    const at = await this.folder(path);
    const names = await this.files.readdir(at);
    const list = [];
    for (const name of names.sort()) {
      const place = `${at === '/' ? '' : at}/${name}`,
        stat = await this.statOf(place);
      if (stat) list.push({ name, facts: factsOf(place, stat) });
    }
    return { list, facts: await this.facts(path) };
  }

  private async write(at: string, from: number, bytes: Uint8Array): Promise<void> {
    const { files } = this;
    if (from + bytes.length > MOST_FILE_BYTES) throw new Refused(ERRNO.EFBIG);
    const { size, mode } = await files.lstat(at);
    if (from === size) await files.appendFile(at, bytes);
    else {
      const before = await files.readFileBuffer(at),
        whole = new Uint8Array(Math.max(before.length, from + bytes.length));
      whole.set(before);
      whole.set(bytes, from);
      await files.writeFile(at, whole);
    }
    await this.keepMode(at, mode);
  }

  private async truncate(at: string, bytes: number): Promise<void> {
    const { mode } = await this.files.lstat(at);
    await this.files.truncate(at, bytes);
    await this.keepMode(at, mode);
  }

  /** A file that is written is a new one to the tree. */
  private async keepMode(at: string, mode: number): Promise<void> {
    if ((await this.files.lstat(at)).mode !== mode) await this.files.chmod(at, mode);
  }

  private async create(path: readonly string[], mode: number, isNew: boolean): Promise<FolderAnswer> {
    await this.folder(path.slice(0, -1));
    const at = await this.place(path);
    if (await this.statOf(at)) {
      if (isNew) throw new Refused(ERRNO.EEXIST);
      await this.truncate(await this.file(path), 0);
    } else {
      await this.files.writeFile(at, new Uint8Array(0));
      await this.files.chmod(at, mode);
    }
    return { facts: await this.facts(path) };
  }

  /** rename(2): what is at the new place gives way, where it is of the same kind, and a folder there is empty. */
  private async rename(path: readonly string[], to: readonly string[]): Promise<FolderAnswer> {
    const { files } = this;
    const { at, stat } = await this.there(path);
    await this.folder(to.slice(0, -1));
    const target = await this.place(to),
      old = await this.statOf(target);
    if (target === at) return {};
    if (old) {
      if (stat.isDirectory !== old.isDirectory) throw new Refused(old.isDirectory ? ERRNO.EISDIR : ERRNO.ENOTDIR);
      if (old.isDirectory && (await files.readdir(target)).length > 0) throw new Refused(ERRNO.ENOTEMPTY);
      await files.rm(target, { recursive: true });
    }
    await files.mv(at, target);
    return {};
  }

  private async remove(path: readonly string[], isFolder?: boolean): Promise<FolderAnswer> {
    const { files } = this;
    const { at, stat } = await this.there(path);
    const { isDirectory } = stat;
    if (isFolder !== undefined && isFolder !== isDirectory) throw new Refused(isFolder ? ERRNO.ENOTDIR : ERRNO.EISDIR);
    if (isDirectory && (await files.readdir(at)).length > 0) throw new Refused(ERRNO.ENOTEMPTY);
    await files.rm(at, { recursive: isDirectory });
    return {};
  }

  private async change(
    path: readonly string[],
    { mode, bytes, mtimeMs }: Extract<FolderRequest, { op: 'change' }>,
  ): Promise<FolderAnswer> {
    const { files } = this;
    const { at, stat } = await this.there(path);
    // Its own mode and times a link has not here.
    if (stat.isSymbolicLink) return {};
    if (bytes !== undefined) {
      if (bytes > MOST_FILE_BYTES) throw new Refused(ERRNO.EFBIG);
      await this.truncate(await this.file(path), bytes);
    }
    if (mode !== undefined) await files.chmod(at, mode);
    // What was cut has the time of now.
    const time = mtimeMs === 'now' ? (bytes === undefined ? this.epochMs() : undefined) : mtimeMs;
    if (time !== undefined) await files.utimes(at, new Date(time), new Date(time));
    return {};
  }
}

const factsOf = (at: string, { mode, size, mtime, isDirectory, isSymbolicLink }: FsStat): FileFacts => ({
  mode: (mode & PERMISSIONS) | (isSymbolicLink ? S_IFLNK : isDirectory ? S_IFDIR : S_IFREG),
  bytes: isDirectory ? 0 : size,
  mtimeMs: mtime.getTime(),
  id: idOf(at),
});

/** FNV-1a of the path, twice, so that 53 bits are left: files have no numbers here. */
function idOf(path: string): number {
  let one = 0x811c9dc5,
    two = 0x050c5d1f;
  for (let i = 0; i < path.length; i++) {
    one = Math.imul(one ^ path.charCodeAt(i), 0x01000193);
    two = Math.imul(two ^ path.charCodeAt(i), 0x01000193) ^ (two >>> 15);
  }
  return (one >>> 0) * 2 ** 21 + (two >>> 11);
}
