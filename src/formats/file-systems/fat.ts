/**
 * FAT12, FAT16 and FAT32, read. Every cluster is followed once when a disk is opened, so that a table with loops, or with files that share clusters, is reported
 * and not read. Source: Microsoft's FAT specification 1.03 (boot sector, table entries, directory entries with long names).
 */
import type { BlockDevice } from '../blocks/index.ts';
import { type Effort, type FileKind, type FileNodes, FileSystemError, FileTree, Pieces } from './file-tree.ts';

const ENTRY_BYTES = 32;
const MOST_FOLDER_BYTES = 65536 * ENTRY_BYTES;
const MOST_DEPTH = 128;
const FOLDER = 0x10,
  LABEL = 0x08,
  LONG_NAME = 0x0f;
const FREE = 0xe5,
  END = 0;
/** Entries of a long name, each with 13 of its characters. */
const MOST_LONG = 20;
/** Clusters of FAT12 and of FAT16, at most. */
const FAT12_CLUSTERS = 4084,
  FAT16_CLUSTERS = 65524;

interface FatNode {
  name: string;
  isFolder: boolean;
  cluster: number;
  bytes: number;
  modifiedMs: number;
}

interface Shape {
  bits: 12 | 16 | 32;
  clusterBytes: number;
  clusters: number;
  /** Bytes on the medium: the first table, the root of FAT12 and FAT16, the first cluster. */
  table: number;
  root: number;
  rootBytes: number;
  rootCluster: number;
  data: number;
  stateAt: number;
}

const bad = (why: string): FileSystemError =>
  new FileSystemError(`There is no FAT file system that could be read: ${why}.`);

/** @throws FileSystemError */
function shapeOf(pieces: Pieces): Shape {
  if (pieces.bytes < 512) throw bad(`the medium has ${pieces.bytes} bytes`);
  const boot = pieces.at(0, 512, 'the boot sector');
  const word = (at: number): number => boot.getUint16(at, true);
  const dword = (at: number): number => boot.getUint32(at, true);
  const sectorBytes = word(11),
    clusterSectors = boot.getUint8(13),
    reserved = word(14),
    tables = boot.getUint8(16),
    rootEntries = word(17);
  if (word(510) !== 0xaa55) throw bad('its first sector does not end in 55 AA');
  if (![512, 1024, 2048, 4096].includes(sectorBytes)) throw bad(`its sectors have ${sectorBytes} bytes`);
  if (clusterSectors === 0 || (clusterSectors & (clusterSectors - 1)) !== 0)
    throw bad(`its clusters have ${clusterSectors} sectors`);
  if (reserved === 0 || tables === 0) throw bad(`it has ${reserved} reserved sectors and ${tables} tables`);
  const tableSectors = word(22) || dword(36);
  const sectors = word(19) || dword(32);
  if (sectors * sectorBytes > pieces.bytes)
    throw bad(`it is said to have ${sectors} sectors, and the medium has ${Math.floor(pieces.bytes / sectorBytes)}`);
  const rootStart = reserved + tables * tableSectors;
  const dataStart = rootStart + Math.ceil((rootEntries * ENTRY_BYTES) / sectorBytes);
  const clusters = Math.floor((sectors - dataStart) / clusterSectors);
  if (clusters < 1) throw bad('it has no room for files');
  const bits = clusters <= FAT12_CLUSTERS ? 12 : clusters <= FAT16_CLUSTERS ? 16 : 32;
  if (Math.ceil(((clusters + 2) * bits) / 8) > tableSectors * sectorBytes)
    throw bad(`its table has ${tableSectors} sectors, which are too few for ${clusters} clusters`);
  if (bits === 32 ? rootEntries !== 0 : rootEntries === 0) throw bad(`its root has ${rootEntries} entries`);
  return {
    bits,
    clusters,
    clusterBytes: clusterSectors * sectorBytes,
    table: reserved * sectorBytes,
    root: rootStart * sectorBytes,
    rootBytes: rootEntries * ENTRY_BYTES,
    rootCluster: bits === 32 ? dword(44) : 0,
    data: dataStart * sectorBytes,
    stateAt: bits === 32 ? 0x41 : 0x25,
  };
}

class FatNodes implements FileNodes<FatNode> {
  readonly type: string;
  readonly root: FatNode;
  readonly ignoresCase = true;
  readonly shape: Shape;
  private readonly pieces: Pieces;

