/** Files on a medium, whatever file system has them: paths, links, and what a hostile one may not do. Nothing is written. */

import type { BlockDevice } from '../blocks/index.ts';

/** What is on the medium cannot be read as files, or not this one; a sentence. */
export class FileSystemError extends Error {
  override name = 'FileSystemError';
}

/**
 * How much may be looked at in one go, whatever a disk leads to. All that is opened for it has the same: what is on the disk belongs to a guest, and Domain 0
 * does nothing else meanwhile.
 */
export class Effort {
  private readonly contentBytes: number;
  private steps = 0;
  private bytes = 0;

  /** `contentBytes`: of files that may be read besides. */
  constructor(contentBytes: number) {
    this.contentBytes = contentBytes;
    this.renew();
  }

  /** As much again, where others had their turn since. */
  renew(): void {
    this.steps = MOST_STEPS;
    this.bytes = MOST_TABLE_BYTES + this.contentBytes;
  }

  /** Looks at one thing more: a name, a block's number, a record. @throws FileSystemError: these were too many */
  step(): void {
    if (--this.steps < 0) throw new FileSystemError(TOO_MUCH);
  }

  /** Reads from the medium. @throws FileSystemError: it was too much */
  read(bytes: number): void {
    this.bytes -= bytes;
    if (this.bytes < 0) throw new FileSystemError(TOO_MUCH);
  }
}

/** A large disk has up to four million clusters, each of which is looked at twice; this takes a second or two. */
const MOST_STEPS = 10_000_000;
/** Of tables and folders. */
const MOST_TABLE_BYTES = 512 * 2 ** 20;
const TOO_MUCH =
  'To look for it would take too long: its tables and folders lead to more than they can hold. Check the file system where it is used (e2fsck, fsck.fat)';

export type FileKind = 'file' | 'folder' | 'link' | 'special';

/** A file system's own view of its files; N is what it knows one by (an inode, a record). Each throws FileSystemError, and ends whatever is on the medium. */
export interface FileNodes<N> {
  /** In messages: ext4, FAT16. */
  readonly type: string;
  readonly root: N;
  kindOf(node: N): FileKind;
  sizeOf(node: N): number;
  modifiedMsOf?(node: N): number;
  /** Of a folder: names and what they represent, without . and .. */
  entriesOf(node: N): Iterable<readonly [name: string, node: N]>;
  /** Of a file or a link, at most `most` bytes of it. */
  contentOf(node: N, most: number): Uint8Array;
  /** Whether two spellings are one name. */
  readonly ignoresCase?: boolean;
}

export interface ListedFile {
  name: string;
  kind: FileKind;
  bytes: number;
  modifiedMs?: number;
}

const MOST_LINKS = 16;
const MOST_PATH = 4096;
/** Names of one folder that are looked at. */
const MOST_NAMES = 200_000;

export class FileTree {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: each file system has nodes of its own, which only it looks into
  private readonly nodes: FileNodes<any>;
  /** Names of folders that were looked into, by the folder's node. */
  private readonly known = new Map<unknown, ReadonlyMap<string, unknown>>();
  private knownNames = 0;

  // biome-ignore lint/suspicious/noExplicitAny: as above
  constructor(nodes: FileNodes<any>) {
    this.type = nodes.type;
    this.nodes = nodes;
  }

