/** Breakpoints of the debug registers (SDM vol. 3, 17.2 and 17.3), and the probe that looks on. */
import { CR4_DE, EFER_LMA } from './architecture/control-bits.ts';
import type { Probe } from './architecture/edge.ts';
import type { Faults } from './faults.ts';
import { RF } from './architecture/flags.ts';
import { CR4, DR, EFER, EFLAGS, HIGH, INTERRUPTIBILITY, PENDING_DEBUG } from './architecture/registers.ts';
import { SeenAccesses } from './seen-accesses.ts';
import type { Tlb } from './tlb.ts';
import type { Views } from './views.ts';

/** R/W field of DR7: what a breakpoint waits for. */
const BREAK_EXECUTE = 0,
  BREAK_WRITE = 1,
  BREAK_PORT = 2,
  BREAK_ACCESS = 3;
/** Bytes by DR7's LEN field. */
const LENGTHS = [1, 2, 8, 4];
/** Interruptibility: blocking by MOV SS. */
const BLOCKED_BY_MOV_SS = 2;
/** Bits of DR6 that traps set. */
const TRAP_BITS = 0xe00f;

export class Debug {
  /** Bits of DR6 that the accesses of the instruction under way have earned. */
  hits = 0;
  /** Number of breakpoints of a kind that are enabled. Pages that hold one on data are not put into the TLB. */
  private onCode = 0;
  onData = 0;
  private onPorts = 0;
  /** Who looks on. While one does the TLB stays empty. */
  probe: Probe | null = null;
  /**
   * Counts are as under a probe also while there is none: REP does one element an instruction, and what may be answered within the run of the processor exits. So
   * somebody may look on in a part of a run, and the run stays the same.
   */
  evenly = false;
  readonly seen: SeenAccesses;
  private readonly R: Int32Array;
  private readonly tlb: Tlb;
  private readonly faults: Faults;

  constructor({ R, M1 }: Views, tlb: Tlb, faults: Faults) {
    this.R = R;
    this.tlb = tlb;
    this.faults = faults;
    this.seen = new SeenAccesses(M1);
  }

  /** Instructions have to run one at a time. */
  get active(): boolean {
    return this.onCode !== 0 || this.onData !== 0 || this.onPorts !== 0 || this.probe !== null;
  }

  /** No more than one thing happens between two looks. */
  get oneByOne(): boolean {
    return this.evenly || this.active;
  }

  /** REP does one element an instruction. */
  get elementByElement(): boolean {
    return this.evenly || this.onData !== 0 || this.probe !== null;
  }

  private isEnabled(i: number): boolean {
    return ((this.R[DR + 7]! >>> (2 * i)) & 3) !== 0;
  }
  private kind(i: number): number {
    return (this.R[DR + 7]! >>> (16 + 4 * i)) & 3;
  }

  /** After DR7 or an address changed. */
  changed(): void {
    this.onCode = this.onData = this.onPorts = 0;
    for (let i = 0; i < 4; i++) {
      if (!this.isEnabled(i)) continue;
      const kind = this.kind(i);
      if (kind === BREAK_EXECUTE) this.onCode++;
      else if (kind === BREAK_PORT) this.onPorts++;
      else this.onData++;
    }
  }

  /** What a breakpoint waits at, as `Tlb.linearOf` has it: only in long mode are there more than 32 bits of it. */
  private address(i: number): number {
    const { R } = this,
      high = (R[EFER]! & EFER_LMA) !== 0 ? R[DR + i + HIGH]! : 0;
    return high * 2 ** 32 + (R[DR + i]! >>> 0);
  }

  /** Enabled breakpoints of such a kind that watch any of the bytes or ports: bits as in DR6. */
  private matching(first: number, size: number, wanted: (kind: number) => boolean): number {
    let hits = 0;
    for (let i = 0; i < 4; i++) {
      if (!this.isEnabled(i) || !wanted(this.kind(i))) continue;
      const length = LENGTHS[(this.R[DR + 7]! >>> (18 + 4 * i)) & 3]!;
      const address = this.address(i),
        from = address - (this.R[DR + i]! & (length - 1));
      if (first < from + length && first + size > from) hits |= 1 << i;
    }
    return hits;
  }

  /** Data is about to be read or written at a slot address: a trap after the instruction. */
  data(linear: number, size: number, write: boolean): void {
    if (this.onData === 0) return;
    this.hits |= this.matching(
      this.tlb.linearOf(linear),
      size,
      kind => kind === BREAK_ACCESS || (kind === BREAK_WRITE && write),
    );
  }

  /** The same of a port, where CR4.DE allows it (SDM vol. 3, 17.2.4). */
  port(port: number, size: number): void {
    if (this.onPorts === 0 || (this.R[CR4]! & CR4_DE) === 0) return;
    this.hits |= this.matching(port, size, kind => kind === BREAK_PORT);
  }

  /** An instruction is about to begin at `linear`: a fault before it. MOV SS and POP SS suppress it for the next one, as if RF were set (SDM vol. 3, 6.8.3). */
  code(linear: number): void {
    const { R } = this;
    if (this.onCode === 0 || (R[EFLAGS]! & RF) !== 0 || (R[INTERRUPTIBILITY]! & BLOCKED_BY_MOV_SS) !== 0) return;
    let hits = 0;
    for (let i = 0; i < 4; i++)
      if (this.isEnabled(i) && this.kind(i) === BREAK_EXECUTE && this.address(i) === linear) hits |= 1 << i;
    if (hits !== 0) this.faults.raiseDebug(hits);
  }

  /** Raises the traps that the last instruction earned (SDM vol. 3, 17.3). */
  trap(): void {
    const { R } = this;
    if ((R[INTERRUPTIBILITY]! & BLOCKED_BY_MOV_SS) !== 0) return;
    const pending = R[PENDING_DEBUG]!;
    R[PENDING_DEBUG] = 0;
    this.faults.raiseDebug(pending & TRAP_BITS);
  }

  /** A breakpoint on data lies in the page of this slot address. */
  watchesPage(linear: number): boolean {
    if (this.onData === 0) return false;
    const page = Math.floor(this.tlb.linearOf(linear) / 4096);
    for (let i = 0; i < 4; i++) {
      if (this.isEnabled(i) && (this.kind(i) & 1) !== 0 && Math.floor(this.address(i) / 4096) === page) return true;
    }
    return false;
  }

  /** Tells the probe of the accesses that are complete and of the instruction that retired, if one did: it began at `linear`. */
  tell(linear?: number): void {
    if (this.probe === null) return;
    this.seen.tell(this.probe);
    if (linear !== undefined) this.probe.retired?.(linear);
  }
}
