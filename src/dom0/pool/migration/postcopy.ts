/**
 * Post-copy: a guest goes on at the other host while some of its memory is still here. What it uses is fetched at once, and the rest is sent meanwhile. Until all
 * of it is there neither host alone has the whole guest: where the link breaks it is paused there, and goes on once its memory comes again. QEMU's way
 * (docs/devel/migration/postcopy.rst), in libvirt's words.
 */
import { kindOf } from '../../toolstack/kinds/index.ts';
import { isZero } from '../../../hypervisor/interfaces/xen/stream/index.ts';
import { FRAME_BYTES, type DomainRecord, type Machine } from '../../../hypervisor/memory/index.ts';
import { ringDoorbell } from '../../../hypervisor/worker/index.ts';
import type { CommandHost, Guest, Job, MoveWish, PostcopyCounts, Uses } from '../../toolstack/index.ts';
import { AwayFrames } from './away-frames.ts';
import type { Line } from './line.ts';
import { answer, bytesOf, hear, MESSAGE, Refused, say, textOf, wordsOf } from './messages.ts';

/** Of a message in the background; and messages on their way, behind which one that somebody represents waits. */
const FRAMES_AT_ONCE = 32,
  MOST_ON_WAY = 4;
/** How often the other host is looked for once the link broke. */
const AGAIN_MS = 1000;
/** Of a frame's number in FRAMES: it holds zeroes, and no bytes follow. */
const ZEROES = 0x8000_0000;

/** A guest's memory here, by its frames. */
class Memory {
  readonly machine: Machine;
  readonly record: DomainRecord;

  constructor(machine: Machine, record: DomainRecord) {
    this.machine = machine;
    this.record = record;
  }

  get isThere(): boolean {
    return this.machine.isAlive(this.record);
  }

  private offset(gfn: number): number {
    return (this.machine.secondStage(this.record).entry(gfn) >>> 12) * FRAME_BYTES;
  }

  /** Undefined: it holds zeroes. */
  page(gfn: number): Uint8Array | undefined {
    const at = this.offset(gfn),
      page = this.machine.bytes.subarray(at, at + FRAME_BYTES);
    return isZero(page) ? undefined : page;
  }

  /** False: it was there. */
  put(gfn: number, page: Uint8Array | undefined): boolean {
    const stage = this.machine.secondStage(this.record);
    if (!stage.isAway(gfn)) return false;
    const at = this.offset(gfn);
    if (page) this.machine.bytes.set(page, at);
    else this.machine.bytes.fill(0, at, at + FRAME_BYTES);
    stage.hasCome(gfn);
    return true;
  }

  /** Guest frames in ranges, as `away` has them. @throws Error with a sentence: they are none, or there is no memory in one */
  framesIn(ranges: Uint32Array): Set<number> {
    const stage = this.machine.secondStage(this.record);
    const frames = new Set<number>();
    for (let i = 0, next = 0; i < ranges.length; i += 2) {
      const first = ranges[i]!,
        end = first + (ranges[i + 1] ?? Number.NaN);
      if (!(first >= next && end > first)) throw new Error('The other host wants memory, and does not say which.');
      for (let gfn = first; gfn < end; gfn++) {
        if (stage.mfn(gfn) < 0)
          throw new Error(`The other host wants guest frame 0x${gfn.toString(16)}, and there is no memory.`);
        frames.add(gfn);
      }
      next = end;
    }
    return frames;
  }

  /** Guest frames that are away: first ones, and how many follow each. */
  away(): number[] {
    const ranges: number[] = [];
    const stage = this.machine.secondStage(this.record);
    for (const [gfn] of stage.entries()) {
      if (!stage.isAway(gfn)) continue;
      if (ranges.length > 0 && ranges.at(-2)! + ranges.at(-1)! === gfn) ranges[ranges.length - 1]!++;
      else ranges.push(gfn, 1);
    }
    return ranges;
  }
}

// ---- the host that the guest has left