  /** What is in a folder, by name. @throws FileSystemError */
  list(path: string): ListedFile[] {
    const { nodes } = this;
    const folder = this.find(path);
    if (nodes.kindOf(folder) !== 'folder') throw new FileSystemError(`${path}: Not a directory`);
    const found: ListedFile[] = [];
    for (const [name, node] of nodes.entriesOf(folder)) {
      if (
        found.push({
          name,
          kind: nodes.kindOf(node),
          bytes: nodes.sizeOf(node),
          ...(nodes.modifiedMsOf ? { modifiedMs: nodes.modifiedMsOf(node) } : {}),
        }) > MOST_NAMES
      )
        throw new FileSystemError(`${path} holds more than ${MOST_NAMES} names.`);
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  kind(path: string): FileKind | undefined {
    const node = this.look(path);
    return node === undefined ? undefined : this.nodes.kindOf(node);
  }

  /** A file's content. @throws FileSystemError: it is not there, is none, or is larger than `most` bytes */
  read(path: string, most: number): Uint8Array {
    const { nodes } = this;
    const node = this.find(path);
    if (nodes.kindOf(node) !== 'file') throw new FileSystemError(`${path}: Is a directory, or no file`);
    const bytes = nodes.sizeOf(node);
    if (bytes > most) throw new FileSystemError(`${path} has ${bytes} bytes, and at most ${most} are read.`);
    return nodes.contentOf(node, most);
  }

  private find(path: string): unknown {
    const node = this.look(path);
    if (node === undefined) throw new FileSystemError(`${path}: No such file or directory`);
    return node;
  }

  /** Follows links, which cannot lead out of the file system. */
  private look(path: string): unknown {
    const { nodes } = this;
    const parts = partsOf(path);
    const way: unknown[] = [nodes.root];
    for (let links = 0; parts.length > 0; ) {
      const name = parts.shift()!;
      if (name === '..') {
        if (way.length > 1) way.pop();
        continue;
      }
      const folder = way.at(-1);
      if (nodes.kindOf(folder) !== 'folder') return undefined;
      const node = this.named(folder, name);
      if (node === undefined) return undefined;
      if (nodes.kindOf(node) !== 'link') {
        way.push(node);
        continue;
      }
      if (++links > MOST_LINKS) throw new FileSystemError(`${path}: Too many levels of symbolic links`);
      const target = new TextDecoder().decode(nodes.contentOf(node, MOST_PATH));
      if (target.startsWith('/')) way.splice(1);
      parts.unshift(...partsOf(target));
    }
    return way.at(-1);
  }

  private named(folder: unknown, name: string): unknown {
    let names = this.known.get(folder);
    if (!names) {
      names = this.namesOf(folder);
      if ((this.knownNames += names.size) > MOST_NAMES) {
        this.known.clear();
        this.knownNames = names.size;
      }
      this.known.set(folder, names);
    }
    return names.get(this.spelled(name));
  }

  private namesOf(folder: unknown): Map<string, unknown> {
    const names = new Map<string, unknown>();
    for (const [each, node] of this.nodes.entriesOf(folder)) {
      const name = this.spelled(each);
      // Of two that are called the same, the first one counts.
      if (!names.has(name)) names.set(name, node);
      if (names.size > MOST_NAMES) throw new FileSystemError(`A folder holds more than ${MOST_NAMES} names.`);
    }
    return names;
  }

  private spelled(name: string): string {
    return this.nodes.ignoresCase ? name.toLowerCase() : name;
  }
}

/** @throws FileSystemError */
function partsOf(path: string): string[] {
  if (path.length > MOST_PATH) throw new FileSystemError(`${path.slice(0, 60)}…: File name too long`);
  return path.split('/').filter(part => part !== '' && part !== '.');
}

/** Pieces of a medium that were read, so that tables are not read a word at a time; the ones used longest ago go. */
export class Pieces {
  readonly bytes: number;
  private readonly from: BlockDevice;
  private readonly effort: Effort;
  private readonly pieces = new Map<number, DataView>();

  constructor(from: BlockDevice, effort: Effort) {
    this.from = from;
    this.bytes = from.bytes;
    this.effort = effort;
  }

  /** One thing more that was looked at in what was read. @throws FileSystemError: these were too many */
  step(): void {
    this.effort.step();
  }

  /** @throws FileSystemError: not all of it lies on the medium, or it was too much */
  at(at: number, length: number, what: string): DataView {
    this.effort.step();
    if (!(Number.isSafeInteger(at) && at >= 0 && length >= 0 && at + length <= this.bytes))
      throw new FileSystemError(`${what} is said to lie at byte ${at}, and the medium has ${this.bytes}.`);
    const number = Math.floor(at / PIECE_BYTES);
    const start = number * PIECE_BYTES;
    if (at + length <= start + PIECE_BYTES) return new DataView(this.piece(number).buffer, at - start, length);
    this.effort.read(length);
    const copy = new Uint8Array(length);
    this.from.read(at, copy);
    return new DataView(copy.buffer);
  }

  private piece(number: number): DataView {
    const { pieces, from } = this;
    let piece = pieces.get(number);
    if (piece) pieces.delete(number);
    else {
      this.effort.read(PIECE_BYTES);
      const bytes = new Uint8Array(PIECE_BYTES);
      const start = number * PIECE_BYTES;
      from.read(start, bytes.subarray(0, Math.min(PIECE_BYTES, from.bytes - start)));
      piece = new DataView(bytes.buffer);
      if (pieces.size >= MOST_PIECES) pieces.delete(pieces.keys().next().value as number);
    }
    pieces.set(number, piece);
    return piece;
  }
}

const PIECE_BYTES = 64 * 1024;
const MOST_PIECES = 64;
