/**
 * New file systems FAT16 and FAT32, in one partition of a disk, as DOS, Windows and Linux have them: what a transfer disk (`transfer:SIZE` as a disk's target)
 * begins as. Source: Microsoft's FAT specification 1.03.
 */
import { type BlockDevice, SECTOR_BYTES } from '../blocks/index.ts';
import { TYPE, writePartitions } from './partitions.ts';

const MIB = 2 ** 20,
  GIB = 2 ** 30;
/** Of the partition. */
const FIRST_SECTOR = MIB / SECTOR_BYTES;
/** From here on FAT32. */
const FAT32_BYTES = 512 * MIB;
const FAT16_CLUSTERS = 65524;
const ROOT_ENTRIES = 512,
  ROOT_SECTORS = (ROOT_ENTRIES * 32) / SECTOR_BYTES;
const TABLES = 2;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Sectors of a cluster: the smallest of FAT16 that reach, and what Windows takes for FAT32. */
function clusterSectors(bytes: number, isFat32: boolean): number {
  if (isFat32) return bytes <= 8 * GIB ? 8 : bytes <= 16 * GIB ? 16 : bytes <= 32 * GIB ? 32 : 64;
  let sectors = 1;
  while (bytes / SECTOR_BYTES / sectors > FAT16_CLUSTERS) sectors *= 2;
  return sectors;
}

interface Shape {
  isFat32: boolean;
  bits: 16 | 32;
  /** Sectors: of the partition, of a cluster, before the first table, of a table. */
  sectors: number;
  perCluster: number;
  reserved: number;
  tableSectors: number;
  clusters: number;
}

function shapeOf(diskBytes: number): Shape {
  const isFat32 = diskBytes >= FAT32_BYTES;
  const sectors = Math.floor(diskBytes / SECTOR_BYTES) - FIRST_SECTOR,
    perCluster = clusterSectors(sectors * SECTOR_BYTES, isFat32);
  const reserved = isFat32 ? 32 : 1,
    rootSectors = isFat32 ? 0 : ROOT_SECTORS,
    bits = isFat32 ? 32 : 16;
  // As long as the clusters that the table itself leaves need it to be.
  let tableSectors = 1;
  const clusters = (): number => Math.floor((sectors - reserved - rootSectors - TABLES * tableSectors) / perCluster);
  while (Math.ceil(((clusters() + 2) * bits) / 8 / SECTOR_BYTES) > tableSectors) tableSectors++;
  return { isFat32, bits, sectors, perCluster, reserved, tableSectors, clusters: clusters() };
}

function bootSector(
  { isFat32, bits, sectors, perCluster, reserved, tableSectors }: Shape,
  name: Uint8Array,
  id: number,
): Uint8Array {
  const boot = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(boot.buffer);
  boot.set([0xeb, isFat32 ? 0x58 : 0x3c, 0x90, ...ascii('RINGSIDE')]);
  view.setUint16(11, SECTOR_BYTES, true);
  boot[13] = perCluster;
  view.setUint16(14, reserved, true);
  boot[16] = TABLES;
  view.setUint16(17, isFat32 ? 0 : ROOT_ENTRIES, true);
  if (sectors < 65536) view.setUint16(19, sectors, true);
  else view.setUint32(32, sectors, true);
  boot[21] = 0xf8;
  if (isFat32) view.setUint32(36, tableSectors, true);
  else view.setUint16(22, tableSectors, true);
  view.setUint16(24, 63, true);
  view.setUint16(26, 255, true);
  view.setUint32(28, FIRST_SECTOR, true);
  if (isFat32) {
    // The root's cluster, the sector of free clusters, the copy of the boot sector.
    view.setUint32(44, 2, true);
    view.setUint16(48, 1, true);
    view.setUint16(50, 6, true);
  }
  const extended = isFat32 ? 64 : 36;
  boot[extended] = 0x80;
  boot[extended + 2] = 0x29;
  view.setUint32(extended + 3, id, true);
  boot.set(name, extended + 7);
  boot.set(ascii(`FAT${bits}   `), extended + 18);
  // Nothing starts from it: INT 18h goes on to the next device.
  boot.set([0xcd, 0x18], isFat32 ? 0x5a : 0x3e);
  view.setUint16(510, 0xaa55, true);
  return boot;
}

/** FSInfo: how many clusters are free, and the next of them. */
function freeSector(clusters: number): Uint8Array {
  const free = new Uint8Array(SECTOR_BYTES);
  const words = new DataView(free.buffer);
  free.set(ascii('RRaA'));
  free.set(ascii('rrAa'), 484);
  words.setUint32(488, clusters - 1, true);
  words.setUint32(492, 3, true);
  words.setUint32(508, 0xaa550000, true);
  return free;
}

/** Makes the partition and its file system. `disk` reads as zeros, and has at least 4 MiB. `id`: 32 bits that tell it from others; `label`: up to eleven letters. Durable when it returns. */
export function formatFatDisk(disk: BlockDevice, label: string, id: number): void {
  const shape = shapeOf(disk.bytes),
    { isFat32, sectors, reserved, tableSectors } = shape;
  const name = ascii(
    label
      .toUpperCase()
      .replace(/[^A-Z0-9_-]/g, '_')
      .slice(0, 11)
      .padEnd(11),
  );
  const write = (sector: number, bytes: Uint8Array): void => disk.write((FIRST_SECTOR + sector) * SECTOR_BYTES, bytes);
  const table = new Uint8Array(SECTOR_BYTES);
  if (isFat32) new Uint32Array(table.buffer).set([0x0ffffff8, 0x0fffffff, 0x0fffffff]);
  else new Uint16Array(table.buffer).set([0xfff8, 0xffff]);
  for (let i = 0; i < TABLES; i++) write(reserved + i * tableSectors, table);
  const root = new Uint8Array(SECTOR_BYTES);
  root.set(name);
  root[11] = 0x08;
  // 1 January 1980.
  new DataView(root.buffer).setUint16(24, 0x21, true);
  write(reserved + TABLES * tableSectors, root);
  const boot = bootSector(shape, name, id);
  for (const copy of isFat32 ? [6, 0] : [0]) {
    if (isFat32) write(copy + 1, freeSector(shape.clusters));
    write(copy, boot);
  }
  disk.flush();
  // The table comes last: a disk without it is formatted again.
  const type = isFat32 ? TYPE.FAT32 : TYPE.FAT16;
  writePartitions(disk, [{ number: 1, active: false, type, firstSector: FIRST_SECTOR, sectors }], id);
  disk.flush();
}
