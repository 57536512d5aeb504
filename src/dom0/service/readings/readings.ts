/**
 * Readings of the host's counters: what two looks at them say about the time between. Domain 0 keeps those of an hour, since the timers of a page that nobody
 * sees sleep for minutes, and those of a worker do not.
 */
import type { CommandHost, DomainInfo } from '../../toolstack/index.ts';
import type { Counters } from '../counters.ts';

const MINUTE_MS = 60_000;
/** How long readings are kept. */
const KEPT_MS = 60 * MINUTE_MS;
/** How fine readings are kept, by their age: those of the last two minutes as they are, older ones as averages of this long. At most some 330 of an hour. */
const STEPS: readonly { olderMs: number; stepMs: number }[] = [
  { olderMs: 10 * MINUTE_MS, stepMs: 30_000 },
  { olderMs: 2 * MINUTE_MS, stepMs: 5000 },
];
/** Two looks that are further apart say nothing about a minute: the worker was paused, or the host was busy. */
const APART_MS = 10_000;
/** This long after the last look Domain 0 takes one by itself. */
const ALONE_MS = 3000;

/** What was so between two looks; undefined or absent: not known. By domain id. */
export interface Reading {
  /** When it ended, milliseconds of the clock that all workers share. */
  atMs: number;
  /** How long it is. */
  overMs: number;
  /** Of one processor. */
  cpuPercent: Readonly<Record<number, number>>;
  memoryMiB: Readonly<Record<number, number>>;
  freeMiB?: number;
  /** Bytes a second that all guests sent and got. */
  sentPerSecond?: number;
  gotPerSecond?: number;
  /** Bytes a second of each guest. */
  network: Readonly<Record<number, { sent: number; got: number }>>;
  disks: Readonly<Record<number, { read: number; written: number }>>;
}

/** Those of the last hour, oldest first, in coarser steps where they are older, with what `before` and `seen` say. After a long time without a look there is a reading that knows nothing. */
export function noteReading(
  all: readonly Reading[],
  before: Counters | undefined,
  seen: Counters,
  domains: readonly DomainInfo[],
  freeMiB: number,
): readonly Reading[] {
  if (!before || seen.atMs === before.atMs) return all;
  // The host went back: what was read after that has not been.
  if (seen.atMs < before.atMs) return all.filter(({ atMs }) => atMs <= seen.atMs);
  const next =
    seen.atMs - before.atMs > APART_MS
      ? { atMs: seen.atMs, overMs: 0, cpuPercent: {}, memoryMiB: {}, network: {}, disks: {} }
      : readingOf(before, seen, domains, freeMiB);
  return thinned([...all, next], seen.atMs);
}

/** The last hour of a host, from the first look on. */
export class HostReadings {
  private all: readonly Reading[] = [];
  private before: Counters | undefined;
  private seen = 0;
  private readonly host: CommandHost;
  private readonly take: (host: CommandHost) => Counters;

  /** `take`: one look at the counters. */
  constructor(host: CommandHost, take: (host: CommandHost) => Counters) {
    this.host = host;
    this.take = take;
    // In virtual time there is nothing between two looks but what the guests' rounds make.
    if (!host.parts.virtual) this.wait();
  }

  /** Takes what was seen, and answers the readings that ended after `afterMs`, oldest first. */
  note(seen: Counters, afterMs: number): readonly Reading[] {
    const freeMiB = this.host.machine.freeFrames >>> 8;
    this.all = noteReading(this.all, this.before, seen, this.host.domains.all(), freeMiB);
    this.before = seen;
    this.seen++;
    return this.all.filter(({ atMs }) => atMs > afterMs);
  }

  private wait(): void {
    const { seen } = this;
    this.host.clock.later(ALONE_MS, () => {
      if (this.seen === seen) this.note(this.take(this.host), Infinity);
      this.wait();
    });
  }
}

/** What `thinned` keeps: something that was so for a time until `atMs`. */
interface Timed {
  readonly atMs: number;
  /** 0: nothing is known. */
  readonly overMs: number;
}

