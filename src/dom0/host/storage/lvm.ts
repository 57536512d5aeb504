/**
 * A volume group on one physical volume, in the format that LVM2 has on disk, so that its own tools read it.
 *
 *   sector 1        label: "LABELONE", sector, CRC of the rest of the sector, offset of the header (32), "LVM2 001"; physical volume header: UUID, bytes,
 *                   data area (1 MiB, to the end), metadata areas (two: from 4 KiB on, and the last MiB)
 *   metadata area   a header of a sector: CRC, " LVM2 x[5A%r0N*>", version, where the area is, where the text is; then a ring of texts, newest last
 *
 * A change writes the whole text behind the old one, flushes, then the header, and flushes: first in the older area, then in the other. Whatever a power cut
 * leaves, one area names a text that checks.
 * Source: LVM2's lib/format_text (layout.h: label, pv_header, mda_header, raw_locn; import/export of the text), lib/label; its check sum is CRC-32 without the
 * last complement, begun with 0xf597a6cf.
 */
import { PE_BYTES } from './device-names.ts';
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import type { Segment } from './part.ts';
import { StoreDamaged } from './store.ts';
import { parseMetadata, type Section, writeMetadata } from './lvm-text.ts';

const SECTOR_BYTES = 512;
const MDA_START = 4096,
  DATA_START = 2 ** 20;
const MDA_MAGIC = ' LVM2 x[5A%r0N*>';
const UUID_LENGTH = 32;
const OVERLAY_TAG = 'ringside.overlay',
  QCOW2_TAG = 'ringside.qcow2',
  UNFORMATTED_TAG = 'ringside.unformatted',
  UNFINISHED_TAG = 'ringside.unfinished',
  BYTES_TAG = 'ringside.bytes.';
const PE_SECTORS = PE_BYTES / SECTOR_BYTES;

export interface LogicalVolume {
  name: string;
  uuid: string;
  /** Seconds since 1970. */
  created: number;
  segments: Segment[];
  /** Where its last extent is not needed whole: a file's length (image-names.ts). A tag. */
  bytes?: number;
  /** It holds what was written to an image (overlay-volume.ts), by a tag: a guest's own bytes must not say so. */
  overlay?: true;
  /** It is the file of a qcow2 image that is written in place (qcow2-volumes.ts), by a tag for the same reason. */
  qcow2?: true;
  /** It becomes a transfer disk (transfer-disk.ts), whose file system is not finished: what lies in it is nobody's. A tag, too. */
  unformatted?: true;
  /** It belongs to a snapshot or a clone that is being made or removed: nobody's, unless something names it when the host starts the next time. A tag, too. */
  unfinished?: true;
}

export interface GroupText {
  group: string;
  groupUuid: string;
  pvUuid: string;
  seqno: number;
  /** Of the physical volume. */
  extents: number;
  deviceBytes: number;
  volumes: LogicalVolume[];
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const CRC_OF_BYTE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 begun with LVM2's own value and not complemented at its end. */
export function lvmCrc(bytes: Uint8Array): number {
  let crc = 0xf597a6cf;
  for (const byte of bytes) crc = CRC_OF_BYTE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return crc >>> 0;
}

interface Area {
  start: number;
  bytes: number;
}

const areas = (bytes: number): Area[] => [
  { start: MDA_START, bytes: DATA_START - MDA_START },
  { start: bytes - DATA_START, bytes: DATA_START },
];

export const extentsOf = (bytes: number): number => Math.floor((bytes - 2 * DATA_START) / PE_BYTES);
/** Byte of a physical extent on the physical volume. */
export const extentStart = (extent: number): number => DATA_START + extent * PE_BYTES;

/** Makes a physical volume of a partition: its label, and areas without a text. */
export function writeLabel(medium: BlockDevice, uuid: string): void {
  const sector = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(sector.buffer);
  const put64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  sector.set(text('LABELONE'), 0);
  put64(8, 1);
  view.setUint32(20, 32, true);
  sector.set(text('LVM2 001'), 24);
  sector.set(text(uuid.replaceAll('-', '')), 32);
  put64(64, medium.bytes);
  let at = 72;
  const bytes = extentsOf(medium.bytes) * PE_BYTES;
  for (const [start, size] of [
    [DATA_START, bytes],
    [0, 0],
    ...areas(medium.bytes).map(area => [area.start, area.bytes]),
    [0, 0],
  ]) {
    put64(at, start);
    put64(at + 8, size);
    at += 16;
  }
  // Extension header, version 2: the volume is in use by a group.
  view.setUint32(at, 2, true);
  view.setUint32(at + 4, 1, true);
  view.setUint32(16, lvmCrc(sector.subarray(20)), true);
  medium.write(SECTOR_BYTES, sector);
  for (const area of areas(medium.bytes)) medium.write(area.start, areaHeader(area, undefined));
}

/** Where a text lies in its area: `offset` from the area's start. */
interface Location {
  offset: number;
  bytes: number;
  crc: number;
}

function areaHeader({ start, bytes }: Area, location: Location | undefined): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(sector.buffer);
  sector.set(text(MDA_MAGIC), 4);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(start), true);
  view.setBigUint64(32, BigInt(bytes), true);
  if (location) {
    view.setBigUint64(40, BigInt(location.offset), true);
    view.setBigUint64(48, BigInt(location.bytes), true);
    view.setUint32(56, location.crc, true);
  }
  view.setUint32(0, lvmCrc(sector.subarray(4)), true);
  return sector;
}

