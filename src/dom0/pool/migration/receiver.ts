/**
 * The end of a migration where the domain arrives: it is judged and built from the stream's head, its memory goes where it belongs as it comes, and it runs once
 * it is this host's. Source: migrate_receive() in tools/xl/xl_migrate.c of Xen 4.17.
 */
import { arrivals } from '../../toolstack/index.ts';
import { readState, readStateAsItComes, type SavedState } from '../../../hypervisor/index.ts';
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import { type ByteChannel, type NbdExport, serveNbd } from '../../host/nbd/index.ts';
import {
  type CommandHost,
  type Guest,
  type IncomingDisks,
  incomingName,
  type Receiving,
  commandOf,
} from '../../toolstack/index.ts';
import type { Ownership } from '../ownership.ts';
import { dropImages, takeImages } from './images.ts';
import { Line } from './line.ts';
import { ComingFrames, lacksNothing } from './postcopy.ts';
import {
  hear,
  MESSAGE,
  MOST_BODY_BYTES,
  MOST_REHEARSAL_BYTES,
  nextHeader,
  type Offer,
  PROTOCOL,
  readGo,
  readOffer,
  say,
  TEXT,
  textOf,
} from './messages.ts';

/** How many past moves are remembered, in case a host asks. */
const MOST_KNOWN = 1000;
const dropNothing = (): void => {};

/** What became of a domain that was to come; `drop`: it will not be this host's, whatever comes yet. Once that is known, nothing here has the domain. */
interface Move {
  as: 'coming' | 'here' | 'refused';
  from?: string;
  drop(why: Error): void;
  /** It runs before all of its memory is here, which comes by this. */
  frames?: ComingFrames | undefined;
  /** Where what comes of its disks is written. */
  disk?(number: number): BlockDevice | undefined;
}

/** What the other host asks for between two pieces of a stream. */
interface Between {
  /** Resolves when all before is in place. */
  place(): Promise<void>;
  /** @throws Error with a sentence: the guest could not go on here */
  rehearse(state: Uint8Array): Promise<void>;
  /** @throws Error with a sentence: the guest has no such drive */
  blocks(record: Uint8Array): void;
}

/** The bytes of a stream that comes in messages. */
class StreamReader {
  private readonly line: Line;
  private readonly between: Between;
  private left = 0;

  constructor(line: Line, between: Between) {
    this.line = line;
    this.between = between;
  }

  /** @throws Error with a sentence: the line ended, or something else came */
  async read(count: number): Promise<Uint8Array> {
    if (count === 0) return new Uint8Array();
    let whole: Uint8Array | undefined;
    for (let at = 0; at < count; ) {
      while (this.left === 0) {
        const { type, bytes } = await nextHeader(this.line);
        if (type === MESSAGE.PLACE && bytes === 0) {
          await this.between.place();
          continue;
        }
        if (type === MESSAGE.REHEARSE && bytes <= MOST_REHEARSAL_BYTES) {
          await this.between.rehearse(await this.line.read(bytes));
          continue;
        }
        if (type === MESSAGE.BLOCKS && bytes <= MOST_BODY_BYTES) {
          this.between.blocks(await this.line.read(bytes));
          continue;
        }
        if (type !== MESSAGE.STREAM) throw new Error(`The other host sends message ${type} in the middle of a stream.`);
        this.left = bytes;
      }
      const some = await this.line.read(Math.min(this.left, count - at));
      this.left -= some.length;
      if (some.length === count) return some;
      whole ??= new Uint8Array(count);
      whole.set(some, at);
      at += some.length;
    }
    return whole!;
  }
}

/** Whose guests are, by somebody who can tell though the two hosts have lost each other (Ownership of ../ownership.ts). */
export type Receipt = Pick<Ownership, 'receive' | 'isStill' | 'begun' | 'decline'>;

export interface ReceiverParts {
  host: CommandHost;
  /** Absent: the host that a domain leaves says whose it is. */
  ownership?: Receipt;
  /** Domains move within the host. */
  isFromHere?: boolean;
}

/** All that comes to a host. */
export class Receiver {
  private readonly parts: ReceiverParts;
  private readonly moves = new Map<string, Move>();

