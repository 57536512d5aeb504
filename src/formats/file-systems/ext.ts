/**
 * ext2, ext3 and ext4, read: block maps and extents, 64-bit block numbers. The journal is not replayed: what was not written back when its system stopped is
 * missing. Source: the Linux kernel's documentation of the data structures (filesystems/ext4).
 */
import type { BlockDevice } from '../blocks/index.ts';
import { type Effort, type FileKind, type FileNodes, FileSystemError, FileTree, Pieces } from './file-tree.ts';

const SUPERBLOCK = 1024,
  MAGIC = 0xef53;
const ROOT_INODE = 2;
/** s_feature_incompat: what a reader must know. */
const INCOMPAT = { RECOVER: 0x4, META_BG: 0x10, IS_64BIT: 0x80 } as const;
/** FILETYPE, RECOVER, EXTENTS, 64BIT, MMP, FLEX_BG, EA_INODE, CSUM_SEED, LARGEDIR, INLINE_DATA, ENCRYPT, CASEFOLD: harmless, or reported for a file that has it. */
const KNOWN = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000;
const FLAG = { ENCRYPTED: 0x800, EXTENTS: 0x80000, INLINE: 0x10000000 } as const;
const EXTENT_MAGIC = 0xf30a,
  MOST_DEPTH = 5,
  /** Longer ones are not initialised, and read as zeros. */
  MOST_LENGTH = 32768;
const DIRECT = 12;
/** Blocks of a map or a tree that are read for one file. */
const MOST_MAP_BLOCKS = 20_000;
const MOST_FOLDER_BYTES = 64 * 2 ** 20;
const KINDS: Record<number, FileKind> = { 0x4: 'folder', 0x8: 'file', 0xa: 'link' };

interface Inode {
  number: number;
  mode: number;
  bytes: number;
  flags: number;
  modifiedMs: number;
  /** The 60 bytes of block numbers, extents or a short link. */
  block: DataView;
}

/** Blocks of a file that lie behind each other; `at` 0: zeros. */
interface Run {
  first: number;
  at: number;
  count: number;
}

const bad = (why: string): FileSystemError => new FileSystemError(`The ext file system cannot be read: ${why}.`);

class ExtNodes implements FileNodes<number> {
  readonly type: string;
  readonly root = ROOT_INODE;
  /** Its journal holds changes that are not in their places. */
  readonly needsRecovery: boolean;
  private readonly pieces: Pieces;
  private readonly blockBytes: number;
  private readonly inodes: number;
  private readonly inodesPerGroup: number;
  private readonly inodeBytes: number;
  private readonly descriptors: number;
  private readonly descriptorBytes: number;
  private readonly is64bit: boolean;

  constructor(from: BlockDevice, effort: Effort) {
    const pieces = (this.pieces = new Pieces(from, effort));
    const head = pieces.at(SUPERBLOCK, 1024, 'the superblock');
    const dword = (at: number): number => head.getUint32(at, true);
    const word = (at: number): number => head.getUint16(at, true);
    if (word(56) !== MAGIC) throw bad('there is no superblock');
    const logBlock = dword(24),
      features = dword(96);
    if (logBlock > 6) throw bad(`its blocks have 2^${10 + logBlock} bytes`);
    if ((features & INCOMPAT.META_BG) !== 0)
      throw bad('its group descriptors lie in their groups (meta_bg), which is not read here');
    if ((features & ~KNOWN) !== 0)
      throw bad(`it has features that are not known here (0x${((features & ~KNOWN) >>> 0).toString(16)})`);
    this.blockBytes = 1024 << logBlock;
    this.is64bit = (features & INCOMPAT.IS_64BIT) !== 0;
    this.inodes = dword(0);
    this.inodesPerGroup = dword(40);
    this.inodeBytes = dword(76) === 0 ? 128 : word(88);
    this.descriptorBytes = this.is64bit ? word(254) : 32;
    this.descriptors = (dword(20) + 1) * this.blockBytes;
    const isPower = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;
    if (!isPower(this.inodeBytes) || this.inodeBytes < 128 || this.inodeBytes > this.blockBytes)
      throw bad(`its inodes have ${this.inodeBytes} bytes`);
    if (
      this.inodesPerGroup === 0 ||
      !isPower(this.descriptorBytes) ||
      this.descriptorBytes < 32 ||
      this.descriptorBytes > 1024
    )
      throw bad('its groups make no sense');
    this.needsRecovery = (features & INCOMPAT.RECOVER) !== 0;
    this.type = (features & 0x40) !== 0 ? 'ext4' : (dword(92) & 4) !== 0 ? 'ext3' : 'ext2';
  }

