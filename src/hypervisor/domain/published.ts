/** What a domain says of itself after each slice: its counters block in machine memory (layout.ts). */
import type { Processor } from '../../cpu/architecture/index.ts';
import { COUNTERS } from '../layout/layout.ts';
import { put64 } from '../memory/words.ts';
import type { Ending } from './ending.ts';
import type { GuestInterface } from './guest-interface.ts';
import { publishTier } from './second-tier.ts';
import type { ThreadTime } from './thread-time.ts';
import type { Vcpus } from './vcpus.ts';

/** What is counted of a domain. */
interface Counted {
  /** Instructions retired since it was started. */
  readonly instructions: number;
  readonly exits: {
    readonly total: number;
    readonly ioreqs: number;
    readonly portBytes: number;
    readonly apicReads: number;
  };
  readonly vcpus: Vcpus;
  readonly processor: Processor;
  readonly guest: GuestInterface;
}

interface Times {
  nowNs: number;
  runNs: number;
  idleNs: number;
}

/** Whether it goes on. */
interface Standing {
  readonly ending: Ending | null;
  readonly paused: boolean;
}

/** As `xl list` has it; `letter`: of one that goes on. One that is paused is shown so, also while it is taken through its past. */
export function publishState(counters: Int32Array, { ending, paused }: Standing, letter: 'r' | 'b' = 'r'): void {
  const going = paused ? 'p' : letter,
    ended = ending?.kind === 'crash' ? 'c' : 's';
  Atomics.store(counters, COUNTERS.STATE, (ending ? ended : going).charCodeAt(0));
}

/** Exits by reason are there already. `thread`: of a domain in host time; `letter`: as of `publishState`. */
export function publishCounters(
  counters: Int32Array,
  domain: Counted & Standing,
  { nowNs, runNs, idleNs, thread }: Times & { thread: ThreadTime | undefined },
  letter: 'r' | 'b',
): void {
  const { instructions, exits, vcpus, processor, guest } = domain;
  const sequence = counters[COUNTERS.SEQUENCE];
  Atomics.store(counters, COUNTERS.SEQUENCE, sequence + 1);
  put64(counters, COUNTERS.RETIRED, instructions);
  vcpus.countInstructions();
  put64(counters, COUNTERS.RUN_NS, runNs);
  if (thread) {
    put64(counters, COUNTERS.WAIT_NS, thread.waitedNs);
    put64(counters, COUNTERS.STOLEN_NS, thread.stolenNs);
    put64(counters, COUNTERS.HOST_US, thread.nowUs);
  }
  put64(counters, COUNTERS.IDLE_NS, idleNs);
  put64(counters, COUNTERS.EXITS_TOTAL, exits.total);
  put64(counters, COUNTERS.NOW_NS, nowNs);
  put64(counters, COUNTERS.IOREQS, exits.ioreqs);
  put64(counters, COUNTERS.PORT_BYTES, exits.portBytes);
  put64(counters, COUNTERS.APIC_READS, exits.apicReads);
  publishTier(counters, processor);
  if (guest.hypercallCounts) counters.set(guest.hypercallCounts, COUNTERS.HYPERCALLS);
  publishState(counters, domain, letter);
  Atomics.store(counters, COUNTERS.SEQUENCE, sequence + 2);
}
