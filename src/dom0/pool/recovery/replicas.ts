/** What a host keeps of guests of others: it takes their checkpoints, and starts a guest from one of them. */
import { arrivals } from '../../toolstack/index.ts';
import { kindOf } from '../../toolstack/kinds/index.ts';
import { joined } from '../../../formats/bytes/index.ts';
import { readStateAsItComes, type SavedHead, type SavedPages } from '../../../hypervisor/index.ts';
import type { ByteChannel } from '../../host/nbd/index.ts';
import type { CommandHost, Guest } from '../../toolstack/index.ts';
import { Line } from '../migration/line.ts';
import { hear, say, textOf } from '../migration/messages.ts';
import { CHECKPOINT, type Kept, MOST_MESSAGE_BYTES, readHead, readKept } from './checkpoint-messages.ts';
import { type Point, Replica } from './replica.ts';

/** Of what is kept, and on its way, of all guests; and how many guests. */
const MOST = { bytes: 2 ** 30, guests: 256 };
/** A piece takes more than its bytes. */
const PIECE_BYTES = 256;

/** A host as others have it that keeps their checkpoints. */
export class Replicas {
  private readonly host: CommandHost;
  private readonly ownerOf: (uuid: string) => string | undefined;
  private readonly most: typeof MOST;
  /** Each has a checkpoint. */
  private readonly all = new Map<string, Replica>();
  private readonly incoming = new Set<Incoming>();
  /** The line to the host of a guest broke that is to go on by itself then. */
  onLost: (uuid: string, replica: Replica, from: string) => void = () => {};

  /** `ownerOf`: the host that a guest is by its lease; undefined: nobody has said yet. */
  constructor(host: CommandHost, ownerOf: (uuid: string) => string | undefined = () => undefined, most = MOST) {
    this.host = host;
    this.ownerOf = ownerOf;
    this.most = most;
  }

  /** By the guests' UUIDs. */
  get list(): ReadonlyMap<string, Replica> {
    return this.all;
  }

  /** By a guest's name or UUID; undefined: nothing is kept of it. @throws Error with a sentence: several have the name */
  find(word: string): [uuid: string, replica: Replica] | undefined {
    const replica = this.all.get(word);
    if (replica) return [word, replica];
    const named = [...this.all].filter(([, { name }]) => name === word);
    if (named.length > 1)
      throw new Error(
        `${named.length} guests of which snapshots are kept here are called ${word}. Name one by its UUID: ${named.map(([uuid]) => uuid).join(', ')}.`,
      );
    return named[0];
  }

  /** A connection that a host has made which has checkpoints to keep. Resolves at its end. */
  async serve(channel: ByteChannel, from: string): Promise<void> {
    const line = new Line(channel, from);
    let incoming: Incoming | undefined,
      isStopped = false;
    try {
      const { type, body } = await hear(line, MOST_MESSAGE_BYTES);
      if (type !== CHECKPOINT.OF) throw new Error(`${from} begins with message ${type}.`);
      const kept = readKept(body);
      this.judgeSender(kept, from);
      this.replicaOf(kept, from);
      incoming = new Incoming(line, from, kept, {
        replica: () => {
          // It may have been on its way while another host went on with the guest.
          this.judgeOwner(kept, from);
          return this.replicaOf(kept, from);
        },
        counts: replica => void this.all.set(kept.uuid, replica),
        judge: () => this.judgeBytes(),
      });
      this.incoming.add(incoming);
      await say(line, CHECKPOINT.READY);
      while (await incoming.take());
      isStopped = true;
    } catch (error) {
      await say(line, CHECKPOINT.REFUSED, (error as Error).message).catch(() => {});
    } finally {
      line.close();
      if (incoming) this.ended(incoming, isStopped);
    }
  }

  /** There come no more, since there is no use for them, or the line broke. */
  private ended(incoming: Incoming, isStopped: boolean): void {
    const { from, kept } = incoming;
    this.incoming.delete(incoming);
    const replica = this.all.get(kept.uuid);
    if (!replica || replica.epoch !== kept.epoch) return;
    const isRemus = replica.epoch !== undefined;
    if (isStopped && isRemus) this.all.delete(kept.uuid);
    else if (isStopped) replica.isOver = true;
    else if (isRemus) this.onLost(kept.uuid, replica, from);
  }

