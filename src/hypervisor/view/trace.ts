/** A viewer's side of the trace of a domain (../trace.ts), in any worker. */
import { DOMAIN_TRACE, TRACE_RING_ENTRIES, TRACE_RING_WORDS } from '../layout/layout.ts';
import { wholeEntries } from './memory-view.ts';

export interface TraceEntry {
  domain: number;
  /** Of the records of this domain, modulo 2^32. */
  sequence: number;
  /** TRACE_KIND. */
  kind: number;
  vcpu: number;
  /** The domain's clock, nanoseconds. */
  ns: number;
  details: [number, number, number];
}

/** The one reader that is noticed: while it is open, the domain's worker writes. */
export class TraceReader {
  private readonly words: Int32Array;
  private readonly domain: number;
  private read: number;
  private watching = true;

  /** From now on the domain's worker writes. `block`: DOMAIN_TRACE_BYTES of machine memory. */
  constructor(block: Int32Array, domain: number) {
    this.words = block;
    this.domain = domain;
    this.read = block.length === 0 ? 0 : Atomics.load(block, DOMAIN_TRACE.WRITTEN);
    if (block.length > 0) Atomics.add(block, DOMAIN_TRACE.WATCHERS, 1);
  }

  /** What came since the last call, oldest first; `missed`: so many were overwritten before they were read. */
  take(): { entries: TraceEntry[]; missed: number } {
    const { words } = this;
    if (words.length === 0) return { entries: [], missed: 0 };
    const written = Atomics.load(words, DOMAIN_TRACE.WRITTEN);
    const kept = words.slice(DOMAIN_TRACE.RING, DOMAIN_TRACE.RING + TRACE_RING_ENTRIES * TRACE_RING_WORDS);
    const { first, missed } = wholeEntries(this.read, written, Atomics.load(words, DOMAIN_TRACE.WRITTEN), TRACE_RING_ENTRIES);
    this.read = written;
    return { entries: Array.from({ length: (written - first) >>> 0 }, (_, i) => this.entry(kept, (first + i) >>> 0)), missed };
  }

  private entry(ring: Int32Array, sequence: number): TraceEntry {
    const at = (sequence & (TRACE_RING_ENTRIES - 1)) * TRACE_RING_WORDS;
    return {
      domain: this.domain,
      sequence,
      kind: ring[at] & 0xff,
      vcpu: ring[at] >>> 8,
      ns: (ring[at + 2] >>> 0) * 2 ** 32 + (ring[at + 1] >>> 0),
      details: [ring[at + 3], ring[at + 4], ring[at + 5]],
    };
  }

  close(): void {
    if (this.watching && this.words.length > 0) Atomics.sub(this.words, DOMAIN_TRACE.WATCHERS, 1);
    this.watching = false;
  }
}