/** @throws Error with a sentence: all of it has to be there before it runs */
export function mayBePostcopy({ name, paused, record, blueprint, model }: Guest, wish: MoveWish): void {
  const refuse = (why: string): never => {
    throw new Error(`unsupported configuration: ${why}`);
  };
  // VIR_MIGRATE_POSTCOPY, in qemuMigrationSrcBeginPhase().
  if (paused || wish.paused) refuse('post-copy migration is not supported with non-live or paused migration');
  if (wish.verify) refuse('post-copy migration cannot be compared afterwards: leave --debug out');
  const without = `Migrate ${name} without --postcopy.`;
  if (kindOf(blueprint.definition).reach === 'machine')
    refuse(
      `the page tables of a paravirtual guest name machine frames, so that all of them go before it runs. ${without}`,
    );
  if (record.shadowFrames > 0) refuse(`the guest has shadow page tables, which are made of all of its own. ${without}`);
  if (model) refuse(`its device model is in Domain 0, which does not wait for memory. ${without}`);
}

export interface LeftBehind {
  host: CommandHost;
  guest: Guest;
  /** Where it is. */
  to: string;
  /** The first line, which may have ended. */
  line: Line;
  /** Another one, where the other host knows the move; throws where it is not reached. */
  again(): Promise<Line>;
  /** Frames that have gone, of this many. */
  progress(sent: number, all: number): void;
  tell(line: string): void;
}

/** Sends what the other host lacks; resolves once it lacks nothing. @throws Error with a sentence: the guest is gone there, and so is the rest of it here */
export async function sendTheRest(parts: LeftBehind): Promise<void> {
  const { host, guest, to } = parts;
  const memory = new Memory(host.machine, guest.record);
  const sender = new FrameSender(memory, parts);
  for (let line = parts.line; ; ) {
    try {
      return await sender.send(line);
    } catch (error) {
      line.close();
      if (error instanceof Refused) throw new Error(`${error.message} What of it was left here is gone, too.`);
      parts.tell(
        `migration sender: ${(error as Error).message} ${guest.name} waits on ${to} for the rest of its memory: neither host has all of it. It is sent once ${to} is reached again.`,
      );
    }
    for (let next: Line | undefined; !next; ) {
      await new Promise<void>(resolve => host.clock.later(AGAIN_MS, resolve));
      if (!memory.isThere)
        throw new Error(`The rest of ${guest.name} was destroyed here: what waits for it on ${to} cannot go on.`);
      next = await parts.again().catch((error: Error) => {
        if (error instanceof Refused) throw error;
        return undefined;
      });
      if (next) line = next;
    }
  }
}

class FrameSender {
  private readonly memory: Memory;
  private readonly parts: LeftBehind;
  /** Frames that the other host lacks, in the order in which they go, but for those that somebody represents. */
  private left = new Set<number>();
  private wanted: number[] = [];
  private onWay = 0;
  private all = 0;
  private sent = 0;
  private wake = (): void => {};

  constructor(memory: Memory, parts: LeftBehind) {
    this.memory = memory;
    this.parts = parts;
  }

  async send(line: Line): Promise<void> {
    this.left = this.memory.framesIn(wordsOf(await answer(line, MESSAGE.LACKS)));
    this.onWay = 0;
    this.wanted = [];
    this.all = Math.max(this.all, this.left.size);
    this.sent = this.all - this.left.size;
    let failed: Error | undefined;
    const whole = this.hears(line).catch((error: Error) => {
      failed = error;
      this.wake();
    });
    while (this.left.size > 0 && !failed) {
      const next = this.next();
      if (next.length > 0) await this.give(line, next);
      else await new Promise<void>(resolve => (this.wake = resolve));
    }
    await whole;
    if (failed) throw failed;
  }

  /** What somebody represents goes before all others. */
  private next(): number[] {
    const wanted = this.wanted.splice(0).filter(gfn => this.left.has(gfn));
    if (wanted.length > 0 || this.onWay >= MOST_ON_WAY) return wanted;
    const next: number[] = [];
    for (const gfn of this.left) {
      next.push(gfn);
      if (next.length === FRAMES_AT_ONCE) break;
    }
    return next;
  }

