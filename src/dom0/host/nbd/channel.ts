/** Bytes both ways between two ends, in order: a socket's, or a channel of a pool's. And how one end of a protocol is written: as the text of a conversation. */

export interface ByteChannel {
  /** The bytes are the channel's from then on; `withBuffer`: and with the last ones of a buffer all of that. */
  send(bytes: Uint8Array, withBuffer?: boolean): void;
  /** Bytes that were sent and have not left. */
  readonly waitingBytes: number;
  /** Resolves once what was sent so far is on its way, as far as the other end lets it; absent: it is. */
  left?(): Promise<void>;
  /** Tells when few of them wait again. */
  onDrained(listener: () => void): void;
  /** Both are asked once, before anything comes; `bytes` are the listener's, and with the last ones of a buffer all of that. `why`: not as the other end wanted. */
  listen(bytes: (bytes: Uint8Array<ArrayBuffer>) => void, closed: (why?: string) => void): void;
  /** No more data is passed on until `resume`. */
  pause(): void;
  resume(): void;
  /** What was sent still goes. `why`: the other end gets it, where the link carries words (TCP does not). */
  close(why?: string): void;
  /** Ends at once: what was sent and has not left is thrown away, with what the system's socket has of it. Absent: as `close`. */
  reset?(): void;
}

/** This machine alone. */
export const LOOPBACK = '127.0.0.1';

export interface SocketAddress {
  host: string;
  port: number;
}

export interface Listening {
  /** Which one it is, where any was asked for (0). */
  readonly port: number;
  /** Nobody new is taken. */
  close(): void;
}

/** Channels by TCP, where there is a way to any: node has it, and a page has not. */
export interface Sockets {
  /** @throws Error with a sentence: nobody answers */
  connect(address: SocketAddress): Promise<ByteChannel>;
  /** @throws Error with a sentence: the port is taken, or not for us */
  listen(address: SocketAddress, accept: (channel: ByteChannel) => void): Promise<Listening>;
}

/**
 * One end of a protocol: it yields how many bytes it wants next, and is given them. It may throw, or end: the channel is closed then. A number of bytes that the
 * other end decides is checked before it is asked for, since this many are kept.
 */
export type Conversation = Generator<number, void, Uint8Array<ArrayBuffer>>;

/** Bytes that have come in pieces, and are taken in others. */
export class Pieces {
  private readonly pieces: Uint8Array<ArrayBuffer>[] = [];
  /** This many are here. */
  bytes = 0;

  push(piece: Uint8Array<ArrayBuffer>): void {
    this.pieces.push(piece);
    this.bytes += piece.length;
  }

  /** The first `count`, of as many as are here or fewer; a view where one piece has them all. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const [first] = this.pieces;
    return first && first.length >= count ? this.cut(count) : this.fill(new Uint8Array(count));
  }

  /** The same, as a copy, which has no offset in its buffer: `whole` filled with them. */
  fill(whole: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    for (let at = 0; at < whole.length; ) {
      const piece = this.cut(Math.min(whole.length - at, this.pieces[0].length));
      whole.set(piece, at);
      at += piece.length;
      this.copied(piece);
    }
    return whole;
  }

  /** All that was in it lies elsewhere, too. */
  protected copied(_piece: Uint8Array<ArrayBuffer>): void {}

  /** Of the first piece. */
  private cut(count: number): Uint8Array<ArrayBuffer> {
    const { pieces } = this;
    const [first] = pieces;
    this.bytes -= count;
    if (first.length === count) pieces.shift();
    else pieces[0] = first.subarray(count);
    return first.subarray(0, count);
  }

  clear(): void {
    this.pieces.length = 0;
    this.bytes = 0;
  }
}

/** Holds a conversation over a channel, which may rest: nothing is taken from the channel until then. */
export class Converser {
  private readonly channel: ByteChannel;
  private readonly conversation: Conversation;
  private readonly held = new Pieces();
  private wanted = 0;
  private resting = false;
  private ended = false;
  private readonly whenEnded: (why?: string) => void;

  /** `ended` is called once: the conversation or the channel has ended; `why`: the conversation threw, or the channel broke. */
  constructor(channel: ByteChannel, conversation: Conversation, ended: (why?: string) => void) {
    this.channel = channel;
    this.conversation = conversation;
    this.whenEnded = ended;
  }

  begin(): void {
    this.channel.listen(
      bytes => {
        if (this.ended) return;
        this.held.push(bytes);
        this.goOn();
      },
      why => this.end(why),
    );
    this.step(() => this.conversation.next());
  }

  rest(resting: boolean): void {
    if (resting === this.resting || this.ended) return;
    this.resting = resting;
    if (resting) return this.channel.pause();
    this.channel.resume();
    this.goOn();
  }

  private goOn(): void {
    while (!this.ended && !this.resting && this.held.bytes >= this.wanted) {
      const bytes = this.held.take(this.wanted);
      this.step(() => this.conversation.next(bytes));
    }
  }

  private step(next: () => IteratorResult<number, void>): void {
    try {
      const { done, value } = next();
      if (done) this.end();
      else this.wanted = value as number;
    } catch (error) {
      this.end((error as Error).message);
    }
  }

  end(why?: string): void {
    if (this.ended) return;
    this.ended = true;
    this.held.clear();
    this.channel.close();
    this.whenEnded(why);
  }
}