  /** It is not kept any more. */
  forget(uuid: string, replica: Replica): void {
    if (this.all.get(uuid) === replica) this.all.delete(uuid);
  }

  /** Points of a guest's memory rest on each other: one host sends them. @throws Error with a sentence: another does, or the guest is another's */
  private judgeSender({ uuid, name, epoch }: Kept, from: string): void {
    const owner = this.judgeOwner({ uuid, name }, from);
    // Of one that is to go on by itself it must be known.
    if (epoch !== undefined && owner === undefined)
      throw new Error(`Whose ${name} is has not come here yet. Try again.`);
    const other = [...this.incoming].find(each => each.kept.uuid === uuid);
    if (other && other.from !== from) throw new Error(`${other.from} sends checkpoints of ${name} already.`);
    const before = this.all.get(uuid);
    if (owner === undefined && before !== undefined && before.from !== from)
      throw new Error(
        `What is kept of ${name} came from ${before.from}. Whose it is now has not come here yet. Try again.`,
      );
    // Its own previous line, whose end has not come yet.
    other?.close();
  }

  /** @throws Error with a sentence: the guest is another host's */
  private judgeOwner({ uuid, name }: Pick<Kept, 'uuid' | 'name'>, from: string): string | undefined {
    const owner = this.ownerOf(uuid);
    if (owner !== undefined && owner !== from) throw new Error(`${name} is a guest of ${owner}.`);
    return owner;
  }

  /** A new one is kept once it has a checkpoint. @throws Error with a sentence: it is of one guest too many */
  private replicaOf({ uuid, name, epoch }: Kept, from: string): Replica {
    const before = this.all.get(uuid);
    const replica = before?.epoch === epoch ? before : undefined;
    if (!before) while (this.all.size >= this.most.guests && this.makeRoom());
    if (!before && this.all.size >= this.most.guests)
      throw new Error(`This host keeps checkpoints of as many guests as it takes: ${this.most.guests}.`);
    if (replica) replica.from = from;
    return replica ?? new Replica(name, from, epoch);
  }

  /** @throws Error with a sentence */
  private judgeBytes(): void {
    const { bytes: most } = this.most;
    const bytes = (): number => [...this.all.values(), ...this.incoming].reduce((sum, each) => sum + each.bytes, 0);
    while (bytes() > most)
      if (!this.makeRoom())
        throw new Error(`This host keeps ${most >> 20} MiB of checkpoints, and has no room for more.`);
  }

  /** What is kept of a guest that has ended, or went to another host, gives way. False: there is none. */
  private makeRoom(): boolean {
    const [uuid] = [...this.all].find(([, { isOver }]) => isOver) ?? [];
    return uuid !== undefined && this.all.delete(uuid);
  }

  /** A guest as it was at one of its checkpoints (`atMs`: at the last that is not later). @throws Error with a sentence: nothing is left of it */
  async restore(uuid: string, atMs?: number): Promise<{ guest: Guest; point: Point }> {
    const replica = this.all.get(uuid);
    const point = replica?.at(atMs);
    if (!replica || !point)
      throw new Error(
        `Nothing is kept here of ${replica?.name ?? uuid}${atMs === undefined ? '' : ' from before that time'}.`,
      );
    const { Receiving } = await arrivals.load();
    const { name } = replica;
    const receiving = await Receiving.begin(this.host, point.head, { name, toolstack: point.devices });
    try {
      for (const pages of replica.pagesOf(point)) await receiving.pages(pages);
      const guest = await receiving.finish({ ...point.state });
      await receiving.whole();
      receiving.start(guest, false);
      // It is kept no further, and gives way.
      replica.isOver = true;
      guest.why.running = 'restored';
      return { guest, point };
    } catch (error) {
      await receiving.refuse((error as Error).message);
      throw error;
    }
  }
}

/** What is kept of the guest, and of all. */
interface IncomingParts {
  replica(): Replica;
  /** It has a checkpoint. */
  counts(replica: Replica): void;
  /** @throws Error with a sentence: it is too much */
  judge(): void;
}

/** Checkpoints of one guest, as they come. */
class Incoming {
  private readonly line: Line;
  /** The host that sends them. */
  readonly from: string;
  readonly kept: Kept;
  private readonly parts: IncomingParts;
  /** All but the pages of the checkpoint before. */
  private before = new Uint8Array();
  /** Of the checkpoint that comes. */
  private comeBytes = 0;
  private isWhole = true;

