/**
 * VMware's images of one growing file (monolithicSparse). A grain is 64 KiB; a directory leads to tables of 512 grains each, and both are there twice.
 * Sources: VMware's "Virtual Disk Format 5.0", "Hosted Sparse Extents"; vmdk_init_extent() and vmdk_co_do_create() of QEMU's block/vmdk.c for the layout.
 */
import { SECTOR_BYTES } from '../blocks/index.ts';
import type { GrowingFile } from '../qcow2/index.ts';
import { AllocatingDisk, ImageError } from './allocating-disk.ts';

/** 'KDMV'. */
const MAGIC = 0x564d444b;
const VERSION = 1;
/** Line ends can be checked; there is a redundant directory. */
const FLAGS = 1 | 2;
const LINE_ENDS = [0x0a, 0x20, 0x0d, 0x0a];
const GRAIN_SECTORS = 128;
const TABLE_ENTRIES = 512;
const ENTRY_BYTES = 4;
const TABLE_SECTORS = (TABLE_ENTRIES * ENTRY_BYTES) / SECTOR_BYTES;
const DESCRIPTOR_AT = 1,
  DESCRIPTOR_SECTORS = 20;
/** Of a disk of IDE. */
const HEADS = 16,
  SECTORS_A_TRACK = 63;
/** Fields of the header that have eight bytes. */
const CAPACITY = 12,
  GRAIN = 20,
  DESCRIPTOR = 28,
  DESCRIPTOR_SIZE = 36,
  REDUNDANT = 48,
  DIRECTORY = 56,
  OVERHEAD = 64;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const wholeSectors = (bytes: number): number => Math.ceil(bytes / SECTOR_BYTES);

/** By its first bytes (virStorageFileProbeFormat() of libvirt's src/storage_file/storage_file_probe.c). */
export const isVmdk = (head: Uint8Array): boolean =>
  head.length >= 8 && viewOf(head).getUint32(0, true) === MAGIC && [1, 2, 3].includes(viewOf(head).getUint32(4, true));

const descriptorOf = (sectors: number, name: string, id: number): string => `# Disk DescriptorFile
version=1
CID=${id.toString(16)}
parentCID=ffffffff
createType="monolithicSparse"

# Extent description
RW ${sectors} SPARSE "${name}"

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "4"
ddb.geometry.cylinders = "${Math.floor(sectors / (HEADS * SECTORS_A_TRACK))}"
ddb.geometry.heads = "${HEADS}"
ddb.geometry.sectors = "${SECTORS_A_TRACK}"
ddb.adapterType = "ide"
`;

/** A new one with nothing in it, in an empty file. `name`: of that file; `id`: drawn, and changed by each writer of the image. @throws ImageError, DeviceFull */
export function createVmdk(file: GrowingFile, { bytes, name, id }: { bytes: number; name: string; id: number }): void {
  const sectors = wholeSectors(bytes),
    tables = Math.ceil(sectors / GRAIN_SECTORS / TABLE_ENTRIES),
    directorySectors = wholeSectors(tables * ENTRY_BYTES);
  const redundantAt = DESCRIPTOR_AT + DESCRIPTOR_SECTORS,
    directoryAt = redundantAt + directorySectors + tables * TABLE_SECTORS,
    end = directoryAt + directorySectors + tables * TABLE_SECTORS;
  const overhead = Math.ceil(end / GRAIN_SECTORS) * GRAIN_SECTORS;
  const text = new TextEncoder().encode(descriptorOf(sectors, name, id));
  if (text.length > DESCRIPTOR_SECTORS * SECTOR_BYTES) throw new ImageError('has too long a name for a VMDK image.');
  const head = new Uint8Array(overhead * SECTOR_BYTES),
    view = viewOf(head);
  const set64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, FLAGS, true);
  set64(CAPACITY, sectors);
  set64(GRAIN, GRAIN_SECTORS);
  set64(DESCRIPTOR, DESCRIPTOR_AT);
  set64(DESCRIPTOR_SIZE, DESCRIPTOR_SECTORS);
  view.setUint32(44, TABLE_ENTRIES, true);
  set64(REDUNDANT, redundantAt);
  set64(DIRECTORY, directoryAt);
  set64(OVERHEAD, overhead);
  head.set(LINE_ENDS, 73);
  head.set(text, DESCRIPTOR_AT * SECTOR_BYTES);
  for (const at of [redundantAt, directoryAt])
    for (let table = 0; table < tables; table++)
      view.setUint32(at * SECTOR_BYTES + table * ENTRY_BYTES, at + directorySectors + table * TABLE_SECTORS, true);
  file.grow(head.length);
  // The header comes last: before there is no image.
  file.write(SECTOR_BYTES, head.subarray(SECTOR_BYTES));
  file.flush();
  file.write(0, head.subarray(0, SECTOR_BYTES));
  file.flush();
}

