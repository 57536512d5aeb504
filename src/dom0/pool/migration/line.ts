/** One end of a channel between two hosts, for who waits for its bytes: little lies on either side of it, however fast the other end is. */
import type { ByteChannel } from '../../host/nbd/index.ts';
import { OwnPieces } from '../own-pieces.ts';

/** Bytes that have come and nobody has asked for, and bytes that have not left: above these nothing more is taken, or sent. */
const MOST_HELD_BYTES = 8 * 1024 * 1024,
  MOST_WAITING_BYTES = 4 * 1024 * 1024;

export class Line {
  private readonly channel: ByteChannel;
  private readonly held = new OwnPieces();
  /** Who waits for this many bytes. */
  private wanted = 0;
  private whenThere = (): void => {};
  private whenDrained = (): void => {};
  private isPaused = false;
  /** The sentence that every caller gets from then on. */
  private over: Error | undefined;
  /** Resolves once the channel has ended, with why. */
  readonly ended: Promise<Error>;
  private tellEnd = (_why: Error): void => {};
  sentBytes = 0;

  /** `other`: the host at the other end. */
  constructor(channel: ByteChannel, other: string) {
    this.channel = channel;
    this.ended = new Promise(resolve => (this.tellEnd = resolve));
    channel.onDrained(() => this.whenDrained());
    channel.listen(
      bytes => {
        this.held.push(bytes);
        this.pace();
        if (this.held.bytes >= this.wanted) this.whenThere();
      },
      why => this.end(new Error(why === undefined ? `${other} has hung up.` : `The link to ${other} broke: ${why}`)),
    );
  }

  private end(why: Error): void {
    if (this.over) return;
    this.over = why;
    this.tellEnd(why);
    this.whenThere();
    this.whenDrained();
  }

  get isOver(): boolean {
    return this.over !== undefined;
  }

  /** The bytes are the line's from then on, and with the last ones of a buffer all of that. Resolves when there is room for more. @throws Error with a sentence: it has ended */
  async send(bytes: Uint8Array): Promise<void> {
    if (this.over) throw this.over;
    this.channel.send(bytes, true);
    this.sentBytes += bytes.length;
    while (!this.over && this.channel.waitingBytes > MOST_WAITING_BYTES)
      await new Promise<void>(resolve => (this.whenDrained = resolve));
    if (this.over) throw this.over;
  }

  /** Resolves once what was sent is on its way. */
  async left(): Promise<void> {
    await this.channel.left?.();
  }

  /** This many bytes: one asks at a time. @throws Error with a sentence: it ended before they came */
  async read(count: number): Promise<Uint8Array<ArrayBuffer>> {
    this.wanted = count;
    this.pace();
    while (this.held.bytes < count) {
      if (this.over) throw this.over;
      await new Promise<void>(resolve => (this.whenThere = resolve));
    }
    this.wanted = 0;
    // Pages are looked at by words: they lie where words may.
    const bytes = this.held.fill(new Uint8Array(count));
    this.pace();
    return bytes;
  }

  /** Who wants much gets it, and nobody else has much lie here. */
  private pace(): void {
    const isFull = this.held.bytes > Math.max(MOST_HELD_BYTES, this.wanted);
    if (isFull === this.isPaused || this.over) return;
    this.isPaused = isFull;
    if (isFull) this.channel.pause();
    else this.channel.resume();
  }

  /** What was sent still goes. */
  close(): void {
    this.channel.close();
    this.end(new Error('The connection was closed here.'));
  }
}
