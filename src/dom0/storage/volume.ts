/** A logical volume: runs of physical extents, one behind the other. */
import { IO_HOP, passes } from '../../hypervisor/tracing/index.ts';
import { extentStart, PE_BYTES, type Segment } from './lvm.ts';
import type { Place } from '../../devices/ide/index.ts';
import { type Medium, within } from './medium.ts';

export class Volume implements Medium {
  readonly bytes: number;
  readonly name: string;
  private readonly physical: Medium;
  private readonly number: number;
  /** Byte of the volume at which each run begins, and where that is on the physical volume. */
  private readonly runs: { start: number; bytes: number; at: number }[] = [];

  /** `name`: with the group's, as in vg0/web; `number`: what records of requests call it. */
  constructor(physical: Medium, name: string, segments: readonly Segment[], number: number) {
    this.number = number;
    this.physical = physical;
    this.name = name;
    let start = 0;
    for (const { first, count } of segments) {
      this.runs.push({ start, bytes: count * PE_BYTES, at: extentStart(first) });
      start += count * PE_BYTES;
    }
    this.bytes = start;
  }

  private each(at: number, length: number, visit: (physical: number, from: number, count: number) => void): void {
    within(this, at, length, `volume ${this.name}`);
    for (const run of this.runs) {
      const first = Math.max(at, run.start),
        last = Math.min(at + length, run.start + run.bytes);
      if (first < last) visit(run.at + first - run.start, first - at, last - first);
    }
  }

  read(at: number, into: Uint8Array): void {
    passes(IO_HOP.VOLUME, this.number, at / PE_BYTES);
    this.each(at, into.length, (physical, from, count) => this.physical.read(physical, into.subarray(from, from + count)));
  }

  write(at: number, bytes: Uint8Array): void {
    passes(IO_HOP.VOLUME, this.number, at / PE_BYTES);
    this.each(at, bytes.length, (physical, from, count) => this.physical.write(physical, bytes.subarray(from, from + count)));
  }

  flush(): void {
    this.physical.flush();
  }

  discard(at: number, bytes: number): void {
    this.each(at, bytes, (physical, _, count) => this.physical.discard(physical, count));
  }

  place(at: number): Place[] {
    let way: Place[] = [];
    this.each(at, 1, physical => {
      way = this.physical.place(physical);
    });
    return [{ layer: `volume ${this.name}`, at, unit: { name: 'logical extent', number: Math.floor(at / PE_BYTES) } }, ...way];
  }
}
