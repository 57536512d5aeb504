/**
 * *Idea.* The source's end of a live migration. Memory is copied in rounds while the guest runs; then the guest is paused for the rest, the target
 * gets a complete copy, receives permission to run it (GO), and confirms that it does. The hard part is failure: at any moment the link or either
 * host may end, and exactly one copy may run. So the source runs the guest until GO, and never on its own after it: then the lease decides in a pool,
 * and without one the source asks the target until it knows. Source: migrate_domain() in tools/xl/xl_migrate.c of Xen 4.17; messages:
 * docs/migration.md.
 */
import { kindOf } from '../../toolstack/kinds/index.ts';
import {
  type Medium,
  type PrecopyRound,
  type PrecopyWish,
  XL_HEADER_BYTES,
  XL_MAGIC,
} from '../../../hypervisor/index.ts';
import { ideName } from '../../definitions/index.ts';
import { XEN_MAJOR, XEN_MINOR } from '../../../hypervisor/interfaces/xen/index.ts';
import { FRAME_BYTES } from '../../../hypervisor/memory/index.ts';
import { joined } from '../../../formats/bytes/index.ts';
import {
  type CommandHost,
  type DiskCopy,
  type Guest,
  type Held,
  type ImageDigest,
  type Job,
  type JobMemory,
  type Moved,
  type MoveWish,
  mediumData,
  mediumDigest,
  migratedAwayName,
} from '../../toolstack/index.ts';
import type { Neighbours } from '../neighbours.ts';
import type { Ownership as PoolOwnership } from '../ownership.ts';
import { Convergence, MOST_THROTTLED_ROUNDS } from './convergence.ts';
import { refuseLocalDisks } from './disks-to-move.ts';
import { sendImages } from './images.ts';
import { Limits, refuseName } from './limits.ts';
import { Line } from './line.ts';
import { Mirror } from './mirror.ts';
import { moveToken } from './move-token.ts';
import { pinged } from './pings.ts';
import { mayBePostcopy, sendTheRest } from './postcopy.ts';
import {
  answer,
  encodeGo,
  encodeOffer,
  endsHead,
  header,
  hear,
  MESSAGE,
  NEVER,
  notExpected,
  type Offer,
  PROTOCOL,
  refusal,
  Refused,
  RESUMING,
  say,
  sendFailure,
  textOf,
  whyFailed,
} from './messages.ts';
import { keepWritten, sendWritten } from './written-ahead.ts';

/** How often and how long a host is asked again what became of a domain, when the link broke behind its permission. */
const ASK_MS = 1000,
  ASKS = 30;
/** This long behind the end of the link it is not waited for what a lease says. */
const LATE_MS = ASKS * ASK_MS;

/** Pieces of a guest that is paused go together once they have this many bytes; fewer than these are copied for that. */
const MESSAGE_BYTES = 64 * 1024,
  MOST_JOINED_BYTES = 1024 * 1024;

export interface SenderParts {
  host: CommandHost;
  neighbours: Neighbours;
  /** Who decides whose the guest is, where a pool has one who does; absent: the two hosts do. */
  ownership?: Ownership;
  /** Monotonic milliseconds, where they are others than the host's: in virtual time. */
  hostMs?(): number;
}

/** Whose guests are, by somebody who can tell though the two hosts have lost each other (Ownership of ../ownership.ts). */
export type Ownership = Pick<PoolOwnership, 'confirmed' | 'handOver' | 'takeBack'>;

/** @throws Error with a sentence, in xl's words: it goes on here, but where it says otherwise */
export async function migrate(parts: SenderParts, guest: Guest, to: string, wish: MoveWish = {}): Promise<Moved> {
  const { host } = parts;
  const move = (): Promise<Moved> =>
    host.toolstack.jobs.run(guest.name, 'Outgoing migration', job =>
      new Departure(parts, guest, to, wish, job).go().finally(() => keepWritten(guest)),
    );
  return wish.pings ? pinged(host, guest, move) : move();
}