  constructor(parts: ReceiverParts) {
    this.parts = parts;
  }

  /** A connection that another host has made. Resolves at its end, whatever that is. */
  async serve(channel: ByteChannel, from: string): Promise<void> {
    const line = new Line(channel, from);
    try {
      await say(line, MESSAGE.READY, `${TEXT.READY}${PROTOCOL}`);
      const { type, body } = await hear(line);
      if (type === MESSAGE.WHOSE) await this.tellWhose(line, textOf(body));
      else if (type === MESSAGE.RECOVER) await this.recover(line, textOf(body));
      else if (type === MESSAGE.OFFER) await this.take(line, from, body);
      else throw new Error(`${from} begins with message ${type}.`);
    } catch (error) {
      await say(line, MESSAGE.REFUSED, (error as Error).message).catch(() => {});
    } finally {
      line.close();
    }
  }

  /** The caller has lost the link: what has not begun to run here will not. */
  private async tellWhose(line: Line, token: string): Promise<void> {
    const move = this.moves.get(token);
    if (!move) this.remember(token, { as: 'refused', drop: dropNothing });
    move?.drop(new Error('The other host has lost the link, and keeps it.'));
    await say(line, MESSAGE.OWNER, Uint8Array.of(move?.as === 'here' ? 1 : 0));
  }

  /** The link broke while memory came: more of it comes by this one. */
  private async recover(line: Line, token: string): Promise<void> {
    const move = this.moves.get(token);
    if (move?.as !== 'here') throw new Error('Nothing here waits for the rest of it any more.');
    await (move.frames ? move.frames.takeFrom(line) : lacksNothing(line));
  }

  /** A connection for a disk of a domain that is coming, named by the move and the disk's number. */
  serveDisks(channel: ByteChannel, from: string): void {
    const find = (name: string): NbdExport | string => {
      const [, token = '', number] = /^(.*) (\d+)$/.exec(name) ?? [];
      const move = this.moves.get(token);
      const device = move?.from === from ? move.disk?.(Number(number)) : undefined;
      return device ? { device, readOnly: false, close: () => {} } : `No disk ‘${name}’ comes from ${from}.`;
    };
    serveNbd(channel, { names: () => [], open: find, look: find });
  }

  private remember(token: string, move: Move): void {
    this.moves.set(token, move);
    for (const [known, { as }] of this.moves) {
      if (this.moves.size <= MOST_KNOWN) break;
      if (as !== 'coming') this.moves.delete(known);
    }
  }

  /** @throws Error with a sentence: it does not come, and nothing of it is left */
  private async take(line: Line, from: string, body: Uint8Array): Promise<void> {
    const offer = readOffer(body);
    const { name, token } = offer;
    const { host, ownership, isFromHere = false } = this.parts;
    if (offer.postcopy && !host.toolstack.runners.elsewhere)
      throw new Error(
        `unsupported configuration: guests of this host share one thread, which cannot wait for memory. Migrate ${name} without --postcopy.`,
      );
    if (this.moves.has(token)) throw new Error(`${name} has come already, or was refused.`);
    await host.tasks.run(commandOf('migrate-receive', name, { from }), async task =>
      // Within a host it has a job already: it goes.
      host.toolstack.jobs.run(isFromHere ? incomingName(name) : name, 'Incoming migration', async job => {
        const arrival = new Arrival({ host, ownership, line, from, offer, isFromHere });
        const move: Move = {
          as: 'coming',
          from,
          drop: why => arrival.drop(why),
          disk: number => arrival.disk(number),
        };
        this.remember(token, move);
        // It can be cancelled here or there.
        job.signal.addEventListener('abort', () => arrival.drop(job.signal.reason as Error));
        void line.ended.then(why => arrival.drop(why));
        try {
          const guest = await arrival.isOurs(await arrival.whole());
          // From here on nobody can take it back.
          await arrival.start(
            guest,
            () => (move.frames = offer.postcopy ? ComingFrames.of(host, guest) : undefined),
            () => {
              move.as = 'here';
              task.message = `It runs here as domain ${guest.record.id}.`;
            },
          );
          await arrival.keep(guest).catch((error: Error) => {
            task.message = `${task.message} It could not be defined: ${error.message}`;
          });
        } catch (error) {
          move.as = 'refused';
          throw error;
        } finally {
          move.drop = dropNothing;
          delete move.disk;
        }
        if (move.frames) {
          await move.frames.all(job, line);
          move.frames = undefined;
        }
        // It was to go on without some of its memory, and what was left of that had to come before.
        else if (offer.postcopy) await lacksNothing(line).catch(() => {});
      }),
    );
  }
}

