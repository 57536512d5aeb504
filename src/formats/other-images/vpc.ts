/**
 * Virtual PC's and Hyper-V's images that grow (dynamic VHD), which QEMU calls vpc. A block is 2 MiB with a map of its sectors before it; a table leads to blocks; at
 * the end of the file is a footer, and a copy of it at the beginning.
 * Sources: Microsoft's "Virtual Hard Disk Image Format Specification" 1.0; create_dynamic_disk(), calculate_geometry() and vpc_open() of QEMU's block/vpc.c.
 */
import { SECTOR_BYTES } from '../blocks/index.ts';
import type { GrowingFile } from '../qcow2/index.ts';
import { AllocatingDisk, ImageError } from './allocating-disk.ts';

const FOOTER_BYTES = 512,
  HEADER_BYTES = 1024;
const HEADER_AT = FOOTER_BYTES,
  TABLE_AT = HEADER_AT + HEADER_BYTES;
const BLOCK_BYTES = 2 ** 21;
const MAP_BYTES = BLOCK_BYTES / SECTOR_BYTES / 8;
const ENTRY_BYTES = 4;
/** Of a block without a place. */
const NOWHERE = 0xffffffff;
/** Reserved, and always set. */
const FEATURES = 2;
const VERSION = 0x10000;
const DYNAMIC = 3;
/** By which QEMU knows an image whose size is that of its geometry, and not the one next to it. */
const CREATOR = 'qemu',
  CREATOR_VERSION = 0x00050003,
  CREATOR_SYSTEM = 'Wi2k';
/** Seconds from 1970 to 2000. */
const EPOCH = 946684800;
/** Of the largest disk that the footer's geometry has a place for. */
const MOST_SECTORS = 65535 * 16 * 255;
/** virtual-pc's own images. */
const OTHER_CREATORS = ['win ', 'qem2', 'd2v ', 'tap\0', 'vpcx'];

interface Geometry {
  cylinders: number;
  heads: number;
  sectors: number;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const ascii = (text: string): Uint8Array => Uint8Array.from(text, letter => letter.charCodeAt(0));
const wholeSectors = (bytes: number): number => Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;

/** By its first bytes, where a dynamic image has the copy of its footer (virStorageFileProbeFormat() of libvirt). */
export const isVpc = (head: Uint8Array): boolean =>
  head.length >= 8 && String.fromCharCode(...head.subarray(0, 8)) === 'conectix';

/** The specification's, "CHS calculation". */
function geometryOf(asked: number): Geometry {
  const total = Math.min(asked, MOST_SECTORS);
  const with255 = total >= 65535 * 16 * 63;
  let sectors = with255 ? 255 : 17,
    tracks = Math.floor(total / sectors),
    heads = with255 ? 16 : Math.max(4, Math.ceil(tracks / 1024));
  if (!with255)
    for (const [more, isTooSmall] of [
      [31, () => tracks >= heads * 1024 || heads > 16],
      [63, () => tracks >= heads * 1024],
    ] as const)
      if (isTooSmall()) {
        sectors = more;
        heads = 16;
        tracks = Math.floor(total / sectors);
      }
  return { cylinders: Math.floor(tracks / heads), heads, sectors };
}

const sectorsOf = ({ cylinders, heads, sectors }: Geometry): number => cylinders * heads * sectors;

/** The smallest geometry that has room for so much: an image is as large as that (calculate_rounded_image_size()). */
function roomFor(bytes: number): Geometry {
  const sectors = Math.ceil(bytes / SECTOR_BYTES);
  let found: Geometry = { cylinders: 0, heads: 0, sectors: 0 };
  for (let more = 0; sectors > sectorsOf(found) && more < MOST_SECTORS; more++) {
    found = geometryOf(sectors + more);
    if (sectorsOf(found) >= MOST_SECTORS) break;
  }
  return found;
}

/** How large the disk of a new image is that is to have so much. */
export const vpcBytes = (bytes: number): number => {
  const rounded = sectorsOf(roomFor(bytes));
  return rounded >= MOST_SECTORS ? wholeSectors(bytes) : rounded * SECTOR_BYTES;
};

/** One's complement of the sum of all bytes, with those of the sum itself as zeros. */
function checksum(bytes: Uint8Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) if (i < at || i >= at + 4) sum += bytes[i];
  return ~sum >>> 0;
}

function footerOf(bytes: number, { nowMs, uuid }: { nowMs: number; uuid: Uint8Array }): Uint8Array {
  const { cylinders, heads, sectors } = roomFor(bytes);
  const footer = new Uint8Array(FOOTER_BYTES),
    view = viewOf(footer);
  footer.set(ascii('conectix'));
  view.setUint32(8, FEATURES);
  view.setUint32(12, VERSION);
  view.setBigUint64(16, BigInt(HEADER_AT));
  view.setUint32(24, Math.max(0, Math.floor(nowMs / 1000) - EPOCH));
  footer.set(ascii(CREATOR), 28);
  view.setUint32(32, CREATOR_VERSION);
  footer.set(ascii(CREATOR_SYSTEM), 36);
  for (const at of [40, 48]) view.setBigUint64(at, BigInt(vpcBytes(bytes)));
  view.setUint16(56, cylinders);
  view.setUint8(58, heads);
  view.setUint8(59, sectors);
  view.setUint32(60, DYNAMIC);
  footer.set(uuid, 68);
  view.setUint32(64, checksum(footer, 64));
  return footer;
}