class Departure {
  private readonly parts: SenderParts;
  private readonly guest: Guest;
  private readonly to: string;
  private readonly wish: MoveWish;
  private readonly job: Job;
  private readonly name: string;
  private readonly token: string;
  private readonly startedMs: number;
  /** By somebody, before it moved. */
  private readonly isPaused: boolean;
  /** Ends the sending: the job was aborted, or the other host or the link has failed. */
  private readonly stop = new AbortController();
  /** Rejects then. */
  private readonly stopped: Promise<never>;
  private readonly rounds: number[] = [];
  private readonly written: (readonly number[])[] = [];
  private readonly convergence: Convergence;
  private readonly limits: Limits;
  /** Looked at with each piece of memory. */
  private readonly precopy: PrecopyWish;
  private stoodStillMs: number | undefined;
  private runsThereMs = 0;
  private sentBeforeBytes = 0;
  private notConverged: string | undefined;

  constructor(parts: SenderParts, guest: Guest, to: string, wish: MoveWish, job: Job) {
    this.parts = parts;
    this.guest = guest;
    this.to = to;
    this.wish = wish;
    this.job = job;
    this.name = guest.name;
    this.isPaused = guest.paused;
    this.startedMs = this.nowMs();
    this.token = moveToken(parts.host, parts.neighbours.me, guest);
    job.signal.addEventListener('abort', () => this.stop.abort(job.signal.reason));
    wish.signal?.addEventListener('abort', () => this.askedToStop());
    const { index, vcpus } = guest.record;
    const throttles = wish.autoConverge === true;
    this.precopy = {
      ...(wish.verify ? { verify: true } : {}),
      ...(throttles ? { mostRounds: MOST_THROTTLED_ROUNDS } : {}),
    };
    job.standStill = () => (this.precopy.stops = true);
    this.limits = new Limits(parts.host, this.name, this.precopy, () => this.nowMs());
    if (wish.postcopy) job.beginPostcopy = () => (this.precopy.leaves = true);
    this.convergence = new Convergence({ queue: parts.host.queue, index, vcpus, throttles });
    const { signal } = this.stop;
    this.stopped = new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    this.stopped.catch(() => {});
    // It may have waited for another job of the domain.
    if (wish.signal?.aborted) this.askedToStop();
  }

  private nowMs(): number {
    const { hostMs, host } = this.parts;
    return (hostMs ?? host.clock.hostMs)();
  }

  private tell(line: string): void {
    this.wish.say?.(line);
  }

  private askedToStop(): void {
    try {
      this.parts.host.toolstack.jobs.abort(this.name);
    } catch (error) {
      this.tell((error as Error).message);
    }
  }

  async go(): Promise<Moved> {
    const { host, neighbours, ownership } = this.parts;
    const { signal } = this.stop;
    this.job.signal.throwIfAborted();
    if (this.wish.postcopy) mayBePostcopy(this.guest, this.wish);
    refuseLocalDisks(host, this.guest, this.to, this.wish.copyStorage !== undefined);
    refuseName(host, this.name, this.wish.name);
    await ownership?.confirmed(this.guest.uuid);
    const line = new Line(await neighbours.connect(this.to, 'migrate'), this.to);
    void line.ended.then(why => this.stop.abort(why));
    const { sink, received } = this.stream(line);
    let held: Held | undefined;
    let mirror: Mirror | undefined;
    try {
      await answer(line, MESSAGE.READY);
      this.tell('migration target: Ready to receive domain.');
      if (this.wish.copyStorage) mirror = await Mirror.of(host, this.guest, this.wish.copyStorage);
      await say(line, MESSAGE.OFFER, encodeOffer(await this.offer(mirror?.copies ?? [])));
      if (this.wish.copyStorage === 'all')
        await Promise.race([
          sendImages(
            line,
            this.files.map(({ medium }) => medium),
            (sent, all) => this.job.wrote(sent, all),
          ),
          this.stopped,
        ]);
      if (mirror && mirror.copies.length > 0) await this.copyDisks(line, mirror);
      held = await host.toolstack.hold(this.guest, signal, sink, {
        wish: this.precopy,
        round: round => this.noteRound(round, line),
        blocks: record => say(line, MESSAGE.BLOCKS, record),
        rehearse: state => say(line, MESSAGE.REHEARSE, state).then(() => this.settled(line)),
        paused: () => {
          this.stoodStillMs = this.nowMs();
          this.sentBeforeBytes = line.sentBytes;
          this.notConverged = this.convergence.problem(this.name, this.to);
          if (this.notConverged !== undefined) this.tell(this.notConverged);
        },
        answered: () => void mirror?.finish(),
      });
      await this.flush(line);
      // A lease is handed over once the other host has said that it has all of it, and may hear of that before.
      await Promise.race([Promise.all([ownership ? undefined : received(), mirror?.finished]), this.stopped]);
      this.job.commit();
      mirror?.end();
    } catch (error) {
      const failure = this.failure(await whyFailed(error, signal, line, MESSAGE.REFUSED, received()));
      line.close();
      mirror?.end();
      this.convergence.release();
      held?.goOn();
      if (held) this.guest.why.running = 'migration canceled';
      throw failure;
    }
    await this.handOver(line, held, received());
    const nowMs = this.nowMs(),
      downtimeMs = this.runsThereMs - (this.stoodStillMs ?? this.runsThereMs);
    const { sentBytes } = line,
      restBytes = sentBytes - this.sentBeforeBytes;
    const totalMs = nowMs - this.startedMs;
    // A paravirtual guest has no rounds.
    const progress = this.progress ?? { totalBytes: sentBytes, iteration: 0, rounds: [] };
    this.job.moved({ ...progress, processedBytes: sentBytes, remainingBytes: 0, downtimeMs, restBytes, totalMs });
    return {
      rounds: this.rounds,
      bytes: sentBytes,
      totalMs,
      downtimeMs,
      ...(this.leftBehind === undefined ? {} : { leftBehind: this.leftBehind }),
      ...(this.notConverged === undefined ? {} : { notConverged: this.notConverged }),
    };
  }

