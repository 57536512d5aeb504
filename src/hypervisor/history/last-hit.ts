/**
 * Looks on as a guest goes through its past, and notes when it came last, or first, to where somebody wants to go. It stops nothing: exits and slices stay as
 * they were.
 */
import type { Probe } from '../../cpu/architecture/index.ts';
import type { AddressPoint } from '../domain/break-points.ts';

export interface Hit {
  point: AddressPoint;
  /** How many instructions had retired before the one that did it. */
  instructions: number;
  /** Of memory: what was written or read. */
  value?: number;
  /** Who did it. */
  vcpu: number;
}

/** Of a vCPU: each instruction. */
export interface AnyInstruction {
  of: number;
}

interface Watched {
  readonly instructions: number;
  readonly vcpus: { readonly current: { readonly id: number } };
}

export class LastHit implements Probe {
  hit: Hit | undefined;
  /** Instructions that had retired before the one under way. */
  private at = 0;
  private readonly points: readonly AddressPoint[];
  private readonly any: AnyInstruction | undefined;
  private readonly domain: Watched;
  /** Of instructions behind this count the first hit is meant, in place of the last one. */
  private readonly firstFrom: number;

  constructor(wanted: readonly AddressPoint[] | AnyInstruction, domain: Watched, firstFrom = -1) {
    this.points = 'of' in wanted ? [] : wanted;
    this.any = 'of' in wanted ? wanted : undefined;
    this.domain = domain;
    this.firstFrom = firstFrom;
  }

  before(linear: number): boolean {
    this.retired();
    const point =
      this.any?.of === this.domain.vcpus.current.id
        ? ({ kind: 'execute', linear, bytes: 1 } as const)
        : this.points.find(({ kind, linear: at }) => kind === 'execute' && at === linear);
    // Its present place is no hit.
    if (point && (this.any !== undefined || this.at > this.firstFrom)) this.note(point);
    return false;
  }

  /** Between two instructions the count is exact. */
  retired(): void {
    this.at = this.domain.instructions;
  }

  memory(linear: number, size: number, isWrite: boolean, value: number): void {
    const point = this.points.find(
      ({ kind, linear: from, bytes }) =>
        (kind === 'access' || (kind === 'write' && isWrite)) && linear < from + bytes && from < linear + size,
    );
    if (point) this.note(point, value);
  }

  private note(point: AddressPoint, value?: number): void {
    if (this.hit && this.firstFrom >= 0) return;
    const vcpu = this.domain.vcpus.current.id;
    this.hit = { point, instructions: this.at, vcpu, ...(value === undefined ? {} : { value }) };
  }
}
