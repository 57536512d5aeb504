/**
 * *Idea.* A host in virtual time gives the same run for the same inputs. Its domains share one worker and run one at a time; once each has run, a
 * *round* is over, and nothing that a guest sees depends on the real clock. An input from outside is logged with the number of the round before which
 * it arrived, and replay delivers it before the same round. The real clock only determines how long to wait between two rounds.
 */
import { arrivals } from '../toolstack/index.ts';
import { type DomainRecord, FRAME_BYTES, type Machine } from '../../hypervisor/memory/index.ts';
import { crc32 } from '../../formats/unpack/index.ts';
import type { MachineView } from '../../hypervisor/view/index.ts';
import { part } from '../../formats/loading/index.ts';
import type { CommandHost, ConsoleInput } from '../toolstack/index.ts';
import type { Pace, Runners } from '../toolstack/runners/index.ts';
import type { Migrate } from './moving.ts';
import type { Moments } from './moments.ts';

/** Who is behind by more than this does not hurry afterwards. */
const MOST_BEHIND_MS = 100;

/** Something that came from outside. `time`: a person stopped time, or let it go on for this many milliseconds (Infinity: until it is stopped). */
export type Input =
  | { kind: 'console'; domain: number; input: Uint8Array | ConsoleInput }
  | { kind: 'command'; name: string; given: unknown[] }
  | { kind: 'time'; goesMs: number };

/** `round`: how many rounds had been when it came; `atNs`: virtual time of the host then. */
export interface LoggedInput {
  round: number;
  atNs: number;
  what: Input;
}

export interface TimeNow {
  /** Of the host: what its guests ran and waited, together. */
  ns: number;
  rounds: number;
  inputs: number;
  /** Virtual seconds in one of the wall's at most; Infinity: as fast as it goes. Somebody waits for the end of `runFor`, which goes as fast as it goes. */
  speed: number;
  /** It is paused until somebody lets it go on. */
  stands: boolean;
}

/** Check sums (CRC-32) of the state words of a domain's vCPUs, and of the frames that it owns, with their numbers. */
export interface Fingerprint {
  name: string;
  registers: number;
  memory: number;
}

/** What can be asked of virtual time, by name. */
export interface TimeCalls {
  now(): TimeNow;
  setSpeed(speed: number): void;
  stand(): void;
  goOn(): void;
  runFor(ms: number): Promise<TimeNow>;
  type(domain: number, bytes: Uint8Array): void;
  inputs(): LoggedInput[];
  replay(inputs: readonly LoggedInput[]): Promise<TimeNow>;
  fingerprints(): Fingerprint[];
  keep(domains: readonly number[]): Promise<number | undefined>;
  goBack(moment: number, domains: readonly number[]): Promise<boolean>;
  forget(after: number): Promise<void>;
}

const TIME_CALLS = [
  'now',
  'setSpeed',
  'stand',
  'goOn',
  'runFor',
  'type',
  'inputs',
  'replay',
  'fingerprints',
  'keep',
  'goBack',
  'forget',
] as const satisfies (keyof TimeCalls)[];

/**
 * Commands that read files while they work, for as long as the wall's clock likes: time is paused meanwhile. Others work within one turn of the event
 * loop, or wait for a guest, which needs its time.
 */
const READS_FILES = new Set(['create', 'restore', 'destroy', 'cd-insert', 'block-attach', 'back']);

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array | Uint32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Turns of the event loop in which a move goes on by itself; it needs some ten. */
const MOVE_TURNS = 100;

const REPEATING = 'A run is being repeated. Wait until its last input has come, and try again.';

/** It is there at `atMs` of `linkMs`. */
interface Travelling {
  atMs: number;
  arrive(): void;
}

/** What it needs of its host. */
interface TimeHost {
  /** Nobody could run for this long. */
  idled(ns: number): void;
  runners: Pick<Runners, 'hold' | 'go' | 'farthestNs'>;
  /** Nanoseconds. */
  hostNs(): number;
  hear(domain: number, input: Uint8Array | ConsoleInput): void;
  command(name: string, given: unknown[]): Promise<unknown>;
  machine: Machine;
  view: MachineView;
  members(): { name: string; record: DomainRecord }[];
  moments(): Promise<Moments>;
}

const virtualLink = part(() => import('./virtual-link.ts'), 'moves domains in virtual time');