  private inode(number: number): Inode {
    if (number < 1 || number > this.inodes) throw bad(`a name points to inode ${number}, and there are ${this.inodes}`);
    const group = Math.floor((number - 1) / this.inodesPerGroup);
    const descriptor = this.pieces.at(
      this.descriptors + group * this.descriptorBytes,
      this.descriptorBytes,
      'a group descriptor',
    );
    const table =
      descriptor.getUint32(8, true) + (this.descriptorBytes >= 64 ? descriptor.getUint32(40, true) * 2 ** 32 : 0);
    const view = this.pieces.at(
      table * this.blockBytes + ((number - 1) % this.inodesPerGroup) * this.inodeBytes,
      128,
      `inode ${number}`,
    );
    return {
      number,
      mode: view.getUint16(0, true),
      bytes: view.getUint32(4, true) + view.getUint32(108, true) * 2 ** 32,
      modifiedMs: view.getUint32(16, true) * 1000,
      flags: view.getUint32(32, true),
      // Pieces come and go.
      block: new DataView(view.buffer.slice(view.byteOffset + 40, view.byteOffset + 100)),
    };
  }

  kindOf(number: number): FileKind {
    return KINDS[this.inode(number).mode >> 12] ?? 'special';
  }

  sizeOf(number: number): number {
    return this.inode(number).bytes;
  }

  modifiedMsOf(number: number): number {
    return this.inode(number).modifiedMs;
  }

  *entriesOf(number: number): Generator<readonly [string, number]> {
    const content = this.content(this.inode(number), MOST_FOLDER_BYTES);
    const view = new DataView(content.buffer);
    const decoder = new TextDecoder();
    for (let at = 0; at + 8 <= content.length; ) {
      this.pieces.step();
      const inode = view.getUint32(at, true),
        length = view.getUint16(at + 4, true),
        nameBytes = content[at + 6];
      // A record of the index looks like an empty one that takes its whole block.
      if (length < 8 || length % 4 !== 0 || (at % this.blockBytes) + length > this.blockBytes || nameBytes + 8 > length)
        throw bad(`folder ${number} has a record of ${length} bytes at byte ${at}`);
      if (inode !== 0) {
        const name = decoder.decode(content.subarray(at + 8, at + 8 + nameBytes));
        if (name !== '.' && name !== '..') yield [name, inode];
      }
      at += length;
    }
  }

  contentOf(number: number, most: number): Uint8Array {
    const inode = this.inode(number);
    if (KINDS[inode.mode >> 12] === 'link' && inode.bytes < 60 && (inode.flags & FLAG.EXTENTS) === 0)
      return new Uint8Array(inode.block.buffer, 0, inode.bytes);
    return this.content(inode, most);
  }

  private content(inode: Inode, most: number): Uint8Array {
    const { blockBytes } = this;
    if ((inode.flags & FLAG.INLINE) !== 0)
      throw bad(
        `inode ${inode.number} lies within its inode (inline_data), which is not read here: make the file system without it (mke2fs -O ^inline_data)`,
      );
    if ((inode.flags & FLAG.ENCRYPTED) !== 0) throw bad(`inode ${inode.number} is encrypted`);
    if (inode.bytes > most) throw bad(`inode ${inode.number} has ${inode.bytes} bytes, and at most ${most} are read`);
    // A medium cannot give more than it has; of a file with holes that is asked no more than that.
    if (inode.bytes > this.pieces.bytes)
      throw bad(`inode ${inode.number} has ${inode.bytes} bytes, and the medium ${this.pieces.bytes}`);
    const content = new Uint8Array(inode.bytes);
    const blocks = Math.ceil(inode.bytes / blockBytes);
    for (const { first, at, count } of (inode.flags & FLAG.EXTENTS) !== 0
      ? this.extents(inode, blocks)
      : this.mapped(inode, blocks)) {
      for (let i = 0; at !== 0 && i < count && first + i < blocks; i++) {
        const start = (first + i) * blockBytes;
        const length = Math.min(blockBytes, content.length - start);
        const piece = this.pieces.at((at + i) * blockBytes, length, `a block of inode ${inode.number}`);
        content.set(new Uint8Array(piece.buffer, piece.byteOffset, length), start);
      }
    }
    return content;
  }

