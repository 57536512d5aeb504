/**
 * Writes an ext2 file system (revision 1) of files and folders.
 * Source: Linux's Documentation/filesystems/ext2.rst and "The Second Extended File System: Internal Layout" (Dave Poirier).
 * Blocks of 4 KiB; every group begins with a copy of the superblock and of the group descriptors.
 */

import { FILE, FOLDER, LINK } from '../../src/formats/file-systems/cpio.ts';

const BLOCK = 4096;
const BLOCKS_PER_GROUP = BLOCK * 8;
const INODE_BYTES = 128;
const LEAST_INODES_PER_GROUP = 2048;
const MAX_GROUPS = BLOCK / 32;
const ROOT = 2,
  FIRST_INODE = 11;
const DIRECT = 12,
  POINTERS = BLOCK / 4;
const MAGIC = 0xef53;
const HAS_FILE_TYPES = 2;
/** File types of st_mode, and as a folder's entries have them. */
const FORMAT = 0o170000;
const ENTRY_TYPES = new Map([
  [0o100000, 1],
  [0o040000, 2],
  [0o120000, 7],
]);
/** Links of up to this many bytes lie in their inode, in place of its pointers. */
const FAST_LINK_BYTES = 60;
const SECTORS_PER_BLOCK = BLOCK / 512;

/** A file, folder or link, with its type and permissions as in st_mode. Whose owner is absent belongs to root. */
export interface Ext2Entry {
  mode: number;
  /** A file's content, or what a link points to. */
  data?: Uint8Array;
  owner?: number;
  group?: number;
}

interface Folder {
  inode: number;
  parent: number;
  entry: Ext2Entry;
  children: Map<string, { inode: number; type: number; folder?: Folder }>;
}

/**
 * The file system, `bytes` long (the rest of a block is left over). Paths have no slash in front; folders that are not among them are made.
 * Bytes alone are a file (0644). Time 0: the same files give the same bytes. Throws where they do not fit.
 */