  private async give(line: Line, gfns: readonly number[]): Promise<void> {
    const pages = gfns.map(gfn => this.memory.page(gfn));
    const head = bytesOf([gfns.length, ...gfns.map((gfn, i) => (pages[i] ? gfn : (gfn | ZEROES) >>> 0))]);
    const body = new Uint8Array(head.length + FRAME_BYTES * pages.filter(Boolean).length);
    body.set(head);
    let at = head.length;
    for (const page of pages) {
      if (!page) continue;
      body.set(page, at);
      at += FRAME_BYTES;
    }
    for (const gfn of gfns) this.left.delete(gfn);
    this.onWay++;
    this.sent += gfns.length;
    await say(line, MESSAGE.FRAMES, body);
    this.parts.progress(this.sent, this.all);
  }

  /** Resolves once the other host lacks nothing. */
  private async hears(line: Line): Promise<void> {
    for (;;) {
      const { type, body } = await hear(line);
      if (type === MESSAGE.WHOLE) return;
      if (type === MESSAGE.REFUSED) throw new Refused(textOf(body));
      if (type === MESSAGE.GOT) this.onWay--;
      else if (type === MESSAGE.WANTED) this.wanted.push(...wordsOf(body));
      else throw new Error(`The other host sends message ${type} while it waits for memory.`);
      this.wake();
    }
  }
}

// ---- the host where it runs

/** Of a host; made with the first guest that goes on here so. */
function awayOf({ toolstack, machine }: Uses<'machine' | 'toolstack'>): AwayFrames {
  if (toolstack.away instanceof AwayFrames) return toolstack.away;
  const away = new AwayFrames(machine);
  toolstack.away = away;
  return away;
}

/** To who may have left some of a guest's memory behind: all of it is here. @throws Error with a sentence: the line has ended */
export async function lacksNothing(line: Line): Promise<void> {
  await say(line, MESSAGE.LACKS);
  await say(line, MESSAGE.WHOLE);
}

/** A guest that runs here before all of its memory has come. */
export class ComingFrames {
  private readonly host: Uses<'clock' | 'machine' | 'toolstack'>;
  private readonly guest: Guest;
  private readonly memory: Memory;
  private readonly away: AwayFrames;
  private line: Line | undefined;
  /** When somebody began to represent a frame. */
  private readonly sinceMs = new Map<number, number>();
  private standsStill = false;
  readonly counts: PostcopyCounts;
  /** Frames that have not come. */
  private lacks: number;
  private tellEnd = (_why?: Error): void => {};
  /** Resolves once nothing is away; rejects where the guest ended before. */
  readonly whole: Promise<void>;

  /** Undefined: all of it is here. */
  static of(host: Uses<'clock' | 'machine' | 'toolstack'>, guest: Guest): ComingFrames | undefined {
    const ranges = new Memory(host.machine, guest.record).away();
    return ranges.length === 0 ? undefined : new ComingFrames(host, guest, ranges);
  }

  private constructor(host: Uses<'clock' | 'machine' | 'toolstack'>, guest: Guest, ranges: readonly number[]) {
    this.host = host;
    this.guest = guest;
    this.memory = new Memory(host.machine, guest.record);
    this.lacks = ranges.reduce((sum, each, i) => sum + (i % 2 === 1 ? each : 0), 0);
    this.counts = { frames: this.lacks, came: 0, faults: 0, latencyMs: 0, longestMs: 0 };
    this.whole = new Promise((resolve, reject) => (this.tellEnd = why => (why ? reject(why) : resolve())));
    this.whole.catch(() => {});
    guest.postcopy = this.counts;
    this.away = awayOf(host);
    this.away.begin(guest.record.id, { ask: gfn => this.want(gfn), gone: () => this.gone() });
  }

  private nowMs(): number {
    return this.host.clock.hostMs();
  }

  /** Somebody represents it. */
  private want(gfn: number): void {
    if (this.sinceMs.has(gfn) || !this.host.machine.secondStage(this.guest.record).isAway(gfn)) return;
    this.sinceMs.set(gfn, this.nowMs());
    this.counts.faults++;
    void this.ask([gfn]);
  }

  private async ask(gfns: readonly number[]): Promise<void> {
    if (this.line && gfns.length > 0) await say(this.line, MESSAGE.WANTED, bytesOf(gfns)).catch(() => {});
  }