  private block(number: number, what: string): DataView {
    const { buffer, byteOffset } = this.pieces.at(number * this.blockBytes, this.blockBytes, what);
    return new DataView(buffer.slice(byteOffset, byteOffset + this.blockBytes));
  }

  private *extents({ number, block }: Inode, blocks: number): Generator<Run> {
    // Blocks of the tree that are still to be read, the next one last; the inode itself has the first.
    const waiting: { at: number; depth: number }[] = [];
    let node = block,
      wanted: number | undefined,
      left = MOST_MAP_BLOCKS,
      next = 0;
    for (;;) {
      const entries = node.getUint16(2, true),
        depth = node.getUint16(6, true);
      if (--left < 0) throw bad(`the extents of inode ${number} have no end`);
      if (
        node.getUint16(0, true) !== EXTENT_MAGIC ||
        depth > MOST_DEPTH ||
        (wanted !== undefined && depth !== wanted) ||
        12 + entries * 12 > node.byteLength
      )
        throw bad(`the extents of inode ${number} contradict themselves`);
      const below: typeof waiting = [];
      for (let at = 12; at < 12 + entries * 12; at += 12) {
        this.pieces.step();
        const first = node.getUint32(at, true);
        if (first >= blocks) break;
        if (depth > 0) {
          below.push({ at: node.getUint32(at + 4, true) + node.getUint16(at + 8, true) * 2 ** 32, depth: depth - 1 });
          continue;
        }
        const length = node.getUint16(at + 4, true);
        const isWritten = length <= MOST_LENGTH;
        const count = isWritten ? length : length - MOST_LENGTH;
        if (first < next || count === 0) throw bad(`the extents of inode ${number} overlap`);
        next = first + count;
        yield {
          first,
          count,
          at: isWritten ? node.getUint32(at + 8, true) + node.getUint16(at + 6, true) * 2 ** 32 : 0,
        };
      }
      waiting.push(...below.reverse());
      const following = waiting.pop();
      if (!following) return;
      wanted = following.depth;
      node = this.block(following.at, `a block of the extents of inode ${number}`);
    }
  }

  private *mapped({ number, block }: Inode, blocks: number): Generator<Run> {
    const perBlock = this.blockBytes / 4;
    const what = `a block of the map of inode ${number}`;
    let first = 0,
      left = MOST_MAP_BLOCKS;
    const nodes = this;
    function* level(at: number, depth: number): Generator<Run> {
      if (first >= blocks) return;
      nodes.pieces.step();
      if (depth === 0) {
        yield { first, at, count: 1 };
        first++;
        return;
      }
      if (at === 0) {
        first += perBlock ** depth;
        return;
      }
      if (--left < 0) throw bad(`the map of inode ${number} has no end`);
      const table = nodes.block(at, what);
      for (let i = 0; i < perBlock && first < blocks; i++) yield* level(table.getUint32(4 * i, true), depth - 1);
    }
    for (let i = 0; i < DIRECT; i++) yield* level(block.getUint32(4 * i, true), 0);
    for (let depth = 1; depth <= 3; depth++) yield* level(block.getUint32(4 * (DIRECT + depth - 1), true), depth);
  }
}

/** Whether there is a superblock. */
export function isExt(from: BlockDevice): boolean {
  const magic = new Uint8Array(2);
  if (from.bytes < SUPERBLOCK + 1024) return false;
  from.read(SUPERBLOCK + 56, magic);
  return magic[0] === 0x53 && magic[1] === 0xef;
}

/** @throws FileSystemError: there is none, it has what is not read here, or it contradicts itself */
export function openExt(from: BlockDevice, effort: Effort): FileTree & { readonly needsRecovery: boolean } {
  const nodes = new ExtNodes(from, effort);
  return Object.assign(new FileTree(nodes), { needsRecovery: nodes.needsRecovery });
}