/** Those of the last hour; older ones are averaged over the steps that they lie in. */
export function thinned<T extends Timed>(all: readonly T[], nowMs: number): readonly T[] {
  const kept: T[] = [];
  /** Where a reading goes; undefined: it is not averaged. */
  const stepOf = ({ atMs }: T): string | undefined => {
    const step = STEPS.find(({ olderMs }) => nowMs - atMs > olderMs)?.stepMs;
    return step === undefined ? undefined : `${step} ${Math.floor(atMs / step)}`;
  };
  for (const next of all) {
    if (next.atMs < nowMs - KEPT_MS) continue;
    const last = kept.at(-1),
      step = stepOf(next);
    // Times of which nothing is known stay gaps.
    if (last && step !== undefined && stepOf(last) === step && (last.overMs === 0) === (next.overMs === 0))
      kept[kept.length - 1] = {
        ...(averaged(last, next, last.overMs, next.overMs) as T),
        atMs: next.atMs,
        overMs: last.overMs + next.overMs,
      };
    else kept.push(next);
  }
  return kept;
}

/** Numbers by the times that they represent, in records of records, too; what one of them does not know is as the other says. */
function averaged(a: unknown, b: unknown, aMs: number, bMs: number): unknown {
  if (a === undefined || b === undefined) return a ?? b;
  if (typeof a === 'number' && typeof b === 'number') return aMs + bMs === 0 ? b : (a * aMs + b * bMs) / (aMs + bMs);
  const [one, other] = [a, b] as Record<string, unknown>[];
  return Object.fromEntries(
    [...new Set([...Object.keys(one!), ...Object.keys(other!)])].map(key => [
      key,
      averaged(one![key], other![key], aMs, bMs),
    ]),
  );
}

function readingOf(before: Counters, seen: Counters, domains: readonly DomainInfo[], freeMiB: number): Reading {
  const overMs = seen.atMs - before.atMs;
  const percent = (from: number, to: number, overNs = overMs * 1e6): number =>
    Math.max(0, (100 * (to - from)) / Math.max(1, overNs));
  const busy = Object.entries(seen.runNs).flatMap(([id, runNs]) => {
    const from = before.runNs[Number(id)],
      [ownFrom, own] = [before.ownNs?.[Number(id)], seen.ownNs?.[Number(id)]];
    // The host's virtual time is that of all guests together.
    const overNs = ownFrom === undefined || own === undefined ? undefined : own - ownFrom;
    return from === undefined ? [] : [[id, percent(from, runNs, overNs)]];
  });
  return {
    atMs: seen.atMs,
    overMs,
    cpuPercent: { 0: percent(before.domain0.runNs, seen.domain0.runNs), ...Object.fromEntries(busy) },
    memoryMiB: {
      0: seen.domain0.memoryMiB,
      ...Object.fromEntries(domains.filter(ownsMemory).map(({ id, memoryMiB }) => [id, memoryMiB])),
    },
    freeMiB,
    // The bridge counts what it received: the guest sent it.
    sentPerSecond: passed(before, seen, 'rxBytes') / (overMs / 1000),
    gotPerSecond: passed(before, seen, 'txBytes') / (overMs / 1000),
    network: Object.fromEntries(
      domains.map(({ id }) => [
        id,
        {
          sent: passed(before, seen, 'rxBytes', `vif${id}.`) / (overMs / 1000),
          got: passed(before, seen, 'txBytes', `vif${id}.`) / (overMs / 1000),
        },
      ]),
    ),
    // A disk that was taken away takes its counts along.
    disks: Object.fromEntries(
      Object.entries(seen.disks).map(([id, { read, written }]) => {
        const from = before.disks[Number(id)] ?? { read: 0, written: 0 };
        return [
          id,
          {
            read: Math.max(0, read - from.read) / (overMs / 1000),
            written: Math.max(0, written - from.written) / (overMs / 1000),
          },
        ];
      }),
    ),
  };
}

/** What went through the guests' ports, those whose names begin so, between two looks. A port that has gone takes its count along; a new one has counted from 0. */
function passed(before: Counters, seen: Counters, what: 'rxBytes' | 'txBytes', names = 'vif'): number {
  const old = new Map(before.bridge.ports.map(port => [port.name, port[what]]));
  return seen.bridge.ports
    .filter(({ name }) => name.startsWith(names))
    .reduce((sum, port) => {
      const from = old.get(port.name) ?? 0;
      return sum + port[what] - (port[what] < from ? 0 : from);
    }, 0);
}

/** Whether a domain has memory of this host's machine: not before it starts, not once it is down, and not where it was lost with an earlier Domain 0. */
export const ownsMemory = ({ state, lost }: DomainInfo): boolean => !lost && !'-s'.includes(state);
