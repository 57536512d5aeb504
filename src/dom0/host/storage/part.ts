/** A partition of the host's disk, and how partitions and volumes lie on that. */
import {
  BlockDevice,
  type BlockRequest,
  type Done,
  lengthOf,
  outside,
  type Place,
  SECTOR_BYTES,
} from '../../../formats/blocks/index.ts';
import type { Partition } from '../../../formats/file-systems/index.ts';
import { IO_HOP, passes } from '../../../hypervisor/tracing/index.ts';

/** A run of a volume on the physical volume, in physical extents. */
export interface Segment {
  first: number;
  count: number;
}

/** How a partition or a volume lies on the host's disk; empty: it is the whole disk. */
export interface Layout {
  partition?: { start: number; bytes: number; number: number };
  volume?: {
    name: string;
    segments: readonly Segment[];
    number: number /** Where it ends within its last extent. */;
    bytes?: number;
  };
}

/** Of what lies on the host's disk as it is: the owner of the disk can make the same device (`deviceIn`). Undefined: it lies otherwise. */
export const layoutOf = (device: BlockDevice): Layout | undefined => (device as { layout?: Layout }).layout;

export class Part extends BlockDevice {
  readonly bytes: number;
  private readonly whole: BlockDevice;
  private readonly first: number;
  private readonly number: number;

  /** `number`: of the partition. @throws RangeError where it is not within the whole */
  constructor(whole: BlockDevice, start: number, bytes: number, number: number) {
    super({ immediate: whole.immediate });
    this.number = number;
    if (start < 0 || bytes < 0 || start + bytes > whole.bytes)
      throw new RangeError(`${this.layer} does not lie within its disk.`);
    this.whole = whole;
    this.first = start;
    this.bytes = bytes;
  }

  get layout(): Layout | undefined {
    const { whole, first: start, bytes, number } = this;
    const disk = layoutOf(whole);
    return disk && !disk.partition ? { partition: { start, bytes, number } } : undefined;
  }

  private get layer(): string {
    return `partition sda${this.number}`;
  }

  request(request: BlockRequest, done: Done): void {
    const { whole } = this;
    if (request.op === 'flush') return whole.request(request, done);
    const error = outside(this, request.at, lengthOf(request), this.layer);
    if (error) return done(error);
    passes(IO_HOP.PARTITION, this.number, request.at / SECTOR_BYTES);
    whole.request({ ...request, at: this.first + request.at }, done);
  }

  override place(at: number): Place[] {
    return [{ layer: this.layer, at }, ...this.whole.place(this.first + at)];
  }
}

export const partOf = (disk: BlockDevice, { number, firstSector, sectors }: Partition): Part =>
  new Part(disk, firstSector * SECTOR_BYTES, sectors * SECTOR_BYTES, number);