/** What is asked of a host's virtual time, by name; undefined: it has none. @throws Error with a sentence */
export function askTime<What extends keyof TimeCalls>(
  virtual: VirtualTime | undefined,
  what: What,
  given: Parameters<TimeCalls[What]>,
): Awaited<ReturnType<TimeCalls[What]>> {
  if (!virtual) throw new Error('This host follows the clock on the wall. Load the page with ?time=virtual.');
  if (!virtual.calls.includes(what))
    throw new Error(`Virtual time knows ${virtual.calls.join(', ')}, and not ${String(what)}.`);
  return (virtual[what] as (...given: unknown[]) => Awaited<ReturnType<TimeCalls[What]>>)(...given);
}

export class VirtualTime implements TimeCalls, Pace {
  /** What the page may ask for. */
  readonly calls: readonly (keyof TimeCalls)[] = TIME_CALLS;
  /** An input is taken in, and a pace kept, between two rounds. */
  readonly roundNs = 10e6;
  private readonly wallMs: () => number;
  private readonly soon: (callback: () => void) => void;
  private host!: TimeHost;
  private rounds = 0;
  private speed: number;
  private readonly log: LoggedInput[] = [];
  /** Still to come in a replay, soonest first. */
  private coming: LoggedInput[] = [];
  /** A replayed input that is let through. */
  private isReplaying = false;
  /** Commands under way for which time is paused. */
  private commands = 0;
  private stopped = false;
  private stopNs = Infinity;
  private whenReached: ((now: TimeNow) => void)[] = [];
  private whenReplayed: ((now: TimeNow) => void) | undefined;
  /** Domains that move: no time goes by but what their pages take on the link. */
  private moves = 0;
  /** What is on a link, soonest first. */
  private travelling: Travelling[] = [];
  private anchor: { wallMs: number; ns: number } | undefined;

  /** `wallMs`: monotonic milliseconds, for the pace alone; `soon` as of the host. `speed`: see TimeNow. */
  constructor(parts: { wallMs: () => number; soon: (callback: () => void) => void; speed?: number }) {
    this.wallMs = parts.wallMs;
    this.soon = parts.soon;
    this.speed = parts.speed ?? 1;
  }

  /** Its host is there. */
  serve(host: TimeHost): void {
    this.host = host;
  }

  // ---- what the rounds ask

  /** How long to wait before the next round, milliseconds. */
  waitMs(): number {
    if (this.speed === Infinity || this.coming.length > 0 || this.stopNs !== Infinity) return 0;
    const ns = this.host.runners.farthestNs,
      wallMs = this.wallMs();
    this.anchor ??= { wallMs, ns };
    const aheadMs = (ns - this.anchor.ns) / 1e6 / this.speed - (wallMs - this.anchor.wallMs);
    if (aheadMs < -MOST_BEHIND_MS) this.anchor = { wallMs, ns };
    return Math.max(0, aheadMs);
  }

  /** A round begins; false: not now, time is paused. */
  begin(): boolean {
    this.applyDue();
    if (this.isHeld) return false;
    this.rounds++;
    return true;
  }

  /** A round has ended; `isStill`: nothing happens any more before an input comes. */
  ended(isStill: boolean): void {
    // What moves is not left on its way.
    const isThere = this.moves === 0 && this.host.hostNs() >= this.stopNs;
    if (isThere) this.setStopped(true);
    if (isThere || (isStill && this.stopNs !== Infinity && this.moves === 0)) this.reach();
    if (!this.stopped) this.carryOn(isStill);
    // Where the run is another one than that of the inputs, their round may never come.
    if (isStill && this.coming[0]) this.coming[0].round = Math.min(this.coming[0].round, this.rounds);
    if (this.coming.length > 0) this.soon(() => this.applyDue());
  }

  // ---- what moves

  /** Of links: it goes on with the guest that is farthest, and where nobody runs. */
  get linkMs(): number {
    return (this.host.runners.farthestNs + this.idledNs) / 1e6;
  }

  private idledNs = 0;

  /** Calls back when `linkMs` is there. */
  at(atMs: number, arrive: () => void): void {
    this.waitsForGuest = false;
    this.travelling.push({ atMs, arrive });
    this.travelling.sort((a, b) => a.atMs - b.atMs);
    this.settle();
  }