/** A new one with nothing in it, in an empty file. `bytes`: of the disk, at least. @throws ImageError, DeviceFull */
export function createVpc(
  file: GrowingFile,
  { bytes, ...drawn }: { bytes: number; nowMs: number; uuid: Uint8Array },
): void {
  if (bytes > MOST_SECTORS * SECTOR_BYTES)
    throw new ImageError('is too large for a VHD image, which has at most 2 TiB.');
  const footer = footerOf(bytes, drawn);
  const entries = Math.ceil(vpcBytes(bytes) / BLOCK_BYTES);
  const header = new Uint8Array(HEADER_BYTES),
    view = viewOf(header);
  header.set(ascii('cxsparse'));
  view.setBigUint64(8, 0xffffffffffffffffn);
  view.setBigUint64(16, BigInt(TABLE_AT));
  view.setUint32(24, VERSION);
  view.setUint32(28, entries);
  view.setUint32(32, BLOCK_BYTES);
  view.setUint32(36, checksum(header, 36));
  const table = new Uint8Array(wholeSectors(entries * ENTRY_BYTES)).fill(0xff);
  file.grow(TABLE_AT + table.length + FOOTER_BYTES);
  file.write(HEADER_AT, header);
  file.write(TABLE_AT, table);
  file.write(TABLE_AT + table.length, footer);
  file.flush();
  // The copy comes last: before there is no image.
  file.write(0, footer);
  file.flush();
}

export class VpcDisk extends AllocatingDisk {
  readonly bytes: number;
  protected readonly pieceBytes = BLOCK_BYTES;
  private readonly footer = new Uint8Array(FOOTER_BYTES);
  private readonly table: Uint8Array;
  /** Where the footer is, if the file is whole. */
  private endOfBlocks: number;

  /** @throws ImageError */
  constructor(file: GrowingFile) {
    super(file);
    const { footer } = this,
      view = viewOf(footer);
    file.read(0, footer);
    if (!isVpc(footer)) throw new ImageError('is no dynamic VHD image.');
    if (view.getUint32(64) !== checksum(footer, 64)) throw new ImageError('has a damaged footer: its sum is wrong.');
    const header = new Uint8Array(HEADER_BYTES);
    if (view.getUint32(60) !== DYNAMIC || view.getBigUint64(16) !== BigInt(HEADER_AT))
      throw new ImageError('is a VHD image that does not grow, or lies on another.');
    file.read(HEADER_AT, header);
    const entries = viewOf(header).getUint32(28);
    const tableAt = Number(viewOf(header).getBigUint64(16));
    if (viewOf(header).getUint32(36) !== checksum(header, 36) || viewOf(header).getUint32(32) !== BLOCK_BYTES)
      throw new ImageError('has a damaged header, or other blocks than of 2 MiB.');
    const geometry = { cylinders: view.getUint16(56), heads: footer[58], sectors: footer[59] };
    const isExact = OTHER_CREATORS.includes(String.fromCharCode(...footer.subarray(28, 32)));
    const said = Number(view.getBigUint64(48));
    this.bytes =
      isExact || sectorsOf(geometry) >= MOST_SECTORS ? wholeSectors(said) : sectorsOf(geometry) * SECTOR_BYTES;
    if (tableAt !== TABLE_AT || entries * BLOCK_BYTES < this.bytes)
      throw new ImageError('has a damaged header: its table is too short, or elsewhere.');
    this.table = new Uint8Array(wholeSectors(entries * ENTRY_BYTES));
    if (TABLE_AT + this.table.length > file.bytes) throw new ImageError('is cut off: its table is not there.');
    file.read(TABLE_AT, this.table);
    this.endOfBlocks = TABLE_AT + this.table.length;
    for (let block = 0; block < entries; block++) {
      const sector = viewOf(this.table).getUint32(block * ENTRY_BYTES);
      if (sector !== NOWHERE)
        this.endOfBlocks = Math.max(this.endOfBlocks, sector * SECTOR_BYTES + MAP_BYTES + BLOCK_BYTES);
    }
  }

  protected placeOf(block: number): number | undefined {
    const sector = viewOf(this.table).getUint32(block * ENTRY_BYTES);
    if (sector === NOWHERE) return undefined;
    const place = sector * SECTOR_BYTES + MAP_BYTES;
    if (place + BLOCK_BYTES > this.file.bytes) throw new ImageError('is damaged: its table leads beyond its end.');
    return place;
  }

  /** In the place of the footer, which goes behind it. */
  protected allocate(block: number): number {
    const place = this.endOfBlocks;
    this.file.grow(place + MAP_BYTES + BLOCK_BYTES + FOOTER_BYTES);
    this.file.write(place + MAP_BYTES + BLOCK_BYTES, this.footer);
    // All sectors count as written: QEMU has no other maps.
    this.file.write(place, new Uint8Array(MAP_BYTES).fill(0xff));
    const entryAt = block * ENTRY_BYTES,
      sectorAt = Math.floor(entryAt / SECTOR_BYTES) * SECTOR_BYTES;
    viewOf(this.table).setUint32(entryAt, place / SECTOR_BYTES);
    this.file.write(TABLE_AT + sectorAt, this.table.subarray(sectorAt, sectorAt + SECTOR_BYTES));
    this.endOfBlocks = place + MAP_BYTES + BLOCK_BYTES;
    return place + MAP_BYTES;
  }
}
