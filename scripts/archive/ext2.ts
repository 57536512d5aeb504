/**
 * Writes an ext2 file system (revision 1) of files and folders.
 * Source: Linux's Documentation/filesystems/ext2.rst and "The Second Extended File System: Internal Layout" (Dave Poirier).
 * Blocks of 4 KiB; every group begins with a copy of the superblock and of the group descriptors.
 */

const BLOCK = 4096;
const BLOCKS_PER_GROUP = BLOCK * 8;
const INODE_BYTES = 128;
const INODES_PER_GROUP = 2048;
const TABLE_BLOCKS = (INODES_PER_GROUP * INODE_BYTES) / BLOCK;
/** Superblock, descriptors, two bitmaps, inodes. */
const GROUP_OVERHEAD = 2 + 2 + TABLE_BLOCKS;
const MAX_GROUPS = BLOCK / 32;
const ROOT = 2,
  FIRST_INODE = 11;
const DIRECT = 12,
  POINTERS = BLOCK / 4;
const MAGIC = 0xef53;
const HAS_FILE_TYPES = 2;
const TYPE_FILE = 1,
  TYPE_FOLDER = 2;
const FILE_MODE = 0o100644,
  FOLDER_MODE = 0o040755;
const SECTORS_PER_BLOCK = BLOCK / 512;

interface Folder {
  inode: number;
  parent: number;
  children: Map<string, { inode: number; folder?: Folder }>;
}

/**
 * The file system, `bytes` long (the rest of a block is left over). Paths have no slash in front; their folders are made.
 * Owner root, time 0: the same files give the same bytes. Throws where they do not fit.
 */
export function writeExt2(bytes: number, files: ReadonlyMap<string, Uint8Array>, options: { label: string; uuid: Uint8Array }): Uint8Array {
  const blocks = Math.floor(bytes / BLOCK);
  const groups = Math.ceil(blocks / BLOCKS_PER_GROUP);
  if (groups > MAX_GROUPS || blocks - (groups - 1) * BLOCKS_PER_GROUP <= GROUP_OVERHEAD) throw new Error(`no ext2 file system of ${bytes} bytes`);
  const image = new Uint8Array(blocks * BLOCK);
  const words = new DataView(image.buffer);
  const groupStart = (group: number) => group * BLOCKS_PER_GROUP;
  const used: number[] = Array.from({ length: groups }, () => GROUP_OVERHEAD);
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
    (groupStart(Math.floor((inode - 1) / INODES_PER_GROUP)) + 4) * BLOCK + ((inode - 1) % INODES_PER_GROUP) * INODE_BYTES;
  const newInode = (): number => {
    if (inodes === groups * INODES_PER_GROUP) throw new Error(`more than ${inodes} files do not fit into this file system`);
    return ++inodes;
  };

  /** Stores content and says in the inode where it is. */
  const store = (inode: number, mode: number, links: number, data: Uint8Array) => {
    const at = inodeAt(inode);
    words.setUint16(at, mode, true);
    words.setUint32(at + 4, data.length, true);
    words.setUint16(at + 26, links, true);
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

  const root: Folder = { inode: ROOT, parent: ROOT, children: new Map() };
  const folderOf = (path: string[]): Folder =>
    path.reduce((folder, name) => {
      const child = folder.children.get(name) ?? { inode: newInode() };
      child.folder ??= { inode: child.inode, parent: folder.inode, children: new Map() };
      folder.children.set(name, child);
      return child.folder;
    }, root);
  // Where fsck puts what it finds; it has the first inode that is free to use.
  folderOf(['lost+found']);
  for (const [path, data] of files) {
    const names = path.split('/');
    const name = names.pop()!;
    const inode = newInode();
    folderOf(names).children.set(name, { inode });
    store(inode, FILE_MODE, 1, data);
  }
  const storeFolder = (folder: Folder) => {
    const below = [...folder.children.values()].flatMap(child => child.folder ?? []);
    folderCount[Math.floor((folder.inode - 1) / INODES_PER_GROUP)]++;
    store(folder.inode, FOLDER_MODE, 2 + below.length, folderContent(folder));
    for (const child of below) storeFolder(child);
  };
  storeFolder(root);

  const freeBlocks = groupSizes(blocks).map((size, i) => size - used[i]);
  const usedInodes = (i: number) => Math.min(INODES_PER_GROUP, Math.max(0, inodes - i * INODES_PER_GROUP));
  const superblock = new Uint8Array(1024);
  const put = new DataView(superblock.buffer);
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  [groups * INODES_PER_GROUP, blocks, 0, sum(freeBlocks), groups * INODES_PER_GROUP - inodes, 0, 2, 2].forEach((word, i) =>
    put.setUint32(4 * i, word, true),
  );
  [BLOCKS_PER_GROUP, BLOCKS_PER_GROUP, INODES_PER_GROUP].forEach((word, i) => put.setUint32(32 + 4 * i, word, true));
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
      [freeBlocks[of], INODES_PER_GROUP - usedInodes(of), folderCount[of]].forEach((count, k) => words.setUint16(at + 12 + 2 * k, count, true));
    }
    // Bits beyond the end of the group count as used.
    setBits(image, start + 2 * BLOCK, 0, used[i]);
    setBits(image, start + 2 * BLOCK, groupSizes(blocks)[i], BLOCK * 8);
    setBits(image, start + 3 * BLOCK, 0, usedInodes(i));
    setBits(image, start + 3 * BLOCK, INODES_PER_GROUP, BLOCK * 8);
  }
  return image;
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
    { name: '.', inode: folder.inode, type: TYPE_FOLDER },
    { name: '..', inode: folder.parent, type: TYPE_FOLDER },
    ...[...folder.children].map(([name, child]) => ({ name, inode: child.inode, type: child.folder ? TYPE_FOLDER : TYPE_FILE })),
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
