/** A viewer's side of the trace of a domain (../trace.ts), in any worker. */
import { DOMAIN_TRACE, TRACE_ENTRY, TRACE_RING_ENTRIES, TRACE_RING_WORDS } from '../layout/layout.ts';
import { get64, getSigned64 } from '../memory/words.ts';
import { TRACE_KIND } from '../tracing/trace.ts';
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
  /** With signs: addresses of 64-bit code are canonical numbers. */
  details: [number, number, number];
  /**
   * Of an exit: what it was about next to its qualification, nanoseconds until it was handled (NO_TIME: not known, or not yet), the guest's CR3; of the time what
   * passed before a device or a hypercall was asked, and until it had answered (NO_TIME: nobody was).
   */
  exit?: { detail: number; ns: number; cr3: number; beforeNs: number; answerNs: number };
}

/** The one reader that is noticed: while it is open, the domain's worker writes. */
export class TraceReader {
  private readonly words: Int32Array;
  private readonly domain: number;
  private readonly isThere: () => boolean;
  private read = 0;
  private watching = false;

  /**
   * From now on the domain's worker writes. `block`: DOMAIN_TRACE_BYTES of machine memory, or none of it, for nothing to read. `isThere`: whether the block is
   * the domain's still. Its frames are another's once the domain is gone: after that nothing is read there, and nothing is written.
   */
  constructor(block: Int32Array, domain: number, isThere: () => boolean) {
    this.words = block;
    this.domain = domain;
    this.isThere = () => block.length > 0 && isThere();
    if (!this.isThere()) return;
    this.read = Atomics.load(block, DOMAIN_TRACE.WRITTEN);
    Atomics.add(block, DOMAIN_TRACE.WATCHERS, 1);
    this.watching = true;
  }

  /** What came since the last call, oldest first; `missed`: this many were overwritten before they were read. Of a domain that is gone: nothing. */
  take(): { entries: TraceEntry[]; missed: number } {
    const { words } = this;
    if (!this.isThere()) return { entries: [], missed: 0 };
    const written = Atomics.load(words, DOMAIN_TRACE.WRITTEN);
    const kept = words.slice(DOMAIN_TRACE.RING, DOMAIN_TRACE.RING + TRACE_RING_ENTRIES * TRACE_RING_WORDS);
    const { first, missed } = wholeEntries(
      this.read,
      written,
      Atomics.load(words, DOMAIN_TRACE.WRITTEN),
      TRACE_RING_ENTRIES,
    );
    // What was copied while the domain went may be another's.
    if (!this.isThere()) return { entries: [], missed: 0 };
    this.read = written;
    return {
      // Below 0 (none) where a host in virtual time went back to before what was read: what it writes from here on comes next.
      entries: Array.from({ length: (written - first) | 0 }, (_, i) => this.entry(kept, (first + i) >>> 0)),
      missed,
    };
  }

  private entry(ring: Int32Array, sequence: number): TraceEntry {
    const at = (sequence & (TRACE_RING_ENTRIES - 1)) * TRACE_RING_WORDS;
    const kind = ring[at + TRACE_ENTRY.KIND] & 0xff,
      detail = (i: number): number => getSigned64(ring, at + TRACE_ENTRY.DETAILS + 2 * i);
    return {
      domain: this.domain,
      sequence,
      kind,
      vcpu: ring[at + TRACE_ENTRY.KIND] >>> 8,
      ns: get64(ring, at + TRACE_ENTRY.NS),
      details: [detail(0), detail(1), detail(2)],
      ...(kind === TRACE_KIND.EXIT
        ? {
            exit: {
              detail: getSigned64(ring, at + TRACE_ENTRY.ABOUT),
              ns: ring[at + TRACE_ENTRY.EXIT_NS],
              cr3: getSigned64(ring, at + TRACE_ENTRY.CR3),
              beforeNs: ring[at + TRACE_ENTRY.BEFORE_NS],
              answerNs: ring[at + TRACE_ENTRY.ANSWER_NS],
            },
          }
        : {}),
    };
  }

  close(): void {
    if (this.watching && this.isThere()) Atomics.sub(this.words, DOMAIN_TRACE.WATCHERS, 1);
    this.watching = false;
  }
}