  /** Its disks go first, since they are the most; what is written from then on goes next to its memory. */
  private async copyDisks(line: Line, mirror: Mirror): Promise<void> {
    await Promise.race([answer(line, MESSAGE.PREPARED), this.stopped]);
    const tell = (): void => this.job.wrote(mirror.progress.processed, mirror.progress.total);
    await Promise.race([mirror.begin(this.parts.neighbours, this.to, this.token, tell), this.stopped]);
    mirror.failed.catch((error: Error) => this.stop.abort(error));
  }

  /** Within a host the files in its drives are the same. */
  private get files(): { medium: Medium; vdev: string }[] {
    if (this.parts.host.parts.virtual) return [];
    return (this.guest.blueprint.drives ?? []).flatMap(({ medium, place, vdev = ideName(place) }) =>
      medium && mediumData(medium) !== undefined ? [{ medium, vdev }] : [],
    );
  }

  private async images(): Promise<ImageDigest[]> {
    return Promise.all(this.files.map(async ({ medium, vdev }) => ({ ...(await mediumDigest(medium))!, vdev })));
  }

  private async offer(copies: DiskCopy[]): Promise<Offer> {
    const { guest, wish, token } = this;
    const images = await this.images();
    const kept = wish.persistent ? await this.parts.host.managed?.find(this.name) : undefined;
    return {
      copies,
      images,
      protocol: PROTOCOL,
      token,
      name: wish.name ?? this.name,
      paused: this.isPaused || wish.paused === true,
      sendsImages: wish.copyStorage === 'all',
      postcopy: wish.postcopy !== undefined,
      toolstack: await this.parts.host.toolstack.describe(guest),
      ...(wish.definition === undefined ? {} : { definition: wish.definition }),
      ...(wish.persistent ? { persistent: kept?.text ?? wish.definition ?? guest.blueprint.text } : {}),
    };
  }

  /** Where the state goes, its memory not before the other host has said that it takes the domain; and when all of it has come there. */
  private stream(line: Line): { sink: (piece: Uint8Array) => Promise<void>; received: () => Promise<unknown> } {
    let received: Promise<unknown> = Promise.resolve();
    let isFirst = true;
    const sink = async (piece: Uint8Array): Promise<void> => {
      if (isFirst) this.tellHead(piece);
      isFirst = false;
      this.unsent.push(piece);
      this.unsentBytes += piece.length;
      const waits = this.isTaken && this.stoodStillMs !== undefined;
      if (!waits || this.unsentBytes >= MESSAGE_BYTES) await this.flush(line);
      if (!endsHead(piece) || this.isTaken) return;
      await answer(line, MESSAGE.ACCEPTED);
      this.isTaken = true;
      this.tell(`xc: info: Saving domain ${this.guest.record.id}, type x86 ${this.kind}`);
      this.tell(`xc: info: Found x86 ${this.kind} domain from Xen ${XEN_MAJOR}.${XEN_MINOR}`);
      received = this.hears(line);
      received.catch((error: Error) => this.stop.abort(error));
    };
    return { sink, received: () => received };
  }

