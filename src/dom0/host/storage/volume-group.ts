/** The volume group on the host's disk: which volumes there are, and which extents are theirs. With LVM2's messages. */
import { type BlockDevice, DeviceFull } from '../../../formats/blocks/index.ts';
import { GROUP, PE_BYTES } from './device-names.ts';
import { extentStart, type GroupText, type LogicalVolume, writeGroup } from './lvm.ts';
import type { Segment } from './part.ts';
import { count, firstFit, merged } from './segments.ts';
import { StorageError } from './store.ts';

/** By this many a volume grows at once that grows as it is written. */
const GROWTH_EXTENTS = 4;

export class VolumeGroup {
  private group: GroupText;
  private readonly physicalVolume: () => BlockDevice;
  private readonly epochMs: () => number;

  constructor(physicalVolume: () => BlockDevice, group: GroupText, epochMs: () => number) {
    this.physicalVolume = physicalVolume;
    this.group = group;
    this.epochMs = epochMs;
  }

  get volumes(): readonly LogicalVolume[] {
    return this.group.volumes;
  }

  /** Counts changes. */
  get seqno(): number {
    return this.group.seqno;
  }

  get extents(): number {
    return this.group.extents;
  }

  get freeExtents(): number {
    return this.group.extents - this.group.volumes.reduce((sum, { segments }) => sum + count(segments), 0);
  }

  /** What LVM2 calls a volume that nobody gave a name. */
  freeName(): string {
    let number = 0;
    while (this.group.volumes.some(({ name }) => name === `lvol${number}`)) number++;
    return `lvol${number}`;
  }

  /** @throws StorageError */
  find(name: string): LogicalVolume {
    const volume = this.group.volumes.find(each => each.name === name);
    if (!volume) throw new StorageError(`Failed to find logical volume "${GROUP}/${name}"`);
    return volume;
  }

  /** All at once, and durable when it returns. */
  change(volumes: LogicalVolume[]): void {
    const next = { ...this.group, volumes, seqno: this.group.seqno + 1 };
    writeGroup(this.physicalVolume(), next, this.epochMs());
    this.group = next;
  }

  private replace(volume: LogicalVolume, by: LogicalVolume): void {
    this.change(this.group.volumes.map(each => (each === volume ? by : each)));
  }

  /** Volumes belong to something from now on, or (`unfinished`) to nothing. */
  setUnfinished(names: readonly string[], unfinished: boolean): void {
    const changes = (volume: LogicalVolume): boolean =>
      names.includes(volume.name) && (volume.unfinished === true) !== unfinished;
    if (!this.volumes.some(changes)) return;
    this.change(this.volumes.map(volume => (changes(volume) ? marked(volume, unfinished) : volume)));
  }

  /** From here on what lies in a volume is somebody's. */
  settle(name: string | undefined): void {
    const volume = this.volumes.find(each => each.name === name && each.unformatted);
    if (!volume) return;
    const { unformatted: _, ...settled } = volume;
    this.replace(volume, settled);
  }

  discard(segments: readonly Segment[]): void {
    const medium = this.physicalVolume();
    for (const { first, count: extents } of segments) medium.discard(extentStart(first), extents * PE_BYTES);
  }

  /** First fit. What others left there is gone. @throws StorageError */
  allocate(wanted: number): Segment[] {
    if (!(wanted >= 1)) throw new StorageError('Please specify either size or extents');
    const free = this.freeExtents;
    if (wanted > free) throw new StorageError(noRoom(free, wanted));
    const taken = this.group.volumes.flatMap(({ segments }) => segments);
    const found = firstFit(taken, this.group.extents, wanted);
    this.discard(found);
    return found;
  }

  /** @throws StorageError */
  extend(name: string, bytes: number): { before: number; after: number } {
    const volume = this.find(name);
    const before = count(volume.segments),
      after = Math.ceil(bytes / PE_BYTES);
    if (after <= before)
      throw new StorageError(`New size given (${after} extents) not larger than existing size (${before} extents)`);
    this.lengthen(volume, after - before);
    return { before, after };
  }

  /** A volume that somebody writes has at least this many bytes from now on, in whole extents; what is new reads as zeros. @throws DeviceFull */
  grow(name: string, bytes: number): void {
    const volume = this.find(name);
    const needed = Math.ceil(bytes / PE_BYTES) - count(volume.segments),
      free = this.freeExtents;
    if (needed <= 0) return;
    if (needed > free) throw new DeviceFull(noRoom(free, needed));
    this.lengthen(volume, Math.max(needed, Math.min(GROWTH_EXTENTS, free)));
  }

  private lengthen(volume: LogicalVolume, extents: number): void {
    const { bytes: _, ...whole } = volume;
    this.replace(volume, { ...whole, segments: merged([...volume.segments, ...this.allocate(extents)]) });
  }
}

export function marked({ unfinished: _, ...volume }: LogicalVolume, unfinished: boolean): LogicalVolume {
  return unfinished ? { ...volume, unfinished } : volume;
}

const noRoom = (free: number, wanted: number): string =>
  `Volume group "${GROUP}" has insufficient free space (${free} extents): ${wanted} required.`;