export function writeExt2(bytes: number, files: ReadonlyMap<string, Uint8Array | Ext2Entry>, options: { label: string; uuid: Uint8Array }): Uint8Array {
  const blocks = Math.floor(bytes / BLOCK);
  const groups = Math.ceil(blocks / BLOCKS_PER_GROUP);
  // Where there are many small files, as many again may be made.
  const inodesPerGroup = Math.max(LEAST_INODES_PER_GROUP, 2 ** Math.ceil(Math.log2((2 * files.size) / groups)));
  const tableBlocks = (inodesPerGroup * INODE_BYTES) / BLOCK;
  /** Superblock, descriptors, two bitmaps, inodes. */
  const overhead = 2 + 2 + tableBlocks;
  if (groups > MAX_GROUPS || inodesPerGroup > BLOCK * 8 || blocks - (groups - 1) * BLOCKS_PER_GROUP <= overhead) throw new Error(`no ext2 file system of ${bytes} bytes`);
  const image = new Uint8Array(blocks * BLOCK);
  const words = new DataView(image.buffer);
  const groupStart = (group: number) => group * BLOCKS_PER_GROUP;
  const used: number[] = Array.from({ length: groups }, () => overhead);
  const folderCount: number[] = Array.from({ length: groups }, () => 0);

  // Blocks are given out in order, so each group's bitmap is full up to a point.
  let group = 0;
  const allocate = (): number => {
    const limit = Math.min(BLOCKS_PER_GROUP, blocks - groupStart(group));
    if (used[group] < limit) return groupStart(group) + used[group]++;
    if (++group === groups) throw new Error(`the files need more than the ${bytes} bytes of this file system`);
    return allocate();
  };

  let inodes = FIRST_INODE - 1;
  const inodeAt = (inode: number) =>
    (groupStart(Math.floor((inode - 1) / inodesPerGroup)) + 4) * BLOCK + ((inode - 1) % inodesPerGroup) * INODE_BYTES;
  const newInode = (): number => {
    if (inodes === groups * inodesPerGroup) throw new Error(`more than ${inodes} files do not fit into this file system`);
    return ++inodes;
  };

  /** Stores content and says in the inode where it is. */
  const store = (inode: number, { mode, owner = 0, group: ownGroup = 0, data = new Uint8Array() }: Ext2Entry, links: number) => {
    const at = inodeAt(inode);
    words.setUint16(at, mode, true);
    words.setUint16(at + 2, owner, true);
    words.setUint32(at + 4, data.length, true);
    words.setUint16(at + 24, ownGroup, true);
    words.setUint16(at + 26, links, true);
    if ((mode & FORMAT) === (LINK & FORMAT) && data.length < FAST_LINK_BYTES) {
      image.set(data, at + 40);
      return;
    }
    let taken = 0;
    const take = (): number => {
      taken++;
      return allocate();
    };
    // Pointer blocks come before what they point to: [place of the pointer to them, place within].
    let single = 0,
      double = 0;
    for (let i = 0; i * BLOCK < data.length; i++) {
      let pointer: number;
      if (i < DIRECT) pointer = at + 40 + 4 * i;
      else {
        const rest = i - DIRECT;
        if (rest === 0) words.setUint32(at + 40 + 4 * DIRECT, (single = take()), true);
        else if (rest === POINTERS) words.setUint32(at + 44 + 4 * DIRECT, (double = take()), true);
        if (rest >= POINTERS && rest % POINTERS === 0) {
          if (rest === POINTERS * (POINTERS + 1)) throw new Error('a file of more than 4 GiB');
          words.setUint32(double * BLOCK + 4 * (rest / POINTERS - 1), (single = take()), true);
        }
        pointer = single * BLOCK + 4 * (rest % POINTERS);
      }
      const block = take();
      words.setUint32(pointer, block, true);
      image.set(data.subarray(i * BLOCK, (i + 1) * BLOCK), block * BLOCK);
    }
    words.setUint32(at + 28, taken * SECTORS_PER_BLOCK, true);
  };

  const root: Folder = { inode: ROOT, parent: ROOT, entry: { mode: FOLDER }, children: new Map() };
  const folderOf = (path: string[]): Folder =>
    path.reduce((folder, name) => {
      const child = folder.children.get(name) ?? { inode: newInode(), type: typeOf(FOLDER) };
      child.folder ??= { inode: child.inode, parent: folder.inode, entry: { mode: FOLDER }, children: new Map() };
      folder.children.set(name, child);
      return child.folder;
    }, root);
  // Where fsck puts what it finds; it has the first inode that is free to use.
  folderOf(['lost+found']);
  for (const [path, content] of files) {
    const entry = content instanceof Uint8Array ? { mode: FILE, data: content } : content;
    const names = path.split('/');
    if (typeOf(entry.mode) === typeOf(FOLDER)) {
      folderOf(names).entry = entry;
      continue;
    }
    const name = names.pop()!;
    const inode = newInode();
    folderOf(names).children.set(name, { inode, type: typeOf(entry.mode) });
    store(inode, entry, 1);
  }
  const storeFolder = (folder: Folder) => {
    const below = [...folder.children.values()].flatMap(child => child.folder ?? []);
    folderCount[Math.floor((folder.inode - 1) / inodesPerGroup)]++;
    store(folder.inode, { ...folder.entry, data: folderContent(folder) }, 2 + below.length);
    for (const child of below) storeFolder(child);
  };
  storeFolder(root);

  const freeBlocks = groupSizes(blocks).map((size, i) => size - used[i]);
  const usedInodes = (i: number) => Math.min(inodesPerGroup, Math.max(0, inodes - i * inodesPerGroup));
  const superblock = new Uint8Array(1024);
  const put = new DataView(superblock.buffer);
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  [groups * inodesPerGroup, blocks, 0, sum(freeBlocks), groups * inodesPerGroup - inodes, 0, 2, 2].forEach((word, i) =>
    put.setUint32(4 * i, word, true),
  );
  [BLOCKS_PER_GROUP, BLOCKS_PER_GROUP, inodesPerGroup].forEach((word, i) => put.setUint32(32 + 4 * i, word, true));
  // Mounts before a check: never; magic, clean, go on after errors.
  [0, 0xffff, MAGIC, 1, 1].forEach((word, i) => put.setUint16(52 + 2 * i, word, true));
  put.setUint32(76, 1, true);
  put.setUint32(84, FIRST_INODE, true);
  put.setUint16(88, INODE_BYTES, true);
  put.setUint32(96, HAS_FILE_TYPES, true);
  superblock.set(options.uuid.subarray(0, 16), 104);
  superblock.set(new TextEncoder().encode(options.label).subarray(0, 16), 120);

  for (let i = 0; i < groups; i++) {
    const start = groupStart(i) * BLOCK;
    put.setUint16(90, i, true);
    image.set(superblock, start + (i === 0 ? 1024 : 0));
    for (let of = 0; of < groups; of++) {
      const at = start + BLOCK + 32 * of;
      [groupStart(of) + 2, groupStart(of) + 3, groupStart(of) + 4].forEach((block, k) => words.setUint32(at + 4 * k, block, true));
      [freeBlocks[of], inodesPerGroup - usedInodes(of), folderCount[of]].forEach((count, k) => words.setUint16(at + 12 + 2 * k, count, true));
    }
    // Bits beyond the end of the group count as used.
    setBits(image, start + 2 * BLOCK, 0, used[i]);
    setBits(image, start + 2 * BLOCK, groupSizes(blocks)[i], BLOCK * 8);
    setBits(image, start + 3 * BLOCK, 0, usedInodes(i));
    setBits(image, start + 3 * BLOCK, inodesPerGroup, BLOCK * 8);
  }
  return image;
}