  constructor(from: BlockDevice, effort: Effort) {
    this.pieces = new Pieces(from, effort);
    this.shape = shapeOf(this.pieces);
    this.type = `FAT${this.shape.bits}`;
    this.root = { name: '', isFolder: true, cluster: this.shape.rootCluster, bytes: 0, modifiedMs: 0 };
    this.check();
  }

  private next(cluster: number): number {
    const { bits, table } = this.shape;
    const at = table + Math.floor((cluster * bits) / 8);
    if (bits === 32) return this.pieces.at(at, 4, 'the table').getUint32(0, true) & 0x0fffffff;
    const word = this.pieces.at(at, 2, 'the table').getUint16(0, true);
    return bits === 16 ? word : (cluster & 1) === 1 ? word >> 4 : word & 0xfff;
  }

  /** Clusters of a file, in their order. `visit`: called for each. */
  private *chain(first: number, who: string): Generator<number> {
    const { bits, clusters } = this.shape;
    const last = bits === 32 ? 0x0ffffff8 : bits === 16 ? 0xfff8 : 0xff8;
    let left = clusters;
    for (let cluster = first; cluster < last; cluster = this.next(cluster)) {
      if (cluster < 2 || cluster >= clusters + 2)
        throw bad(`‘${who}’ goes on in cluster ${cluster}, and there are 2 to ${clusters + 1}`);
      if (--left < 0) throw bad(`the clusters of ‘${who}’ go round in a circle`);
      yield cluster;
    }
  }

  /** Follows everything once. @throws FileSystemError */
  private check(): void {
    const { clusters, clusterBytes, bits } = this.shape;
    const used = new Uint8Array(clusters + 2);
    const claim = (node: FatNode, path: string): void => {
      if (node.cluster === 0) {
        if (node.bytes > 0) throw bad(`‘${path}’ has ${node.bytes} bytes and no cluster`);
        return;
      }
      let count = 0;
      for (const cluster of this.chain(node.cluster, path)) {
        if (used[cluster] !== 0)
          throw bad(`cluster ${cluster} of ‘${path}’ is a part of another file, too, or of itself`);
        used[cluster] = 1;
        count++;
      }
      if (!node.isFolder && count < Math.ceil(node.bytes / clusterBytes))
        throw bad(`‘${path}’ has ${node.bytes} bytes and clusters for ${count * clusterBytes}`);
    };
    const folders: [FatNode, string, number][] = [[this.root, '', 0]];
    if (bits === 32) claim(this.root, '/');
    for (let entry = folders.pop(); entry; entry = folders.pop()) {
      const [folder, path, depth] = entry;
      if (depth > MOST_DEPTH) throw bad(`its folders lie more than ${MOST_DEPTH} deep in each other`);
      for (const [name, node] of this.entriesOf(folder)) {
        const where = `${path}/${name}`;
        claim(node, where);
        if (node.isFolder) folders.push([node, where, depth + 1]);
      }
    }
  }

  /** Whether the system that has it mounted has said so: Linux and Windows mark it until they let go. */
  get isInUse(): boolean {
    const { bits, stateAt } = this.shape;
    if ((this.pieces.at(stateAt, 1, 'the boot sector').getUint8(0) & 1) !== 0) return true;
    if (bits === 12) return false;
    const state = this.pieces.at(this.shape.table + bits / 8, 4, 'the table').getUint32(0, true);
    return (state & (bits === 32 ? 0x08000000 : 0x8000)) === 0;
  }

  kindOf({ isFolder }: FatNode): FileKind {
    return isFolder ? 'folder' : 'file';
  }

  sizeOf({ bytes }: FatNode): number {
    return bytes;
  }

  modifiedMsOf({ modifiedMs }: FatNode): number {
    return modifiedMs;
  }

