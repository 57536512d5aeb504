/** A guest's host sends checkpoints of it to another: each represents a moment, has what changed since the one before, and counts once it is acknowledged. */
import { joined } from '../../../formats/bytes/index.ts';
import type { ByteChannel } from '../../host/nbd/index.ts';
import type { CommandHost, Guest } from '../../toolstack/index.ts';
import type { Neighbours } from '../neighbours.ts';
import { Line } from '../migration/line.ts';
import { answer, say, whyFailed } from '../migration/messages.ts';
import { CHECKPOINT, encodeHead, encodeKept, type Kept } from './checkpoint-messages.ts';
import { Delta } from './delta.ts';

export interface CheckpointingParts {
  host: CommandHost;
  neighbours: Pick<Neighbours, 'connect'>;
}

/** What one checkpoint came to. */
export interface Checkpoint {
  /** When the guest was paused for it, milliseconds since 1970. */
  atMs: number;
  bytes: number;
  pages: number;
}

/** PAGE_DATA of libxc, and how its body begins: a count. */
const PAGE_DATA = 1,
  RECORD_HEADER_BYTES = 8;
/** So much of the rest goes in one message. */
const MOST_BYTES = 2 ** 20;

/** A domain header begins with 1, too, where the guest is paravirtual; it has no length behind that. */
function isPages(piece: Uint8Array): boolean {
  if (piece.length <= RECORD_HEADER_BYTES) return false;
  const view = new DataView(piece.buffer, piece.byteOffset);
  const padded = (view.getUint32(4, true) + 7) & ~7;
  return view.getUint32(0, true) === PAGE_DATA && padded + RECORD_HEADER_BYTES === piece.length;
}

/** Whose checkpoints go somewhere: what is written since the last one is known of one line alone (Saver). */
const going = new WeakMap<Guest, string>();

export class Checkpointing {
  readonly guest: Guest;
  private readonly parts: CheckpointingParts;
  private readonly line: Line;
  private readonly stop = new AbortController();
  /** Of the checkpoint before: all but its pages. */
  private before = new Uint8Array();

  private constructor(parts: CheckpointingParts, guest: Guest, line: Line) {
    this.parts = parts;
    this.guest = guest;
    this.line = line;
    void line.ended.then(why => this.stop.abort(why));
  }

  /** `keep`: how many of them; `epoch`: of the guest's lease (Kept). @throws Error with a sentence */
  static async open(
    parts: CheckpointingParts,
    guest: Guest,
    to: string,
    keep: number,
    epoch?: number,
  ): Promise<Checkpointing> {
    const other = going.get(guest);
    if (other !== undefined) throw new Error(`Checkpoints of ${guest.name} go to ${other} already.`);
    going.set(guest, to);
    try {
      const channel: ByteChannel = await parts.neighbours.connect(to, 'checkpoints');
      const made = new Checkpointing(parts, guest, new Line(channel, to));
      await made.begin({ keep, ...(epoch === undefined ? {} : { epoch }) });
      return made;
    } catch (error) {
      going.delete(guest);
      throw error;
    }
  }

  /** @throws Error with a sentence: it is refused, or the line broke */
  private async begin(how: Pick<Kept, 'keep' | 'epoch'>): Promise<void> {
    const { guest, line } = this;
    try {
      await say(line, CHECKPOINT.OF, encodeKept({ uuid: guest.uuid, name: guest.name, ...how }));
      await answer(line, CHECKPOINT.READY, CHECKPOINT.REFUSED);
    } catch (error) {
      const failure = await whyFailed(error, this.stop.signal, line, CHECKPOINT.REFUSED);
      line.close();
      throw failure;
    }
    void line.ended.then(() => going.delete(guest));
  }

  /** @throws Error with a sentence: it was refused, or the line broke; there is no further one then. `paused`: called at its moment */
  async take(signal: AbortSignal, paused: () => void = () => {}): Promise<Checkpoint> {
    const { host } = this.parts;
    const { guest, line } = this;
    const begunBytes = line.sentBytes;
    let atMs = 0,
      pages = 0;
    const rest: Uint8Array[] = [];
    let restBytes = 0,
      pagesAt = 0;
    /** What is copied while the guest is paused goes after it goes on. */
    const held: Uint8Array[] = [];
    const send = async (piece: Uint8Array): Promise<void> => {
      pages += new DataView(piece.buffer, piece.byteOffset).getUint32(RECORD_HEADER_BYTES, true);
      await say(line, CHECKPOINT.PAGES, piece);
    };
    const sink = (piece: Uint8Array): void | Promise<void> => {
      if (!isPages(piece)) {
        rest.push(piece);
        restBytes += piece.length;
        return;
      }
      pagesAt = restBytes;
      if (atMs === 0) return send(piece);
      held.push(piece);
    };
    const abort = AbortSignal.any([signal, this.stop.signal]);
    try {
      abort.throwIfAborted();
      await say(line, CHECKPOINT.BEGIN);
      const { goOn } = await host.toolstack.hold(guest, abort, sink, {
        precopy: 'checkpoint',
        round: () => {},
        paused: () => {
          atMs = host.clock.epochMs();
          paused();
        },
      });
      const devices = await host.toolstack.describe(guest);
      goOn();
      for (const piece of held) await send(piece);
      await this.sendRest(rest);
      await say(line, CHECKPOINT.END, encodeHead({ atMs, devices, pagesAt }));
      await answer(line, CHECKPOINT.ACKNOWLEDGED, CHECKPOINT.REFUSED);
    } catch (error) {
      // The other host lacks what this one had: the next one is whole.
      await guest.runner.ask('copyAhead', 'off');
      const failure = await whyFailed(error, abort, line, CHECKPOINT.REFUSED);
      line.close();
      throw signal.aborted ? signal.reason : failure;
    }
    return { atMs, bytes: line.sentBytes - begunBytes, pages };
  }

  /** No more of them. */
  async end(): Promise<void> {
    await say(this.line, CHECKPOINT.STOP).catch(() => {});
    this.line.close();
    await this.guest.runner.ask('copyAhead', 'off');
  }

  private async sendRest(pieces: readonly Uint8Array[]): Promise<void> {
    const rest = joined(pieces);
    for (const part of new Delta(this.before).of(rest))
      if ('from' in part)
        await say(this.line, CHECKPOINT.AGAIN, new Uint8Array(Uint32Array.of(part.from, part.bytes).buffer));
      else
        for (let at = 0; at < part.length; at += MOST_BYTES)
          await say(this.line, CHECKPOINT.BYTES, part.subarray(at, at + MOST_BYTES));
    this.before = rest;
  }
}