/** Throws where an entry is no file, folder or link. */
function typeOf(mode: number): number {
  const type = ENTRY_TYPES.get(mode & FORMAT);
  if (type === undefined) throw new Error(`a file of type ${(mode & FORMAT).toString(8)} is not written here`);
  return type;
}

function groupSizes(blocks: number): number[] {
  return Array.from({ length: Math.ceil(blocks / BLOCKS_PER_GROUP) }, (_, i) => Math.min(BLOCKS_PER_GROUP, blocks - i * BLOCKS_PER_GROUP));
}

function setBits(image: Uint8Array, at: number, from: number, to: number): void {
  for (let bit = from; bit < to; bit++) image[at + (bit >> 3)] |= 1 << (bit & 7);
}

/** Linked entries; the last of a block reaches to its end. */
function folderContent(folder: Folder): Uint8Array {
  const entries = [
    { name: '.', inode: folder.inode, type: typeOf(FOLDER) },
    { name: '..', inode: folder.parent, type: typeOf(FOLDER) },
    ...[...folder.children].map(([name, { inode, type }]) => ({ name, inode, type })),
  ];
  const blocks: Uint8Array[] = [];
  let at = BLOCK,
    last = 0;
  for (const { name, inode, type } of entries) {
    const text = new TextEncoder().encode(name);
    const length = 8 + Math.ceil(text.length / 4) * 4;
    if (at + length > BLOCK) {
      blocks.push(new Uint8Array(BLOCK));
      at = 0;
    } else setLength(blocks[blocks.length - 1], last, at - last);
    const block = blocks[blocks.length - 1];
    new DataView(block.buffer).setUint32(at, inode, true);
    setLength(block, at, BLOCK - at);
    block[at + 6] = text.length;
    block[at + 7] = type;
    block.set(text, at + 8);
    last = at;
    at += length;
  }
  return Buffer.concat(blocks);
}

const setLength = (block: Uint8Array, at: number, length: number): void => new DataView(block.buffer).setUint16(at + 4, length, true);
