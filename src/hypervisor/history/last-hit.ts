/** Looks on as a guest goes through its past, and notes when it came last to where somebody wants to go back to. It stops nothing: exits and slices stay as they were. */
import type { Probe } from '../../cpu/architecture/index.ts';
import type { AddressPoint } from '../domain/break-points.ts';

export interface Hit {
  point: AddressPoint;
  /** How many instructions had retired before the one that did it. */
  instructions: number;
  /** Of memory: what was written or read. */
  value?: number;
}

export class LastHit implements Probe {
  hit: Hit | undefined;
  /** Instructions that had retired before the one under way. */
  private at = 0;
  private readonly points: readonly AddressPoint[];
  private readonly instructions: () => number;

  constructor(points: readonly AddressPoint[], instructions: () => number) {
    this.points = points;
    this.instructions = instructions;
  }

  before(linear: number): boolean {
    this.retired();
    const point = this.points.find(({ kind, linear: at }) => kind === 'execute' && at === linear);
    if (point) this.hit = { point, instructions: this.at };
    return false;
  }

  /** Between two instructions the count is exact. */
  retired(): void {
    this.at = this.instructions();
  }

  memory(linear: number, size: number, isWrite: boolean, value: number): void {
    const point = this.points.find(
      ({ kind, linear: from, bytes }) =>
        (kind === 'access' || (kind === 'write' && isWrite)) && linear < from + bytes && from < linear + size,
    );
    if (point) this.hit = { point, instructions: this.at, value };
  }
}