/** `epoch`: of the lease that its sender has; absent: its sender has given it. */
interface Whole {
  guest: Guest;
  epoch: number | undefined;
}

interface ArrivalParts {
  host: CommandHost;
  ownership: Receipt | undefined;
  line: Line;
  from: string;
  offer: Offer;
  isFromHere: boolean;
}

const noLease = ({ uuid }: Guest, from: string): string =>
  `The lease of ${uuid} is not this host's: it is not the guest that has come from ${from}.`;

/** One domain on its way here. */
class Arrival {
  private readonly parts: ArrivalParts;
  private beginning: Promise<Receiving> | undefined;
  private receiving: Receiving | undefined;
  private preparing: Promise<IncomingDisks> | undefined;
  private takingImages: Promise<string[]> | undefined;
  private disks: IncomingDisks | undefined;
  private dropped: Error | undefined;
  private tellDropped = (_why: Error): void => {};
  private readonly whenDropped: Promise<never>;

  constructor(parts: ArrivalParts) {
    this.parts = parts;
    this.whenDropped = new Promise((_resolve, reject) => (this.tellDropped = reject));
    this.whenDropped.catch(() => {});
  }

  /** It does not come, where it has not begun to run yet. */
  drop(why: Error): void {
    this.dropped ??= why;
    this.tellDropped(why);
  }

  /** All of it has come, and is this host's, or will be by a lease. @throws Error with a sentence: nothing of it is left */
  async whole(): Promise<Whole> {
    const { line } = this.parts;
    try {
      return await Promise.race([this.comes(), this.whenDropped]);
    } catch (error) {
      // What goes on meanwhile finds it so.
      this.dropped ??= error as Error;
      await this.clear(this.dropped.message);
      if (!line.isOver) await say(line, MESSAGE.REFUSED, this.dropped.message).catch(() => {});
      throw this.dropped;
    }
  }

  /** From now on a lease alone says whose it is, whatever becomes of the line. @throws Error with a sentence: it is not this host's, and nothing of it is left */
  async isOurs({ guest, epoch }: Whole): Promise<Guest> {
    const { host, ownership, from, line } = this.parts;
    if (!ownership || epoch === undefined) return guest;
    const isOurs = ownership.receive(guest, from, epoch);
    // Not before both words are on their way, of which one may have to be sealed next to this thread.
    void line.left().then(() => host.clock.soon(() => void this.receiving!.whole().catch(() => {})));
    if (await isOurs) return guest;
    const why = new Error(noLease(guest, from));
    await this.clear(why.message);
    await say(line, MESSAGE.REFUSED, why.message).catch(() => {});
    throw why;
  }

  /** Nothing of it stays: what is under way comes to its end first. */
  private async clear(why: string): Promise<void> {
    await this.beginning?.catch(() => {});
    await this.receiving?.refuse(why);
    await (await this.preparing?.catch(() => undefined))?.refuse();
    await dropImages(this.parts.host, (await this.takingImages?.catch(() => [])) ?? []);
  }

  disk(number: number): BlockDevice | undefined {
    return this.disks?.device(number);
  }

  /** Has room for its disks. */
  private async prepare(): Promise<void> {
    const { host, line, offer } = this.parts;
    if (offer.sendsImages) {
      this.takingImages = takeImages(host, line, offer.images);
      await this.takingImages;
      this.mayGoOn();
    }
    if (offer.copies.length === 0) return;
    const { IncomingDisks } = await arrivals.load();
    this.mayGoOn();
    this.preparing = IncomingDisks.prepare(host, incomingName(offer.name), offer.copies);
    this.disks = await this.preparing;
    this.mayGoOn();
    await say(line, MESSAGE.PREPARED);
  }

