/** A domain's counters block, and what its exits were and took. */
import { EXIT_COUNTERS, exitName, reasonOf } from './exit-reasons.ts';
import { COUNTED_HYPERCALLS, COUNTERS, EXITS_IN_PARTS } from '../layout/layout.ts';
import { copyBySequence } from './memory-view.ts';

/** What the second tier of a domain's processor did (COUNTERS.TIER and what follows it). */
export interface TierCounters {
  state: 'none' | 'on' | 'refused';
  /** Instructions that compiled code ran; batches of instructions that began, and those among them that began in compiled code. */
  retired: number;
  samples: number;
  regionSamples: number;
  /** Regions there are, that were compiled, that made room, that a change of their frame took, that brought too little. */
  regions: number;
  compiled: number;
  evicted: number;
  dropped: number;
  givenUp: number;
  /** Of the text of regions; of records and their tables. */
  textBytes: number;
  recordBytes: number;
}

export interface Counters {
  /** Letter as `xl list` prints it; '': the block is nobody's. */
  state: string;
  retired: number;
  runNs: number;
  /** Time that it waited for a slot, and that the host took from its thread. */
  waitNs: number;
  stolenNs: number;
  idleNs: number;
  exits: number;
  /** The domain's clock, and when this was written, microseconds on the clock of all workers. */
  nowNs: number;
  hostUs: number;
  /** Requests to the device model, and of those whose time was taken how many and how long. */
  ioreqs: number;
  ioreqSamples: number;
  ioreqSampleNs: number;
  tier: TierCounters;
  /** Bytes that accesses to ports carried between the guest and devices. */
  portBytes: number;
  /** Reads of local APICs that were no exits. */
  apicReads: number;
  /** A counter a reason, in the order of exit-reasons.ts. */
  byReason: Uint32Array;
  /** Exits whose time was taken, by reason, and nanoseconds of all of them together. */
  samples: Uint32Array;
  sampleNs: Float64Array;
  /** Of those nanoseconds, for the first EXITS_IN_PARTS reasons: until somebody next to the handler was asked (a device, a hypercall), and until it had answered. */
  beforeNs: Float64Array;
  answerNs: Float64Array;
  /** Hypercalls by number. */
  hypercalls: Uint32Array;
  /** The writer was in the middle of a change each time it was looked at. Counts by reason and samples may be one exit ahead in any case. */
  torn: boolean;
}

/** `block`: COUNTER_WORDS words, in machine memory or a copy of them. */
export function readCounters(block: Int32Array): Counters {
  const { words, torn } = copyBySequence(block, COUNTERS.SEQUENCE);
  const u = new Uint32Array(words.buffer, words.byteOffset, words.length);
  const wide = (at: number): number => (u[at] ?? 0) + (u[at + 1] ?? 0) * 2 ** 32;
  const letter = u[COUNTERS.STATE] ?? 0;
  return {
    state: letter > 32 && letter < 127 ? String.fromCharCode(letter) : '',
    retired: wide(COUNTERS.RETIRED),
    runNs: wide(COUNTERS.RUN_NS),
    waitNs: wide(COUNTERS.WAIT_NS),
    stolenNs: wide(COUNTERS.STOLEN_NS),
    idleNs: wide(COUNTERS.IDLE_NS),
    exits: wide(COUNTERS.EXITS_TOTAL),
    nowNs: wide(COUNTERS.NOW_NS),
    hostUs: wide(COUNTERS.HOST_US),
    ioreqs: wide(COUNTERS.IOREQS),
    ioreqSamples: u[COUNTERS.IOREQ_SAMPLES] ?? 0,
    ioreqSampleNs: wide(COUNTERS.IOREQ_SAMPLE_NS),
    tier: {
      state: (['none', 'on', 'refused'] as const)[u[COUNTERS.TIER] ?? 0] ?? 'none',
      retired: wide(COUNTERS.TIER_RETIRED),
      samples: wide(COUNTERS.TIER_SAMPLES),
      regionSamples: wide(COUNTERS.TIER_REGION_SAMPLES),
      regions: u[COUNTERS.TIER_REGIONS] ?? 0,
      compiled: u[COUNTERS.TIER_COMPILED] ?? 0,
      evicted: u[COUNTERS.TIER_EVICTED] ?? 0,
      dropped: u[COUNTERS.TIER_DROPPED] ?? 0,
      givenUp: u[COUNTERS.TIER_GIVEN_UP] ?? 0,
      textBytes: u[COUNTERS.TIER_TEXT_BYTES] ?? 0,
      recordBytes: u[COUNTERS.TIER_RECORD_BYTES] ?? 0,
    },
    portBytes: wide(COUNTERS.PORT_BYTES),
    apicReads: wide(COUNTERS.APIC_READS),
    byReason: u.slice(COUNTERS.EXITS, COUNTERS.EXITS + EXIT_COUNTERS),
    samples: u.slice(COUNTERS.EXIT_SAMPLES, COUNTERS.EXIT_SAMPLES + EXIT_COUNTERS),
    sampleNs: Float64Array.from({ length: EXIT_COUNTERS }, (_, i) => wide(COUNTERS.EXIT_SAMPLE_NS + 2 * i)),
    beforeNs: Float64Array.from({ length: EXITS_IN_PARTS }, (_, i) => wide(COUNTERS.EXIT_BEFORE_NS + 2 * i)),
    answerNs: Float64Array.from({ length: EXITS_IN_PARTS }, (_, i) => wide(COUNTERS.EXIT_ANSWER_NS + 2 * i)),
    hypercalls: u.slice(COUNTERS.HYPERCALLS, COUNTERS.HYPERCALLS + COUNTED_HYPERCALLS),
    torn,
  };
}

/** Counts by name (exit-reasons.ts), of those that are not 0; `counts`: EXIT_COUNTERS of them. */
export function exitsByName(counts: ArrayLike<number>): Record<string, number> {
  const named: Record<string, number> = {};
  for (let i = 0; i < counts.length; i++) if (counts[i] !== 0) named[exitName(reasonOf(i))] = counts[i] >>> 0;
  return named;
}

/** What an exit took on average, nanoseconds, by name, where times were taken (of one exit in EXIT_SAMPLE). */
export function meanExitNs({ samples, sampleNs }: Pick<Counters, 'samples' | 'sampleNs'>): Record<string, number> {
  const mean: Record<string, number> = {};
  samples.forEach((count, i) => {
    if (count > 0) mean[exitName(reasonOf(i))] = sampleNs[i] / count;
  });
  return mean;
}