  private isTaken = false;
  /** Of the stream. Many pieces are a few bytes, each message costs both hosts a seal and a turn, and the guest may be paused for them. */
  private unsent: Uint8Array[] = [];
  private unsentBytes = 0;

  /** @throws Error with a sentence: the line has ended */
  private async flush(line: Line): Promise<void> {
    const { unsent, unsentBytes } = this;
    if (unsentBytes === 0) return;
    this.unsent = [];
    this.unsentBytes = 0;
    const head = header(MESSAGE.STREAM, unsentBytes);
    if (unsent.length > 1 && unsentBytes < MOST_JOINED_BYTES) await line.send(joined([head, ...unsent]));
    else for (const piece of [head, ...unsent]) await line.send(piece);
    if (this.stoodStillMs === undefined) await this.limits.paced(unsentBytes, this.stopped);
  }

  /** What the other host says while the state goes there; resolves when it has all of it. */
  private async hears(line: Line): Promise<void> {
    for (;;) {
      const message = await hear(line);
      if (message.type === MESSAGE.PLACED) this.whenPlaced();
      else if (message.type === MESSAGE.RECEIVED) return;
      else throw notExpected(message, MESSAGE.RECEIVED);
    }
  }

  /**
   * All pages sent so far are in place there: so a round is over when the other host has it, and what is on its way when the guest is to be paused is not added
   * to its downtime.
   */
  private async settled(line: Line): Promise<void> {
    const placed = new Promise<void>(resolve => (this.whenPlaced = resolve));
    await line.send(header(MESSAGE.PLACE, 0));
    await Promise.race([placed, this.stopped]);
  }

  private whenPlaced = (): void => {};

  private get kind(): 'PV' | 'HVM' {
    return kindOf(this.guest.blueprint.definition).reach === 'machine' ? 'PV' : 'HVM';
  }

  /** struct save_file_header: flags and the length of the configuration behind it. */
  private tellHead(piece: Uint8Array): void {
    const [, mandatory, optional, bytes] = new Uint32Array(piece.slice(XL_MAGIC.length, XL_HEADER_BYTES).buffer);
    const info = `0x${mandatory!.toString(16)}/0x${optional!.toString(16)}/${bytes}`;
    this.tell(`Saving to migration stream new xl format (info ${info})`);
    this.tell(`Loading new save file <incoming migration stream> (new xl fmt info ${info})`);
    this.tell(' Savefile contains xl domain config in JSON format');
    this.tell('Parsing config from <saved>');
  }

  private async noteRound({ iteration, dirty, copied, left, written }: PrecopyRound, line: Line): Promise<void> {
    const isOver = copied === dirty && !(iteration === this.overRounds - 1);
    const nowMs = this.nowMs();
    const { convergence } = this;
    if (this.rounds.length <= iteration) convergence.begins(dirty, nowMs);
    this.rounds[iteration] = dirty;
    if (written) this.written[iteration - 1] = written;
    const { dirtiedPerSecond: dirtyFramesPerSecond } = convergence;
    this.progress = {
      processedBytes: line.sentBytes,
      remainingBytes: left * FRAME_BYTES,
      totalBytes: this.rounds[0]! * FRAME_BYTES,
      iteration: iteration + 1,
      rounds: [...this.rounds],
      written: [...this.written],
      bytesPerSecond: (1000 * line.sentBytes) / Math.max(1, nowMs - this.startedMs),
      ...(dirtyFramesPerSecond === undefined ? {} : { dirtyFramesPerSecond }),
    };
    this.job.moved(this.progress);
    this.limits.goesAt(this.progress.bytesPerSecond!);
    this.wish.progress?.(iteration, copied, dirty);
    // What is on its way when the guest is to be paused would add to that.
    if (this.precopy.leaves) return this.settled(line);
    if (!isOver) return;
    if (this.wish.postcopy === 'after-precopy') this.precopy.leaves = true;
    this.overRounds = iteration + 1;
    this.tell(`xc: Frames iteration ${iteration}: ${copied}/${dirty}  100%`);
    await Promise.race([sendWritten(this.guest, line, this.stop.signal), this.stopped]);
    await this.settled(line);
  }

