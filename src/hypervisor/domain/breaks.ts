/**
 * Where a person has a domain stop: before an instruction at a linear address, after one that wrote or touched some bytes, or after what its trace tells of: an
 * exit, a hypercall, an access to a port, an event. For addresses it looks on as a probe does (cpu/architecture/edge.ts): the guest's own debug registers are as
 * they were, and each instruction runs alone while there is such a point. For the others it hears the trace's records, and the guest is as fast as before.
 */
import { ExitReason, linearIpOf, type Probe, type Processor } from '../../cpu/architecture/index.ts';
import { type Trace, TRACE_KIND } from '../tracing/trace.ts';
import type { AddressPoint, BreakHit, BreakPoint, NextInstruction, TracePoint } from './break-points.ts';

export type { BreakHit, BreakPoint } from './break-points.ts';
export type BreakWish = BreakPoint | NextInstruction;

const isNext = (point: BreakWish): point is NextInstruction => 'next' in point;

export const isAddress = (point: BreakPoint): point is AddressPoint => 'linear' in point;

/** Of the qualification of an I/O instruction's exit: where the port is (SDM vol. 3, table 28-5). */
const IO_PORT_SHIFT = 16;

/** What it needs of the domain. */
interface Watched {
  readonly instructions: number;
  readonly vcpus: { readonly current: { readonly id: number } };
  readonly processor: Pick<Processor, 'regs' | 'stop'>;
  readonly trace: Pick<Trace, 'hear'>;
  readonly state: { stop(): void };
}

export class Breaks implements Probe {
  private readonly domain: Watched;
  private readonly points: readonly AddressPoint[];
  private readonly stops = new Map<number, AddressPoint>();
  /** A record of these it stops for. */
  private readonly tracePoints: readonly TracePoint[];
  private hit: BreakHit | undefined;
  /** A vCPU's next instruction, until it comes to that; `moved`: it has retired the one before. */
  private next: (NextInstruction & { moved?: true }) | undefined;
  private hasStepped = false;
  /** It stopped before this instruction, at this count: it goes on from there. */
  private passed: { linear: number; retired: number };

  /** In the place of those that the domain had. At its present instruction it does not stop: it goes on from there. */
  constructor(domain: Watched, given: readonly BreakWish[]) {
    this.domain = domain;
    const points = given.filter(point => !isNext(point)) as BreakPoint[],
      next = given.find(isNext);
    this.next = next && { ...next };
    this.passed = { linear: linearIpOf(domain.processor.regs), retired: domain.instructions };
    const addresses = points.filter(isAddress);
    this.points = addresses.filter(({ kind }) => kind !== 'execute');
    for (const point of addresses) if (point.kind === 'execute') this.stops.set(point.linear, point);
    this.tracePoints = points.filter(point => !isAddress(point));
    domain.trace.hear(this.tracePoints.length > 0 ? this.record : undefined);
  }

  /** What looks on while instructions run; undefined: nothing has to. */
  get probe(): Probe | undefined {
    return this.points.length > 0 || this.stops.size > 0 || this.next ? this : undefined;
  }

  /** It stopped, and nobody has taken notice yet. */
  get isHit(): boolean {
    return this.hit !== undefined || this.hasStepped;
  }

  take(): BreakHit | undefined {
    const { hit } = this;
    this.hit = this.next = undefined;
    this.hasStepped = false;
    // The exit or hypercall that hit it has ended since.
    if (hit?.record) hit.retired = this.domain.instructions;
    return hit;
  }

  /** A record of the trace, as it is written. */
  private readonly record = (kind: number, vcpu: number, a: number, b: number, c: number): void => {
    const point = this.tracePoints.find(({ kind: wanted, number }) => number === numberOf(wanted, kind, a, c));
    if (point && !this.hit) this.stopFor({ point, vcpu, retired: this.domain.instructions, record: [a, b, c] });
  };

  /** See Probe. */
  before(linear: number): boolean {
    const point = this.stops.get(linear);
    if (!point) return this.next !== undefined && this.isNext(linear);
    const retired = this.domain.instructions;
    if (this.passed.linear === linear && this.passed.retired === retired) return this.isNext(linear);
    this.passed = { linear, retired };
    this.stopFor({ point, vcpu: this.domain.vcpus.current.id, retired, instruction: linear });
    return true;
  }

  /** The vCPU that is to stop before its next instruction is there. */
  private isNext(linear: number): boolean {
    const { next, domain } = this;
    if (next?.next !== domain.vcpus.current.id || (linear === next.from && !next.moved)) return false;
    this.next = undefined;
    this.hasStepped = true;
    domain.state.stop();
    domain.processor.stop();
    return true;
  }

  memory(linear: number, size: number, isWrite: boolean, value: number): void {
    const point = this.points.find(
      ({ kind, linear: from, bytes }) =>
        (isWrite || kind === 'access') && linear < from + bytes && from < linear + size,
    );
    if (!point || this.hit) return;
    const { instructions: retired, vcpus } = this.domain;
    this.stopFor({ point, vcpu: vcpus.current.id, retired, access: { linear, bytes: size, isWrite, value } });
  }

  /** What was heard of memory was this instruction's. Without one it was a delivery's. */
  retired(linear: number): void {
    if (this.next?.next === this.domain.vcpus.current.id) this.next.moved = true;
    if (this.hit?.access) this.hit.instruction ??= linear;
  }

  private stopFor(hit: BreakHit): void {
    this.hit = hit;
    this.domain.state.stop();
    this.domain.processor.stop();
  }
}

/** What a record is the number of, for a point of a kind; undefined: nothing of that kind. */
function numberOf(wanted: TracePoint['kind'], kind: number, a: number, c: number): number | undefined {
  switch (wanted) {
    case 'exit':
      return kind === TRACE_KIND.EXIT ? a : undefined;
    case 'port':
      return kind === TRACE_KIND.EXIT && a === ExitReason.IO ? c >>> IO_PORT_SHIFT : undefined;
    case 'hypercall':
      return kind === TRACE_KIND.HYPERCALL ? a : undefined;
    case 'event':
      return kind === TRACE_KIND.EVENT ? a : undefined;
  }
}