  /** Its host has no other: domains move within it, as xl migrate NAME localhost has them. */
  moveWithin(host: CommandHost): Migrate {
    return (guest, to, wish) =>
      this.move(async () => {
        const [link] = await Promise.all([virtualLink.load(), arrivals.load()]);
        return () => link.moveWithin(host, this, guest, to, wish);
      });
  }

  /** A domain moves: what Domain 0 does for it takes no time. `load`: what does it. */
  private async move<T>(load: () => Promise<() => Promise<T>>): Promise<T> {
    this.commands++;
    this.settle();
    const work = await load().finally(() => void this.commands--);
    this.moves++;
    this.settle();
    try {
      return await work();
    } finally {
      this.moves--;
      this.settle();
    }
  }

  /** Nothing is on its way: Domain 0 sends more, or else waits for a guest, which has its time then. */
  private watchMove(turns = MOVE_TURNS): void {
    this.isWatching = true;
    this.soon(() => {
      if (turns > 1 && this.moves > 0 && this.travelling.length === 0) return this.watchMove(turns - 1);
      this.isWatching = false;
      if (this.moves === 0 || this.travelling.length > 0) return;
      this.waitsForGuest = true;
      this.settle();
    });
  }

  private isWatching = false;
  private waitsForGuest = false;

  /** What has come to the end of its way; where nobody runs meanwhile, it comes at once. */
  private carryOn(isStill: boolean): void {
    const [first] = this.travelling;
    if (first && isStill) {
      const ns = Math.max(0, 1e6 * (first.atMs - this.linkMs));
      this.idledNs += ns;
      this.host.idled(ns);
    }
    // Of a sum of times the last digits are not.
    while (this.travelling[0] && this.travelling[0].atMs <= this.linkMs + 1e-6) this.travelling.shift()!.arrive();
    // Where nothing is on its way, nothing has changed.
    if (first) this.settle();
  }

  private get isHeld(): boolean {
    return this.stopped || this.commands > 0 || (this.moves > 0 && this.travelling.length === 0 && !this.waitsForGuest);
  }

  // ---- inputs

  /** An input of a person is noted; false: it is not to be taken in, as a replay is under way. */
  note(what: Input): boolean {
    if (this.isReplaying) return true;
    if (this.coming.length > 0) return false;
    this.log.push({ round: this.rounds, atNs: this.host.hostNs(), what });
    return true;
  }

  /** A command, with time paused where it reads files. @throws Error of the command, or a sentence while a replay is under way */
  async command<T>(name: string, given: unknown[], run: () => Promise<T>): Promise<T> {
    if (!this.note({ kind: 'command', name, given })) throw new Error(REPEATING);
    if (!READS_FILES.has(name)) return run();
    this.commands++;
    this.settle();
    try {
      return await run();
    } finally {
      this.commands--;
      this.settle();
    }
  }

  /** Inputs that were to come before the next round. */
  private applyDue(): void {
    while (this.coming[0] && this.coming[0].round <= this.rounds && this.commands === 0) {
      const { what } = this.coming.shift()!;
      this.isReplaying = true;
      try {
        if (what.kind === 'console') this.host.hear(what.domain, what.input);
        else if (what.kind === 'time') this.letGo(what.goesMs);
        // What it refuses now it refused then.
        else
          void this.host.command(what.name, what.given).then(
            () => this.applyDue(),
            () => this.applyDue(),
          );
      } finally {
        this.isReplaying = false;
      }
    }
    if (this.coming.length > 0 || this.commands > 0 || !this.whenReplayed) return;
    this.whenReplayed(this.now());
    this.whenReplayed = undefined;
  }

  // ---- people

  now(): TimeNow {
    return {
      ns: this.host.hostNs(),
      rounds: this.rounds,
      inputs: this.log.length,
      speed: this.speed,
      stands: this.stopped,
    };
  }

  /** @throws Error with a sentence */
  setSpeed(speed: number): void {
    if (!(speed > 0)) throw new Error('Write how many virtual seconds go by in one of yours: a number above 0.');
    this.speed = speed;
    this.anchor = undefined;
  }

  stand(): void {
    if (this.note({ kind: 'time', goesMs: 0 })) this.letGo(0);
  }

  goOn(): void {
    if (this.note({ kind: 'time', goesMs: Infinity })) this.letGo(Infinity);
  }