  private overRounds = 0;
  private progress: JobMemory | undefined;

  // ---- from here on the other host has a whole copy

  /** @throws Error with a sentence: it goes on here, but where it says that nobody knows */
  private async handOver(line: Line, held: Held, received: Promise<unknown>): Promise<void> {
    const { host, ownership } = this.parts;
    const { guest, name } = this;
    host.toolstack.rename(guest, migratedAwayName(name));
    const acknowledged = received.then(() => {
      this.tell('migration target: Transfer complete, requesting permission to start domain.');
      this.tell('migration sender: Target has acknowledged transfer.');
      this.tell('migration sender: Giving target permission to start.');
    });
    const given = ownership ? this.leased(line, held, ownership, acknowledged) : this.given(line, acknowledged);
    let problem: Error | undefined;
    try {
      problem = await given;
    } catch (error) {
      line.close();
      // Nobody knows: it is paused until somebody says that it may go on.
      host.toolstack.setPaused(guest, true, 'migrating');
      guest.whenUnpaused ??= () => held.goOn();
      throw error;
    }
    if (problem) {
      line.close();
      this.goesOn(held);
      throw problem;
    }
    this.tell('migration target: Got permission, starting domain.');
    this.tell('migration target: Domain started successsfully.');
    this.tell('migration sender: Target reports successful startup.');
    const ended = await this.gone(line);
    if (ended) throw ended;
    this.tell('Migration successful.');
  }

  /** It was not moved. */
  private goesOn(held: Held): void {
    const { guest, name } = this;
    this.convergence.release();
    this.parts.host.toolstack.rename(guest, name);
    held.goOn();
    guest.why.running = 'migration canceled';
  }

  /** It runs there: what is here goes, once all of it is there. An error: it has ended there before. */
  private async gone(line: Line): Promise<Error | undefined> {
    const { toolstack } = this.parts.host;
    const { guest, name } = this;
    this.convergence.release();
    const ended = this.precopy.leaves ? await this.leaveBehind(line) : undefined;
    line.close();
    await toolstack.remove(guest, false, 'migrated');
    toolstack.halted.delete(migratedAwayName(name));
    // Where the other host is this one, it is there under its name.
    if (!toolstack.isTaken(name)) toolstack.halted.set(name, 'migrated');
    return ended;
  }

  /** Whose it is the lease says. Undefined: it is the other host's, and runs there. @throws Error with a sentence: that is not known yet */
  private async leased(
    line: Line,
    held: Held,
    ownership: Ownership,
    acknowledged: Promise<void>,
  ): Promise<Error | undefined> {
    const { guest, to, name } = this;
    const result = acknowledged.then(() => answer(line, MESSAGE.RESULT)).then(body => this.startFailure(body));
    result.catch(() => {});
    const offer = (epoch: number): Promise<void> => say(line, MESSAGE.GO, encodeGo(epoch));
    const decided = ownership.handOver(guest, to, offer, refusal(line, acknowledged));
    let isOver = false,
      cancelLate = (): void => {};
    const late = new Promise<Error>(resolve => {
      void line.ended.then(why => {
        if (!isOver) cancelLate = this.parts.host.clock.later(LATE_MS, () => resolve(why));
      });
    });
    const isThere = await Promise.race([decided, late]).finally(() => {
      isOver = true;
      cancelLate();
    });
    if (isThere instanceof Error) {
      void decided.then(gone => this.settledLate(gone, held, line)).catch(() => {});
      guest.whenUnpaused = () => ownership.takeBack(guest.uuid);
      throw new Error(
        `${isThere.message}\n** Migration failed during final handshake **\nWhether ${name} is ${to}'s is not known here yet. It is paused as ${migratedAwayName(name)}, and goes, or goes on, once that is known.\nWhere ${to} is gone permanently: xl unpause ${migratedAwayName(name)}.`,
      );
    }
    this.runsThereMs = this.nowMs();
    // What it says next is about its memory.
    if (isThere && this.precopy.leaves) await result.catch(() => {});
    if (isThere) return undefined;
    // What it has said of that is here.
    line.close();
    return result.catch(async error => new Error(`${(await whyFailed(error, NEVER, line)).message}\n${RESUMING}`));
  }