  constructor(line: Line, from: string, kept: Kept, parts: IncomingParts) {
    this.line = line;
    this.from = from;
    this.kept = kept;
    this.parts = parts;
  }

  get bytes(): number {
    return this.before.length + this.comeBytes;
  }

  close(): void {
    this.line.close();
  }

  /** The next one; false: there come no more. @throws Error with a sentence: nothing of it counts */
  async take(): Promise<boolean> {
    const { line, kept, parts } = this;
    const { type } = await hear(line, MOST_MESSAGE_BYTES);
    if (type === CHECKPOINT.STOP) return false;
    if (type !== CHECKPOINT.BEGIN) throw new Error(`The other host sends message ${type} in place of a checkpoint.`);
    const { pages, rest, last } = await this.pieces();
    const about = readHead(last);
    const { head, saved, state } = await judged(
      [rest.subarray(0, about.pagesAt), ...pages, rest.subarray(about.pagesAt)],
      kept.name,
    );
    if (line.isOver) throw new Error('The other host sends them on another line.');
    // Frames of a paravirtual guest are all in each state.
    const isWhole = this.isWhole || kindOf(head.about).reach === 'machine';
    const replica = parts.replica();
    replica.add({ ...about, head, state, bytes: rest.length + last.length }, saved, isWhole, kept.keep);
    parts.counts(replica);
    this.isWhole = false;
    this.before = rest;
    this.comeBytes = 0;
    await say(line, CHECKPOINT.ACKNOWLEDGED);
    return true;
  }

  private async pieces(): Promise<{ pages: Uint8Array[]; rest: Uint8Array<ArrayBuffer>; last: Uint8Array }> {
    const pages: Uint8Array[] = [],
      rest: Uint8Array[] = [];
    const holds = (piece: Uint8Array, list: Uint8Array[]): void => {
      this.comeBytes += PIECE_BYTES + piece.length;
      this.parts.judge();
      list.push(piece);
    };
    for (;;) {
      const { type, body } = await hear(this.line, MOST_MESSAGE_BYTES);
      if (type === CHECKPOINT.PAGES) holds(body, pages);
      else if (type === CHECKPOINT.BYTES) holds(body, rest);
      else if (type === CHECKPOINT.AGAIN) holds(this.again(body), rest);
      else if (type === CHECKPOINT.END) return { pages, rest: joined(rest), last: body };
      else
        throw new Error(
          `The other host sends message ${type} in a checkpoint${type === CHECKPOINT.REFUSED ? `: ${textOf(body)}` : ''}.`,
        );
    }
  }

  private again(body: Uint8Array): Uint8Array {
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    const [from, bytes] = body.length === 8 ? [view.getUint32(0, true), view.getUint32(4, true)] : [0, Infinity];
    if (from + bytes > this.before.length) throw new Error('The other host names bytes that were not there before.');
    return this.before.subarray(from, from + bytes);
  }
}

/** Gives the next bytes of what lies in pieces, a copy each time: as many as are asked for, or fewer at the end. */
function readerOf(pieces: readonly Uint8Array[]): (bytes: number) => Uint8Array {
  let left = pieces.reduce((sum, { length }) => sum + length, 0),
    piece = 0,
    at = 0;
  return wanted => {
    const bytes = new Uint8Array(Math.min(wanted, left));
    for (let done = 0; done < bytes.length; ) {
      const part = pieces[piece]!.subarray(at, at + bytes.length - done);
      bytes.set(part, done);
      done += part.length;
      at += part.length;
      if (at < pieces[piece]!.length) continue;
      piece++;
      at = 0;
    }
    left -= bytes.length;
    return bytes;
  };
}

/** A state in pieces, as the reader of saved states judges it. @throws SavedStateError, with a sentence */
async function judged(
  pieces: readonly Uint8Array[],
  name: string,
): Promise<{ head: SavedHead; saved: SavedPages[]; state: Point['state'] }> {
  const next = readerOf(pieces);
  const saved: SavedPages[] = [];
  let head: SavedHead | undefined;
  const state = await readStateAsItComes(async bytes => next(bytes), name, {
    begins: begun => void (head = begun),
    pages: some => void saved.push(some),
  });
  return { head: head!, saved, state };
}