  /**
   * Lets time go on for this long at most, and then stops it; it ends earlier where nothing happens any more before an input comes.
   * @throws Error with a sentence
   */
  async runFor(ms: number): Promise<TimeNow> {
    if (!(ms > 0 && ms < Infinity))
      throw new Error('Write for how many milliseconds time is to go on: a number above 0.');
    if (!this.note({ kind: 'time', goesMs: ms })) throw new Error(REPEATING);
    const reached = new Promise<TimeNow>(resolve => this.whenReached.push(resolve));
    this.letGo(ms);
    return reached;
  }

  /** Bytes for a domain's console, which are there before any later call. @throws Error with a sentence where there is no such domain */
  type(domain: number, bytes: Uint8Array): void {
    this.host.hear(domain, bytes);
  }

  inputs(): LoggedInput[] {
    return [...this.log];
  }

  /** Does to a host that has just started what was done to another one, and resolves after the last input. @throws Error with a sentence */
  replay(inputs: readonly LoggedInput[]): Promise<TimeNow> {
    if (this.rounds > 0 || this.log.length > 0)
      throw new Error('Something happened on this host already. Load the page again, and repeat the run then.');
    this.log.push(...inputs);
    this.coming = inputs.map(input => ({ ...input }));
    const replayed = new Promise<TimeNow>(resolve => {
      this.whenReplayed = resolve;
    });
    this.applyDue();
    return replayed;
  }

  fingerprints(): Fingerprint[] {
    const { machine, view, members } = this.host;
    return members().map(({ name, record }) => {
      const states =
        view
          .at(record.index)
          ?.vcpus()
          .map(vcpu => crc32(bytesOf(vcpu.registers().words))) ?? [];
      const frames: number[] = [];
      for (let mfn = 0; mfn < machine.frames; mfn++)
        if (machine.ownerOf(mfn) === record.id)
          frames.push(mfn, crc32(machine.bytes, mfn * FRAME_BYTES, (mfn + 1) * FRAME_BYTES));
      return {
        name,
        registers: crc32(bytesOf(Uint32Array.from(states))),
        memory: crc32(bytesOf(Uint32Array.from(frames))),
      };
    });
  }

  /**
   * Keeps this moment, and says its number; undefined: it cannot be gone back to, since time is not stopped, Domain 0 is busy, or there are others than these
   * domains.
   */
  async keep(domains: readonly number[]): Promise<number | undefined> {
    const moments = await this.host.moments();
    if (!this.isStill) return undefined;
    const { rounds, idledNs, log } = this,
      inputs = log.length,
      travelling = [...this.travelling];
    return moments.keep(domains, () => {
      Object.assign(this, { rounds, idledNs, travelling: [...travelling] });
      log.length = inputs;
      this.setStopped(true);
    });
  }

  /** The host is as it was at a moment that was kept, and time is stopped. False: it is not kept any more, or there are others than these domains. */
  async goBack(moment: number, domains: readonly number[]): Promise<boolean> {
    const moments = await this.host.moments();
    if (!this.isStill) return false;
    this.reach();
    return moments.goBack(moment, domains);
  }

  /** Moments that were kept after this one (0: all) are not gone back to any more. */
  async forget(after: number): Promise<void> {
    (await this.host.moments()).forget(after);
  }

  /** No domain moves, and no command is under way. */
  private get isStill(): boolean {
    return this.stopped && this.commands === 0 && this.moves === 0 && this.coming.length === 0;
  }

  private letGo(ms: number): void {
    this.stopNs = ms > 0 ? this.host.hostNs() + ms * 1e6 : Infinity;
    this.setStopped(ms === 0);
    if (ms === 0) this.reach();
  }

  /** Resolves for the callers that waited for the end of `runFor`. */
  private reach(): void {
    this.stopNs = Infinity;
    for (const tell of this.whenReached.splice(0)) tell(this.now());
  }

  private setStopped(stopped: boolean): void {
    this.stopped = stopped;
    this.anchor = undefined;
    this.settle();
  }

  private settle(): void {
    if (this.moves === 0) this.waitsForGuest = false;
    else if (this.travelling.length === 0 && !this.waitsForGuest && !this.isWatching) this.watchMove();
    if (this.isHeld) this.host.runners.hold();
    // The guests look again, and the round finds out whether anything happens.
    else this.host.runners.go();
  }
}
