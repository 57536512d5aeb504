/** A logical volume: runs of physical extents, one behind the other. */
import {
  BlockDevice,
  type BlockRequest,
  type Done,
  endOf,
  lengthOf,
  outside,
  type Place,
} from '../../../formats/blocks/index.ts';
import { IO_HOP, passes } from '../../../hypervisor/tracing/index.ts';
import { PE_BYTES } from './device-names.ts';
import { extentStart } from './lvm.ts';
import { type Layout, layoutOf, Part, type Segment } from './part.ts';

/** Bytes of a volume that lie side by side, where they begin in it, and where that is below it. */
interface Run {
  start: number;
  bytes: number;
  at: number;
}

export class Volume extends BlockDevice {
  readonly bytes: number;
  readonly layout?: Layout;
  readonly name: string;
  private readonly physical: BlockDevice;
  private readonly number: number;
  /** Byte of the volume at which each run begins, and where that is on the physical volume. */
  private readonly runs: readonly Run[];

  /** `name`: with the group's, as in vg0/web; `number`: what records of requests call it; `bytes`: where it ends within its last extent. */
  constructor(physical: BlockDevice, name: string, segments: readonly Segment[], number: number, bytes?: number) {
    super({ immediate: physical.immediate });
    this.number = number;
    this.physical = physical;
    this.name = name;
    const below = layoutOf(physical);
    if (below?.partition)
      this.layout = {
        ...below,
        volume: { name, segments, number, ...(bytes === undefined ? {} : { bytes }) },
      };
    this.runs = runsIn(segments, 0);
    this.bytes = bytes ?? this.runs.reduce((sum, run) => sum + run.bytes, 0);
  }

  private each(at: number, length: number, visit: (physical: number, from: number, count: number) => void): void {
    for (const run of this.runs) {
      const first = Math.max(at, run.start),
        last = Math.min(at + length, run.start + run.bytes);
      if (first < last) visit(run.at + first - run.start, first - at, last - first);
    }
  }

  request(request: BlockRequest, done: Done): void {
    const { physical } = this;
    if (request.op === 'flush') return physical.request(request, done);
    const length = lengthOf(request);
    const error = outside(this, request.at, length, `volume ${this.name}`);
    if (error || length === 0) return done(error);
    passes(IO_HOP.VOLUME, this.number, request.at / PE_BYTES);
    const parts: BlockRequest[] = [];
    this.each(request.at, length, (at, from, count) =>
      parts.push(
        request.op === 'discard'
          ? { ...request, at, bytes: count }
          : { ...request, at, pieces: cut(request.pieces, from, count) },
      ),
    );
    const ended = parts.length === 1 ? done : endOf(parts.length, done);
    for (const part of parts) physical.request(part, ended);
  }

  override place(at: number): Place[] {
    let way: Place[] = [];
    this.each(at, 1, physical => {
      way = this.physical.place(physical);
    });
    return [
      { layer: `volume ${this.name}`, at, unit: { name: 'logical extent', number: Math.floor(at / PE_BYTES) } },
      ...way,
    ];
  }
}

/** What lies on a disk so. */
export function deviceIn(disk: BlockDevice, { partition, volume }: Layout): BlockDevice {
  if (!partition) return disk;
  const part = new Part(disk, partition.start, partition.bytes, partition.number);
  return volume ? new Volume(part, volume.name, volume.segments, volume.number, volume.bytes) : part;
}

/** Byte ranges of two devices on the host's disk, as far as both go, by where they lie on it: `from`, `to` and how many bytes lie side by side there. */
export function sideBySide(one: Layout, other: Layout): { from: number; to: number; bytes: number }[] {
  const found: { from: number; to: number; bytes: number }[] = [];
  const [left, right] = [runsOf(one), runsOf(other)];
  for (let i = 0, j = 0, at = 0; i < left.length && j < right.length; ) {
    const end = Math.min(left[i].start + left[i].bytes, right[j].start + right[j].bytes);
    found.push({ from: left[i].at + at - left[i].start, to: right[j].at + at - right[j].start, bytes: end - at });
    at = end;
    if (left[i].start + left[i].bytes === end) i++;
    if (right[j].start + right[j].bytes === end) j++;
  }
  return found;
}

/** Where a device's bytes lie on the disk. */
export function runsOf({ partition, volume }: Layout): Run[] {
  if (!partition) return [{ start: 0, bytes: Infinity, at: 0 }];
  if (!volume) return [{ start: 0, bytes: partition.bytes, at: partition.start }];
  return runsIn(volume.segments, partition.start);
}

function runsIn(segments: readonly Segment[], physicalStart: number): Run[] {
  let start = 0;
  return segments.map(({ first, count }) => {
    const run = { start, bytes: count * PE_BYTES, at: physicalStart + extentStart(first) };
    start += run.bytes;
    return run;
  });
}

/** Of pieces that lie one behind the other, `count` bytes from byte `from` on. */
function cut(pieces: readonly Uint8Array[], from: number, count: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let start = 0;
  for (const piece of pieces) {
    const first = Math.max(from, start),
      end = Math.min(from + count, start + piece.length);
    if (first < end) found.push(end - first === piece.length ? piece : piece.subarray(first - start, end - start));
    start += piece.length;
  }
  return found;
}

const MIB = 2 ** 20;

/** Reads as zeros from there to there, and takes no room as far as it is whole units of the disk. */
export function clear(medium: BlockDevice, from: number, to: number): void {
  const unit = Math.min(to, Math.ceil(from / MIB) * MIB);
  medium.write(from, new Uint8Array(unit - from));
  if (unit < to) medium.discard(unit, to - unit);
  medium.flush();
}