/** undefined: the header does not check, or names no text. */
function readLocation(medium: BlockDevice, area: Area): Location | undefined {
  const sector = new Uint8Array(SECTOR_BYTES);
  medium.read(area.start, sector);
  const view = new DataView(sector.buffer);
  if (
    view.getUint32(0, true) !== lvmCrc(sector.subarray(4)) ||
    new TextDecoder('latin1').decode(sector.subarray(4, 20)) !== MDA_MAGIC
  )
    return undefined;
  const location = {
    offset: Number(view.getBigUint64(40, true)),
    bytes: Number(view.getBigUint64(48, true)),
    crc: view.getUint32(56, true),
  };
  const isWithin =
    location.offset >= SECTOR_BYTES &&
    location.offset < area.bytes &&
    location.bytes > 0 &&
    location.bytes <= area.bytes - SECTOR_BYTES;
  return isWithin ? location : undefined;
}

/** Runs of a text in its area, which begins again behind the header where it ends. */
function runs(area: Area, { offset, bytes }: Location): { at: number; from: number; count: number }[] {
  const first = Math.min(bytes, area.bytes - offset);
  const parts = [{ at: area.start + offset, from: 0, count: first }];
  if (first < bytes) parts.push({ at: area.start + SECTOR_BYTES, from: first, count: bytes - first });
  return parts;
}

/** The text of an area; undefined: none that checks. */
function readText(medium: BlockDevice, area: Area): GroupText | undefined {
  const location = readLocation(medium, area);
  if (!location) return undefined;
  const bytes = new Uint8Array(location.bytes);
  for (const { at, from, count } of runs(area, location)) medium.read(at, bytes.subarray(from, from + count));
  return lvmCrc(bytes) === location.crc ? groupFrom(parseMetadata(new TextDecoder().decode(bytes))) : undefined;
}

/** Areas with their sequence numbers, the oldest first; one without a text is the oldest. */
const byAge = (medium: BlockDevice): { area: Area; text: GroupText | undefined }[] =>
  areas(medium.bytes)
    .map(area => ({ area, text: readText(medium, area) }))
    .sort((a, b) => (a.text?.seqno ?? -1) - (b.text?.seqno ?? -1));

/** The newest text that checks; undefined: there is no group. */
export function readGroup(medium: BlockDevice): GroupText | undefined {
  return byAge(medium).at(-1)?.text;
}

/** Writes a new text; durable when it returns. `nowMs`: since 1970, for the text. */
export function writeGroup(medium: BlockDevice, group: GroupText, nowMs: number): void {
  // LVM2's texts end with a NUL, which counts.
  const bytes = text(`${writeMetadata(sectionsOf(group), group, nowMs)}\0`);
  // A power cut may have left one area behind: the newest text stays until the other area has a newer one.
  for (const { area } of byAge(medium)) {
    // A text must not reach what the header names until now.
    if (bytes.length > (area.bytes - SECTOR_BYTES) / 2 - SECTOR_BYTES)
      throw new StoreDamaged(
        `The group ${group.group} has too many volumes: its metadata area is full. Remove some with lvremove.`,
      );
    const old = readLocation(medium, area);
    const ring = area.bytes - SECTOR_BYTES;
    const behind = old ? Math.ceil((old.offset + old.bytes) / SECTOR_BYTES) * SECTOR_BYTES : SECTOR_BYTES;
    const location = {
      offset: SECTOR_BYTES + ((behind - SECTOR_BYTES) % ring),
      bytes: bytes.length,
      crc: lvmCrc(bytes),
    };
    for (const { at, from, count } of runs(area, location)) medium.write(at, bytes.subarray(from, from + count));
    medium.flush();
    medium.write(area.start, areaHeader(area, location));
    medium.flush();
  }
}

