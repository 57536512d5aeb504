/**
 * Where a person has a domain stop: before an instruction at a linear address, or after one that wrote or touched some bytes. It looks on as a probe does
 * (cpu/architecture/edge.ts): the guest's own debug registers are as they were, and each instruction runs alone while there is a point.
 */
import { linearIpOf, type Probe, type Processor } from '../../cpu/architecture/index.ts';

/** `bytes`: of memory that is watched; 1 of an instruction. */
export interface BreakPoint {
  kind: 'execute' | 'write' | 'access';
  /** A linear address: of whichever process, or vCPU, comes to it; in the upper half of 64-bit code it has a sign (view/address.ts). */
  linear: number;
  bytes: number;
}

/** Why it stopped. */
export interface BreakHit {
  point: BreakPoint;
  vcpu: number;
  /** How many instructions had retired then: as long as that is so, it stands there. */
  retired: number;
  /** Linear address of the instruction that is next, or that touched memory (undefined: the processor did itself, as it delivered an event). */
  instruction?: number;
  /** Of memory: what was touched, and how. */
  access?: { linear: number; bytes: number; isWrite: boolean; value: number };
}

/** Points that a domain has at most, and bytes that one watches at most. */
export const MOST_BREAKS = 8,
  MOST_WATCHED_BYTES = 4096;
export const BREAK_KINDS: readonly BreakPoint['kind'][] = ['execute', 'write', 'access'];

/** What it needs of the domain. */
interface Watched {
  readonly instructions: number;
  readonly vcpus: { readonly current: { readonly id: number } };
  readonly processor: Pick<Processor, 'regs' | 'stop'>;
  stopSlice(): void;
}

export class Breaks implements Probe {
  private readonly domain: Watched;
  private readonly points: readonly BreakPoint[];
  private readonly stops = new Map<number, BreakPoint>();
  private hit: BreakHit | undefined;
  /** It stopped before this instruction, at this count: it goes on from there. */
  private passed: { linear: number; retired: number };

  /** Where the domain stands now it does not stop: it goes on from there. */
  constructor(domain: Watched, points: readonly BreakPoint[]) {
    this.domain = domain;
    this.passed = { linear: linearIpOf(domain.processor.regs), retired: domain.instructions };
    this.points = points.filter(({ kind }) => kind !== 'execute');
    for (const point of points) if (point.kind === 'execute') this.stops.set(point.linear, point);
  }

  /** It stopped, and nobody has taken notice yet. */
  get isHit(): boolean {
    return this.hit !== undefined;
  }

  take(): BreakHit | undefined {
    const { hit } = this;
    this.hit = undefined;
    return hit;
  }

  /** See Probe. */
  before(linear: number): boolean {
    const point = this.stops.get(linear);
    if (!point) return false;
    const retired = this.domain.instructions;
    if (this.passed.linear === linear && this.passed.retired === retired) return false;
    this.passed = { linear, retired };
    this.stopFor({ point, vcpu: this.domain.vcpus.current.id, retired, instruction: linear });
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
    if (this.hit?.access) this.hit.instruction ??= linear;
  }

  private stopFor(hit: BreakHit): void {
    this.hit = hit;
    this.domain.stopSlice();
    this.domain.processor.stop();
  }
}