export class VmdkDisk extends AllocatingDisk {
  readonly bytes: number;
  protected readonly pieceBytes = GRAIN_SECTORS * SECTOR_BYTES;
  /** Of both copies of each table, in sectors; of an image with one the same twice. */
  private readonly tables: readonly (readonly [number, number])[];

  /** @throws ImageError */
  constructor(file: GrowingFile) {
    super(file);
    const head = new Uint8Array(SECTOR_BYTES),
      view = viewOf(head);
    file.read(0, head);
    const get64 = (at: number): number => Number(view.getBigUint64(at, true));
    if (!isVmdk(head)) throw new ImageError('is no VMDK image.');
    const flags = view.getUint32(8, true);
    if (view.getUint32(4, true) !== VERSION || (flags & 0x10000) !== 0 || get64(GRAIN) !== GRAIN_SECTORS)
      throw new ImageError('is a VMDK image of another kind than monolithicSparse with grains of 64 KiB.');
    if (view.getUint32(44, true) !== TABLE_ENTRIES || get64(CAPACITY) === 0 || head[72] > 1)
      throw new ImageError('has a damaged header.');
    this.bytes = get64(CAPACITY) * SECTOR_BYTES;
    const count = Math.ceil(get64(CAPACITY) / GRAIN_SECTORS / TABLE_ENTRIES);
    const directory = this.entriesAt(get64(DIRECTORY), count),
      redundant = (flags & 2) === 0 ? directory : this.entriesAt(get64(REDUNDANT), count);
    this.tables = Array.from(directory, (at, table) => [at, redundant[table]] as const);
  }

  /** Of a directory or a table. @throws ImageError where the file has no such */
  private entriesAt(sector: number, count: number): Uint32Array {
    const bytes = new Uint8Array(wholeSectors(count * ENTRY_BYTES) * SECTOR_BYTES);
    if (sector * SECTOR_BYTES + bytes.length > this.file.bytes)
      throw new ImageError('is cut off: its tables are not there.');
    this.file.read(sector * SECTOR_BYTES, bytes);
    const view = viewOf(bytes);
    return Uint32Array.from({ length: count }, (_, i) => view.getUint32(i * ENTRY_BYTES, true));
  }

  private entryAt(grain: number): { sector: number; at: number; bytes: Uint8Array } {
    const [table] = this.tables[Math.floor(grain / TABLE_ENTRIES)],
      offset = (grain % TABLE_ENTRIES) * ENTRY_BYTES,
      within = Math.floor(offset / SECTOR_BYTES);
    const bytes = new Uint8Array(SECTOR_BYTES);
    this.file.read((table + within) * SECTOR_BYTES, bytes);
    return { sector: within, at: offset % SECTOR_BYTES, bytes };
  }

  protected placeOf(grain: number): number | undefined {
    const { at, bytes } = this.entryAt(grain);
    const sector = viewOf(bytes).getUint32(at, true);
    if (sector !== 0 && (sector + 1) * SECTOR_BYTES > this.file.bytes)
      throw new ImageError('is damaged: a table leads beyond its end.');
    return sector === 0 ? undefined : sector * SECTOR_BYTES;
  }

  protected allocate(grain: number): number {
    const place = Math.ceil(this.file.bytes / this.pieceBytes) * this.pieceBytes;
    this.file.grow(place + this.pieceBytes);
    const { sector, at, bytes } = this.entryAt(grain);
    viewOf(bytes).setUint32(at, place / SECTOR_BYTES, true);
    for (const table of new Set(this.tables[Math.floor(grain / TABLE_ENTRIES)]))
      this.file.write((table + sector) * SECTOR_BYTES, bytes);
    return place;
  }
}
