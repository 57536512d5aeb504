/** A domain, read from its entry in the domain table and the records that the entry names. */
import { P2M_RWX } from '../../cpu/architecture/index.ts';
import { COUNTER_WORDS, DOMAIN, DOMAIN_TRACE_BYTES, FRAME_BYTES, MAX_VCPUS } from '../layout/layout.ts';
import { type Counters, exitsByName, meanExitNs, readCounters } from './counters.ts';
import { type ExitControls, readExitControls } from './exit-controls.ts';
import type { MemoryView } from './memory-view.ts';
import { mfnOf, SecondStage } from '../memory/second-stage.ts';
import { TraceReader } from './trace.ts';
import { VcpuView } from './vcpu-view.ts';

/** What lies at a guest frame (of a PV domain: which machine frames its page tables may name). */
export interface P2mEntry {
  gfn: number;
  /** Machine frame; -1: it waits to be populated on demand. */
  mfn: number;
  /** P2M_READ, P2M_WRITE, P2M_EXECUTE. */
  rights: number;
}

export class DomainView {
  readonly memory: MemoryView;
  /** Index in the domain table, and of its unit in the run queue. */
  readonly index: number;
  /** Its entry (DOMAIN) when it was looked up; where its records lie does not change while it is there. */
  readonly entry: Int32Array;
  private readonly at: number;

  /** `at`: word where the entry lies, of which `entry` is a copy. */
  constructor(memory: MemoryView, index: number, at: number, entry: Int32Array) {
    this.memory = memory;
    this.index = index;
    this.at = at;
    this.entry = entry;
  }

  get id(): number {
    return this.entry[DOMAIN.ID] - 1;
  }

  /** It has gone from the table: what its records held belongs to others now. */
  get gone(): boolean {
    return this.memory.word(this.at + DOMAIN.ID) !== this.entry[DOMAIN.ID];
  }

  get dying(): boolean {
    return this.memory.word(this.at + DOMAIN.DYING) !== 0;
  }

  /** Its worker has died, with whatever it was doing. */
  get workerDead(): boolean {
    return this.memory.word(this.at + DOMAIN.WORKER) < 0;
  }

  get ramFrames(): number {
    return this.entry[DOMAIN.RAM_FRAMES] >>> 0;
  }

  get currentVcpu(): number {
    return this.memory.word(this.at + DOMAIN.CURRENT_VCPU);
  }

  vcpus(): VcpuView[] {
    return Array.from(
      { length: Math.min(MAX_VCPUS, Math.max(0, this.entry[DOMAIN.VCPUS])) },
      (_, id) => new VcpuView(this, id),
    );
  }

  counters(): Counters {
    return readCounters(this.memory.block(this.entry[DOMAIN.COUNTERS], COUNTER_WORDS));
  }

  /** What somebody chose to exit. */
  exitControls(): ExitControls {
    return readExitControls(this.memory.block(this.entry[DOMAIN.COUNTERS], COUNTER_WORDS));
  }

  /** Exits since they started, by name: of the domain, of each vCPU, and nanoseconds that one took where times were taken. */
  exits(): { domain: Record<string, number>; vcpus: Record<string, number>[]; meanNs: Record<string, number> } {
    const counters = this.counters();
    return {
      domain: exitsByName(counters.byReason),
      vcpus: this.vcpus().map(vcpu => exitsByName(vcpu.exits())),
      meanNs: meanExitNs(counters),
    };
  }

  /** Begins to watch what it does, event by event, until the reader is closed or the domain ends. */
  watch(): TraceReader {
    // To watch is to write a word: never past the records that are the domain's.
    const past = (this.entry[DOMAIN.TRACE] - this.entry[DOMAIN.RECORDS]) >>> 0;
    const isOwn = past + DOMAIN_TRACE_BYTES <= this.entry[DOMAIN.RECORD_FRAMES] * FRAME_BYTES;
    return new TraceReader(
      this.memory.block(isOwn ? this.entry[DOMAIN.TRACE] : 0, DOMAIN_TRACE_BYTES / 4),
      this.id,
      () => !this.gone && !this.dying,
    );
  }

  // ---- memory

  /** Its second stage itself. */
  get secondStage(): SecondStage {
    return new SecondStage(this.memory.block(this.entry[DOMAIN.P2M], this.entry[DOMAIN.P2M_FRAMES]));
  }

  /** What lies at a guest frame; undefined: nothing. */
  p2m(gfn: number): P2mEntry | undefined {
    const entry = this.secondStage.entry(gfn);
    return entry === 0 ? undefined : { gfn, mfn: mfnOf(entry), rights: entry & P2M_RWX };
  }

  /** The guest frames where it sees a machine frame: a look at its whole second stage. */
  gfnsOf(mfn: number): number[] {
    return [...this.secondStage.memory()].flatMap(([gfn, at]) => (at === mfn ? [gfn] : []));
  }
}