  private mayGoOn(): void {
    if (this.dropped) throw this.dropped;
  }

  /** It is defined here from now on. What cannot be is said, and the domain goes on. */
  async keep(guest: Guest): Promise<void> {
    const { host, offer } = this.parts;
    const { keptText } = await arrivals.load();
    const text = await keptText(host, offer, guest.uuid);
    if (text !== undefined) await host.managed!.define(await host.managed!.pathOf(offer.name), text);
  }

  private async comes(): Promise<Whole> {
    const { host, line, offer, from, isFromHere, ownership } = this.parts;
    const { keptText, Receiving } = await arrivals.load();
    await keptText(host, offer);
    await this.prepare();
    const { disks } = this;
    let rehearsed: SavedState | undefined;
    const stream = new StreamReader(line, {
      place: async () => {
        await this.receiving?.placed();
        await say(line, MESSAGE.PLACED);
      },
      rehearse: async state => {
        if (!this.receiving) throw new Error(`${from} sends a state of a guest before the guest.`);
        rehearsed = readState(state, offer.name, rehearsed);
        await this.receiving.rehearse(rehearsed);
      },
      blocks: record => {
        if (!this.receiving) throw new Error(`${from} sends what a guest has written before the guest.`);
        this.receiving.blocks(record);
      },
    });
    const state = await readStateAsItComes(count => stream.read(count), offer.name, {
      begins: async head => {
        if (offer.definition !== undefined) head.about.definition = offer.definition;
        this.mayGoOn();
        this.beginning = Receiving.begin(host, head, { ...offer, isFromHere, disks });
        this.receiving = await this.beginning;
        this.mayGoOn();
        await say(line, MESSAGE.ACCEPTED);
      },
      // Each record was read into memory of its own: a copy more of all that a guest has would have an engine collect garbage while it is paused.
      pages: pages => this.receiving?.pages(pages, true),
      rehearsed: () => rehearsed,
    });
    const guest = await this.receiving!.finish(state);
    await say(line, MESSAGE.RECEIVED, TEXT.RECEIVED);
    // With a lease both hosts have something to say to each other first, and it gets its other ends meanwhile.
    const whole = ownership ? undefined : this.receiving!.whole();
    whole?.catch(() => {});
    const { type, body } = await hear(line);
    if (type !== MESSAGE.GO) throw new Error(`${from} sends message ${type} in place of its permission.`);
    const epoch = readGo(body);
    if ((epoch === undefined) !== (ownership === undefined))
      throw new Error(
        `Have both hosts be in one pool: ${epoch === undefined ? 'here' : `on ${from}`} a lease says whose a guest is.`,
      );
    await whole;
    this.mayGoOn();
    return { guest, epoch };
  }

  /** `begins` is called, it runs, and `runs` is called, all at once. @throws Error with a sentence: it does not, and the other host has it back */
  async start(guest: Guest, begins: () => void, runs: () => void): Promise<void> {
    const { host, ownership, from, line, offer } = this.parts;
    try {
      if (ownership) {
        await this.receiving!.whole();
        // The lease may have run out while it got its other ends.
        if (!(await ownership.isStill(guest.uuid))) throw new Error(noLease(guest, from));
      }
      if (guest.ending || host.toolstack.members.get(guest.record.id) !== guest)
        throw new Error(`${guest.name} has ended here, and did not run.`);
      begins();
      this.receiving!.start(guest, offer.paused);
    } catch (error) {
      const { message } = error as Error;
      await say(line, MESSAGE.RESULT, Uint8Array.of(1, ...new TextEncoder().encode(message))).catch(() => {});
      await this.clear(message);
      ownership?.decline(guest.uuid);
      await say(line, MESSAGE.GO, TEXT.GO).catch(() => {});
      throw error;
    }
    runs();
    ownership?.begun(guest.uuid);
    // Where nobody hears it any more it runs all the same.
    await say(line, MESSAGE.RESULT, Uint8Array.of(0)).catch(() => {});
    this.disks?.tidy();
  }
}
