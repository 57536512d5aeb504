/**
 * The host of an experiment: guests share one processor as under a host's clock, and that clock is what they have executed, 4 ns an instruction, and what nobody
 * had anything to do for. So who waits for the processor sees time pass, timers of all guests run next to each other, and a run still repeats itself to the last
 * count. Domain 0's own work takes no time.
 *
 * Hosts next to each other have one clock, which goes on with what the guests of all of them have executed: as if they took turns on one processor.
 *
 * A host in virtual time (dom0/service/virtual-time.ts) has a clock for each guest instead, which is paused while another one runs.
 */
import {
  createHost,
  fittedHost,
  type Host,
  type HostParts,
  inTurns,
  loadEverything,
  loadMoves,
  startXen,
  VIRTUAL_EPOCH_MS,
} from '../../dom0/service/index.ts';
import { type Neighbours, Remus, Replicas } from '../../dom0/pool/index.ts';
import { isAnythingOutside } from '../../formats/bytes/index.ts';
import { functionOrScript } from '../../hypervisor/worker/index.ts';
import { filesOf, type HeadlessParts } from '../headless.ts';

const MIB = 2 ** 20;
const MEMORY_MIB = 128,
  VERSION = 'experiments',
  FIRST_SEED = 7;
/** As in virtual time (hypervisor/domain/clock.ts). */
const MS_AN_INSTRUCTION = 4e-6;

interface Timer {
  atMs: number;
  /** Of those at one time the first that was set is the first. */
  order: number;
  callback(): void;
}

/** A clock and an event loop that go on only by a call. */
export class SteppedTime {
  private readonly runners: { instructions: number; hold(): void; go(): void }[] = [];
  private readonly turn: HeadlessParts['soon'];
  private idleMs = 0;
  private orders = 0;
  private ready: (() => void)[] = [];
  private readonly timers = new Set<Timer>();

  /** `turn`: of the real event loop. */
  constructor(turn: HeadlessParts['soon']) {
    this.turn = turn;
  }

  readonly nowMs = (): number =>
    this.runners.reduce((ms, { instructions }) => ms + instructions * MS_AN_INSTRUCTION, this.idleMs);

  get hosts(): number {
    return this.runners.length;
  }

  /** Those of one more host. */
  add(runners: { instructions: number; hold(): void; go(): void }): void {
    this.runners.push(runners);
  }

  /** Those execute nothing any more. */
  remove(runners: { instructions: number; hold(): void; go(): void }): void {
    this.idleMs += runners.instructions * MS_AN_INSTRUCTION;
    this.runners.splice(this.runners.indexOf(runners), 1);
    runners.hold();
  }

  /** Something that is no work of the guests': they are paused meanwhile. */
  readonly standing = async <T>(work: () => Promise<T>): Promise<T> => {
    for (const runners of this.runners) runners.hold();
    let isDone = false;
    const done = work().finally(() => {
      isDone = true;
    });
    done.catch(() => {});
    while (!isDone) await this.settle();
    for (const runners of this.runners) runners.go();
    return done;
  };

  readonly soon = (callback: () => void): void => void this.ready.push(callback);

  readonly later = (ms: number, callback: () => void): (() => void) => {
    const timer = { atMs: this.nowMs() + Math.max(0, ms), order: this.orders++, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  };

  /** What was begun before has ended, as far as it needs no time. */
  private async settle(): Promise<void> {
    do {
      await this.realTurn();
      for (const callback of this.ready.splice(0)) callback();
    } while (this.ready.length > 0);
  }

  /** A turn of the real event loop, and as many more as what is under way outside of this thread takes: it needs none of this time. */
  private async realTurn(): Promise<void> {
    do await new Promise<void>(resolve => this.turn(resolve));
    while (isAnythingOutside());
  }

  async goTo(endMs: number): Promise<void> {
    while (this.nowMs() < endMs) {
      await this.realTurn();
      const timer = this.nextTimer(),
        isDue = timer !== undefined && timer.atMs <= this.nowMs();
      if (!isDue && this.ready.length > 0) {
        this.ready.shift()!();
        continue;
      }
      this.idleMs += Math.max(0, Math.min(timer?.atMs ?? Infinity, endMs) - this.nowMs());
      if (!timer || timer.atMs > endMs) return;
      this.timers.delete(timer);
      timer.callback();
    }
  }

  private nextTimer(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers)
      if (!first || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order)) first = timer;
    return first;
  }
}

export interface SteppedHost {
  host: Host;
  readonly time: SteppedTime;
  nowMs(): number;
  /** Lets time go on for this long. */
  runFor(ms: number): Promise<void>;
  /** Creates a domain while all others are paused. @throws Error with a sentence */
  create(text: string): Promise<{ id: number; name: string }>;
  /** Something that is no work of the guests': they are paused meanwhile. */
  standing<T>(work: () => Promise<T>): Promise<T>;
  type(id: number, text: string): void;
  /** Its guests execute nothing any more. */
  end(): void;
  /** What it keeps of guests of the host of that name. */
  keepFor(owner: string): Replicas;
  /** What protects its guests. Who may go on is decided by leases (docs/recovery.md); here a copy counts as soon as it is there. */
  remus(neighbours: Neighbours): Remus;
}

/** `xen`: Xen's command line. `next to`: another host, which has the same clock. */
export async function steppedHost(
  { read, soon: turn }: HeadlessParts,
  xen = '',
  beside?: SteppedHost,
): Promise<SteppedHost> {
  await loadEverything();
  // Guests go from one to the other.
  if (beside) await loadMoves();
  const time = beside?.time ?? new SteppedTime(turn),
    { nowMs, soon, later } = time;
  let turns: ReturnType<ReturnType<typeof inTurns>> | undefined;
  const runners: HostParts['runners'] = parts => {
    turns = inTurns({ soon, later, hostMs: nowMs, compile: functionOrScript })(parts);
    time.add(turns);
    return turns;
  };
  const host = createHost({
    version: VERSION,
    why: VERSION,
    memory: new ArrayBuffer(MEMORY_MIB * MIB),
    hypervisor: startXen(
      { ...fittedHost({ processors: 1, fittingMiB: MEMORY_MIB }), memoryMiB: MEMORY_MIB },
      xen,
      VERSION,
    ),
    runners,
    soon,
    later,
    hostMs: nowMs,
    epochMs: () => VIRTUAL_EPOCH_MS + nowMs(),
    // Guests of hosts next to each other have UUIDs and addresses of their own.
    seed: FIRST_SEED + time.hosts,
    readsWhole: true,
  });
  const { toolstack } = host;
  const { standing } = time;
  return {
    host,
    time,
    nowMs,
    runFor: ms => time.goTo(nowMs() + ms),
    create: text => standing(async () => host.create(await filesOf(text, read))),
    standing,
    type: (id, text) => toolstack.inputs.take(host.domains.member(id), new TextEncoder().encode(text)),
    end: () => time.remove(turns!),
    keepFor: owner => new Replicas(host, () => owner),
    remus: neighbours =>
      new Remus({
        host,
        neighbours,
        ownership: { copied: async () => 1, notCopied: async () => false, epochOf: () => 1 },
        later,
      }),
  };
}