  *entriesOf(folder: FatNode): Generator<readonly [string, FatNode]> {
    let long: string[] = [];
    let sum = -1;
    for (const entry of this.rawEntries(folder)) {
      const first = entry.getUint8(0),
        attributes = entry.getUint8(11);
      if (first === END) return;
      if (first === FREE) {
        long = [];
        continue;
      }
      if ((attributes & 0x3f) === LONG_NAME) {
        // The last part comes first.
        if ((first & 0x40) !== 0 || long.length >= MOST_LONG) long = [];
        const units = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30].map(at => entry.getUint16(at, true));
        const end = units.indexOf(0);
        long.unshift(String.fromCharCode(...(end < 0 ? units : units.slice(0, end))));
        sum = entry.getUint8(13);
        continue;
      }
      const bytes = new Uint8Array(entry.buffer, entry.byteOffset, 11);
      const name = long.length > 0 && sum === checkSum(bytes) ? long.join('') : shortName(bytes, entry.getUint8(12));
      long = [];
      if ((attributes & LABEL) !== 0 || name === '.' || name === '..') continue;
      // A name that could mean a place elsewhere is none.
      const safe = name.replace(/[/\\\0]/g, '_');
      const isFolder = (attributes & FOLDER) !== 0;
      const cluster = entry.getUint16(26, true) + (this.shape.bits === 32 ? entry.getUint16(20, true) * 65536 : 0);
      yield [
        safe === '' || safe === '.' || safe === '..' ? '_' : safe,
        {
          name: safe,
          isFolder,
          cluster,
          bytes: isFolder ? 0 : entry.getUint32(28, true),
          modifiedMs: timeOf(entry.getUint16(24, true), entry.getUint16(22, true)),
        },
      ];
    }
  }

  private *rawEntries(folder: FatNode): Generator<DataView> {
    const { root, rootBytes, rootCluster, clusterBytes } = this.shape;
    if (folder.cluster === 0 && rootCluster === 0) {
      if (folder !== this.root) return;
      for (let at = 0; at < rootBytes; at += ENTRY_BYTES) yield this.pieces.at(root + at, ENTRY_BYTES, 'the root');
      return;
    }
    let bytes = 0;
    for (const cluster of this.chain(folder.cluster, folder.name || '/')) {
      for (let at = 0; at < clusterBytes; at += ENTRY_BYTES)
        yield this.pieces.at(this.placeOf(cluster) + at, ENTRY_BYTES, 'a folder');
      if ((bytes += clusterBytes) > MOST_FOLDER_BYTES)
        throw bad(`the folder ‘${folder.name || '/'}’ has more than 65,536 entries`);
    }
  }

  private placeOf(cluster: number): number {
    return this.shape.data + (cluster - 2) * this.shape.clusterBytes;
  }

  contentOf(node: FatNode, most: number): Uint8Array {
    const { clusterBytes } = this.shape;
    const content = new Uint8Array(Math.min(node.bytes, most));
    let at = 0;
    for (const cluster of node.bytes === 0 ? [] : this.chain(node.cluster, node.name)) {
      if (at >= content.length) break;
      const length = Math.min(clusterBytes, content.length - at);
      const piece = this.pieces.at(this.placeOf(cluster), length, `‘${node.name}’`);
      content.set(new Uint8Array(piece.buffer, piece.byteOffset, length), at);
      at += length;
    }
    return content;
  }
}

function checkSum(name: Uint8Array): number {
  let sum = 0;
  for (const byte of name) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}

/** Eight and three characters; bits 3 and 4 of `flags` say that either was written in small letters. */
function shortName(bytes: Uint8Array, flags: number): string {
  // 05 represents E5.
  const text = (from: number, to: number): string =>
    String.fromCharCode(
      ...bytes.subarray(from, to).map((byte, i) => (from + i === 0 && byte === 5 ? 0xe5 : byte)),
    ).trimEnd();
  const stem = text(0, 8),
    extension = text(8, 11);
  const written = (part: string, bit: number): string => ((flags & bit) !== 0 ? part.toLowerCase() : part);
  return extension === '' ? written(stem, 8) : `${written(stem, 8)}.${written(extension, 16)}`;
}

/** Local time, taken for UTC. */
const timeOf = (date: number, time: number): number =>
  Date.UTC(1980 + (date >> 9), ((date >> 5) & 15) - 1, date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2);

/** A FAT file system on a medium, as a whole or as it is now of one that is in use. @throws FileSystemError: there is none, or it contradicts itself */
export function openFat(from: BlockDevice, effort: Effort): FileTree & { readonly isInUse: boolean } {
  const nodes = new FatNodes(from, effort);
  return Object.assign(new FileTree(nodes), { isInUse: nodes.isInUse });
}