  /** Resolves once all of it is here, by this line or by others. @throws Error with a sentence: it has ended before */
  async all(job: Job, line: Line): Promise<void> {
    this.job = job;
    job.isPostcopy = true;
    this.guest.why.running = 'post-copy';
    this.tellJob();
    await this.takeFrom(line).catch(() => {});
    await this.whole;
  }
  private job: Job | undefined;

  private tellJob(): void {
    const { counts, lacks } = this,
      { frames, came } = counts;
    this.job?.moved({
      processedBytes: came * FRAME_BYTES,
      remainingBytes: lacks * FRAME_BYTES,
      totalBytes: frames * FRAME_BYTES,
      iteration: 0,
      rounds: [],
      postcopy: { ...counts },
    });
  }

  /** What comes by this line until all is there, or the line ends: then the guest is paused until another one is there. @throws Error with a sentence: it ended */
  async takeFrom(line: Line): Promise<void> {
    if (this.isOver && this.lacks > 0) throw this.endedBefore;
    this.line?.close();
    this.line = line;
    try {
      await say(line, MESSAGE.LACKS, bytesOf(this.isOver ? [] : this.memory.away()));
      await this.ask([...this.sinceMs.keys()]);
      this.goOn();
      while (this.lacks > 0) await this.take(line);
      this.finish();
      await say(line, MESSAGE.WHOLE).catch(() => {});
    } catch (error) {
      if (this.line === line) this.line = undefined;
      if (!this.isOver && !this.line) this.stand();
      throw error;
    }
  }

  private async take(line: Line): Promise<void> {
    const { type, body } = await hear(line);
    if (type !== MESSAGE.FRAMES) throw new Error(`The other host sends message ${type} in place of memory.`);
    if (this.isOver) throw new Error(`${this.guest.name} has ended here.`);
    const [count = 0] = wordsOf(body.subarray(0, 4));
    const gfns = wordsOf(body.subarray(4, 4 + 4 * count));
    let at = 4 + 4 * count;
    if (body.length !== at + FRAME_BYTES * gfns.filter(gfn => gfn < ZEROES).length)
      throw new Error('The other host sends memory that contradicts itself.');
    for (const each of gfns) {
      const isZero = each >= ZEROES,
        gfn = each % ZEROES;
      const page = isZero ? undefined : body.subarray(at, (at += FRAME_BYTES));
      if (this.memory.put(gfn, page)) this.came(gfn);
    }
    ringDoorbell(this.host.machine, this.guest.record);
    this.tellJob();
    await say(line, MESSAGE.GOT);
  }

  private came(gfn: number): void {
    const { counts, sinceMs } = this;
    this.lacks--;
    counts.came++;
    const since = sinceMs.get(gfn);
    if (since !== undefined) {
      sinceMs.delete(gfn);
      const ms = this.nowMs() - since;
      counts.latencyMs += ms;
      counts.longestMs = Math.max(counts.longestMs, ms);
    }
    this.away.came(this.guest.record.id, gfn);
  }

  /** The link broke. A guest that somebody has paused stays so. */
  private stand(): void {
    const { host, guest } = this;
    if (this.standsStill || guest.paused) return;
    this.standsStill = true;
    host.toolstack.setPaused(guest, true, 'post-copy failed');
  }

  private goOn(): void {
    const { host, guest } = this;
    if (!this.standsStill) return;
    this.standsStill = false;
    if (guest.why.paused === 'post-copy failed') host.toolstack.setPaused(guest, false);
    guest.why.running = 'post-copy';
  }

  private finish(): void {
    const { guest } = this;
    if (this.isOver) return;
    this.isOver = true;
    this.away.end(guest.record.id);
    if (guest.why.running === 'post-copy') guest.why.running = 'migrated';
    this.tellEnd();
  }

  /** It was destroyed before all of it was here. */
  private gone(): void {
    const { line, endedBefore } = this;
    this.isOver = true;
    this.tellEnd(endedBefore);
    if (line)
      void say(line, MESSAGE.REFUSED, endedBefore.message).then(
        () => line.close(),
        () => {},
      );
  }

  private get endedBefore(): Error {
    return new Error(`${this.guest.name} has ended here before all of its memory had come.`);
  }

  /** Nothing more comes. */
  private isOver = false;
}