  /** Nobody waits for it any more. */
  private async settledLate(isThere: boolean, held: Held, line: Line): Promise<void> {
    const { guest } = this;
    const { toolstack } = this.parts.host;
    if (toolstack.ownerOf(guest.uuid) !== guest) return;
    if (isThere) return void (await this.gone(line));
    delete guest.whenUnpaused;
    this.goesOn(held);
    if (guest.paused) toolstack.setPaused(guest, this.isPaused);
  }

  /** It runs there, and some of its memory is here. Resolves once all of it is there; an error: it has ended there before. */
  private async leaveBehind(line: Line): Promise<Error | undefined> {
    const { host } = this.parts;
    const { guest, job, to } = this;
    job.isPostcopy = true;
    guest.why.paused = 'post-copy';
    const progress = this.progress!;
    try {
      await sendTheRest({
        host,
        guest,
        to,
        line,
        again: async () => this.again(MESSAGE.RECOVER, this.token),
        progress: (came, frames) => {
          this.leftBehind = frames;
          const postcopy = { frames, came, faults: 0, latencyMs: 0, longestMs: 0 };
          job.moved({ ...progress, remainingBytes: (frames - came) * FRAME_BYTES, postcopy });
        },
        tell: sentence => this.tell(sentence),
      });
    } catch (error) {
      return error as Error;
    }
    return undefined;
  }
  private leftBehind: number | undefined;

  /** Another line to the other host, on which this was said. */
  private async again(type: number, token: string): Promise<Line> {
    const line = new Line(await this.parts.neighbours.connect(this.to, 'migrate'), this.to);
    try {
      await answer(line, MESSAGE.READY);
      await say(line, type, token);
      return line;
    } catch (error) {
      line.close();
      throw error;
    }
  }

  /** Undefined: it is the other host's. @throws Error with a sentence: nobody knows */
  private async given(line: Line, acknowledged: Promise<void>): Promise<Error | undefined> {
    let problem: Error | undefined;
    try {
      await acknowledged;
      await say(line, MESSAGE.GO, encodeGo());
      problem = this.startFailure(await answer(line, MESSAGE.RESULT));
      this.runsThereMs = this.nowMs();
      // Nothing is left there once the permission comes back.
      if (problem) await answer(line, MESSAGE.GO);
      return problem;
    } catch (error) {
      // It may have refused before it heard the permission, and hung up.
      const why = await whyFailed(error, NEVER, line);
      if (why instanceof Refused) return new Error(`${why.message}\n${RESUMING}`);
      return this.whose(problem ?? why);
    }
  }

  /** Of RESULT; undefined: it has started. */
  private startFailure([status, ...why]: Uint8Array): Error | undefined {
    if (status === 0) return undefined;
    return new Error(
      `${textOf(Uint8Array.from(why))}\nmigration sender: Target reports startup failure (status code ${status}).\nmigration sender: Trying to resume at our end.\nResumed OK.\nMigration failed due to problems at target.`,
    );
  }

  /** The link broke behind the permission. */
  private async whose(why: Error): Promise<Error | undefined> {
    for (let asks = 0; asks < ASKS; asks++) {
      const isThere = await this.ask().catch(() => undefined);
      if (isThere !== undefined) return isThere ? undefined : new Error(`${why.message}\n${RESUMING}`);
      await new Promise<void>(resolve => this.parts.host.clock.later(ASK_MS, resolve));
    }
    throw new Error(
      `${why.message}\n** Migration failed during final handshake **\nDomain state is now undefined !\nPlease CHECK AT BOTH ENDS for running instances, before renaming and\n resuming at most one instance.  Two simultaneous instances of the domain\n would probably result in SEVERE DATA LOSS and it is now your\n responsibility to avoid that.  Sorry.\nWhere ${this.to} is gone permanently: xl unpause ${migratedAwayName(this.name)}.`,
    );
  }

  /** The other host knows whether it runs there, and will not have it run any more where it does not. */
  private async ask(): Promise<boolean> {
    const line = await this.again(MESSAGE.WHOSE, this.token);
    try {
      const [isThere] = await answer(line, MESSAGE.OWNER);
      return isThere === 1;
    } finally {
      line.close();
    }
  }

  /** In xl's words; of a job that was aborted, in libvirt's. */
  private failure(why: Error): Error {
    return this.job.signal.aborted ? (this.job.signal.reason as Error) : sendFailure(why);
  }
}