function sectionsOf({ group, groupUuid, pvUuid, seqno, extents, deviceBytes, volumes }: GroupText): Section {
  const volume = ({
    uuid,
    created,
    segments,
    bytes,
    overlay,
    qcow2,
    unformatted,
    unfinished,
  }: LogicalVolume): Section => {
    let extent = 0;
    const tags = [
      ...(overlay ? [OVERLAY_TAG] : []),
      ...(qcow2 ? [QCOW2_TAG] : []),
      ...(unformatted ? [UNFORMATTED_TAG] : []),
      ...(unfinished ? [UNFINISHED_TAG] : []),
      ...(bytes === undefined ? [] : [`${BYTES_TAG}${bytes}`]),
    ];
    const entries: [string, Section][] = segments.map(({ first, count }, i) => {
      const section: Section = {
        start_extent: extent,
        extent_count: count,
        type: 'striped',
        stripe_count: 1,
        stripes: ['pv0', first],
      };
      extent += count;
      return [`segment${i + 1}`, section];
    });
    return {
      id: uuid,
      status: ['READ', 'WRITE', 'VISIBLE'],
      flags: [],
      ...(tags.length > 0 ? { tags } : {}),
      creation_time: created,
      creation_host: 'ringside',
      segment_count: segments.length,
      ...Object.fromEntries(entries),
    };
  };
  return {
    [group]: {
      id: groupUuid,
      seqno,
      format: 'lvm2',
      status: ['RESIZEABLE', 'READ', 'WRITE'],
      flags: [],
      extent_size: PE_SECTORS,
      max_lv: 0,
      max_pv: 0,
      metadata_copies: 0,
      physical_volumes: {
        pv0: {
          id: pvUuid,
          device: '/dev/sda4',
          status: ['ALLOCATABLE'],
          flags: [],
          dev_size: deviceBytes / SECTOR_BYTES,
          pe_start: DATA_START / SECTOR_BYTES,
          pe_count: extents,
        },
      },
      ...(volumes.length > 0
        ? { logical_volumes: Object.fromEntries(volumes.map(each => [each.name, volume(each)])) }
        : {}),
    },
  };
}

function groupFrom(sections: Section): GroupText {
  const isSection = (value: unknown): value is Section => typeof value === 'object' && !Array.isArray(value);
  const bad = (what: string): never => {
    throw new StoreDamaged(`The volume group's metadata cannot be used here: ${what}.`);
  };
  const of = (section: Section, key: string): Section =>
    isSection(section[key]) ? (section[key] as Section) : bad(`it has no ${key}`);
  const number = (section: Section, key: string): number =>
    Number.isSafeInteger(section[key]) && (section[key] as number) >= 0
      ? (section[key] as number)
      : bad(`${key} is no number`);
  const name = (section: Section, key: string): string =>
    typeof section[key] === 'string' ? (section[key] as string) : bad(`${key} is no text`);
  const group = Object.keys(sections).find(key => isSection(sections[key])) ?? bad('it has no group');
  const body = of(sections, group);
  if (number(body, 'extent_size') !== PE_SECTORS) bad(`its extents are not of ${PE_SECTORS} sectors`);
  const pv = of(of(body, 'physical_volumes'), 'pv0');
  const extents = number(pv, 'pe_count');
  const taken = new Uint8Array(Math.min(extents, 2 ** 24));
  const volumes = Object.entries(isSection(body.logical_volumes) ? body.logical_volumes : {}).map(
    ([each, section]): LogicalVolume => {
      if (!isSection(section)) return bad(`${each} is no volume`);
      const segments = Array.from({ length: Math.min(number(section, 'segment_count'), 65_536) }, (_, i): Segment => {
        const segment = of(section, `segment${i + 1}`);
        const { stripes } = segment;
        if (!Array.isArray(stripes) || stripes.length !== 2) return bad(`${each} is striped over several disks`);
        const [first, count] = [Number(stripes[1]), number(segment, 'extent_count')];
        if (!(first >= 0 && first + count <= extents)) return bad(`${each} lies past the end of its disk`);
        for (let extent = first; extent < first + count; extent++)
          if (taken[extent]++) bad(`${each} overlaps another volume`);
        return { first, count };
      });
      const tags = Array.isArray(section.tags) ? section.tags.map(String) : [];
      const has = (tag: string): boolean => tags.includes(tag);
      const room = PE_BYTES * segments.reduce((sum, segment) => sum + segment.count, 0);
      const bytes = tags
        .filter(tag => tag.startsWith(BYTES_TAG))
        .map(tag => Number(tag.slice(BYTES_TAG.length)))
        .find(size => Number.isSafeInteger(size) && size > 0 && size <= room);
      return {
        name: each,
        uuid: name(section, 'id'),
        created: number(section, 'creation_time'),
        segments,
        ...(bytes === undefined ? {} : { bytes }),
        ...(has(OVERLAY_TAG) ? { overlay: true } : {}),
        ...(has(QCOW2_TAG) ? { qcow2: true } : {}),
        ...(has(UNFORMATTED_TAG) ? { unformatted: true } : {}),
        ...(has(UNFINISHED_TAG) ? { unfinished: true } : {}),
      };
    },
  );
  return {
    group,
    groupUuid: name(body, 'id'),
    pvUuid: name(pv, 'id'),
    seqno: number(body, 'seqno'),
    extents,
    deviceBytes: number(pv, 'dev_size') * SECTOR_BYTES,
    volumes,
  };
}

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** A UUID as LVM2 draws them: 32 characters in groups of 6-4-4-4-4-4-6. `random`: whole numbers from 0 to below. */
export function lvmUuid(random: (below: number) => number): string {
  const letters = Array.from({ length: UUID_LENGTH }, () => LETTERS[random(LETTERS.length)]).join('');
  return [0, 6, 10, 14, 18, 22, 26]
    .map((from, i) => letters.slice(from, from + (i === 0 || i === 6 ? 6 : 4)))
    .join('-');
}
