/**
 * Many channels of bytes over one link, as HTTP/2 has streams (RFC 9113, 5.2): each may have a window of bytes on their way, which grows again when its listener
 * has taken them, so that one that is slow holds neither the others nor memory. A message is a type, a channel's number (of its opener's: odd or even) and what
 * follows.
 */
import { letGo } from '../../hypervisor/memory/index.ts';
import type { ByteChannel } from '../host/nbd/index.ts';
import { WholeBuffers } from './own-pieces.ts';

/** Of what was sent on a channel, so much may be where its listener has not taken it. */
export const WINDOW_BYTES = 1024 * 1024;
/** Bytes of one message, so that channels take turns. */
const PIECE_BYTES = 64 * 1024;
/** Of what a channel has to send, so few are few. */
const DRAINED_BYTES = 256 * 1024;
/** Bytes of all channels that a link is given before it has sent earlier ones. */
const LINK_BYTES = 512 * 1024;
const MOST_CHANNELS = 64,
  MOST_WORDS = 512;
const HEAD_BYTES = 5;

const TYPE = { note: 0, open: 1, accept: 2, refuse: 3, data: 4, credit: 5, end: 6 } as const;

export interface ChannelsParts {
  /** Numbers of channels that are opened here are odd. */
  isOdd: boolean;
  send(message: Uint8Array): void;
  /** Bytes that were given to `send` and have not left. */
  waitingBytes(): number;
  /** Resolves once they have. */
  left(): Promise<void>;
  /** The other end opens one; a sentence: it may not. */
  accept(service: string, channel: () => ByteChannel): string | undefined;
  /** What the other end says next to channels. */
  noted(bytes: Uint8Array<ArrayBuffer>): void;
  /** The other end does what it must not; a sentence. */
  violated(why: string): void;
}

class Violation extends Error {}

const words = (bytes: Uint8Array): string => new TextDecoder().decode(bytes.subarray(0, MOST_WORDS));

export class Channels {
  private readonly parts: ChannelsParts;
  private readonly open = new Map<number, Channel>();
  private readonly opening = new Map<number, { done(channel: ByteChannel): void; failed(error: Error): void }>();
  private nextNumber: number;
  /** The last one that the other end has opened. */
  private lastTheirs = 0;
  private ended: string | undefined;

  constructor(parts: ChannelsParts) {
    this.parts = parts;
    this.nextNumber = parts.isOdd ? 1 : 2;
  }

  /** @throws Error with a sentence: the other end does not take it, or is gone */
  connect(service: string): Promise<ByteChannel> {
    if (this.ended !== undefined) return Promise.reject(new Error(this.ended));
    const number = this.nextNumber;
    this.nextNumber += 2;
    return new Promise((done, failed) => {
      this.opening.set(number, { done, failed });
      this.say(TYPE.open, number, new TextEncoder().encode(service));
    });
  }

  note(bytes: Uint8Array): void {
    this.say(TYPE.note, 0, bytes);
  }

  /** A message of the other end's. */
  take(message: Uint8Array<ArrayBuffer>): void {
    if (this.ended !== undefined) return;
    try {
      this.read(message);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.parts.violated(error.message);
    }
  }

  /** @throws Violation */
  private read(message: Uint8Array<ArrayBuffer>): void {
    if (message.length < HEAD_BYTES) throw new Violation('sent a message without a head');
    const number = new DataView(message.buffer, message.byteOffset).getUint32(1, true);
    const rest = message.subarray(HEAD_BYTES);
    const type = message[0];
    if (type === TYPE.note) return this.parts.noted(rest);
    if (type === TYPE.open) return this.opened(number, words(rest));
    if (type === TYPE.accept || type === TYPE.refuse) return this.answered(number, type === TYPE.accept, rest);
    const channel = this.open.get(number);
    if (!channel) {
      // What was on its way when the channel was closed here.
      if (!this.wasOpen(number)) throw new Violation(`sent on channel ${number}, which is not open`);
      return;
    }
    if (type === TYPE.data) {
      if (!channel.arrived(rest)) throw new Violation(`sent more on channel ${number} than it was let`);
    } else if (type === TYPE.credit) {
      if (rest.length !== 4) throw new Violation('gave a credit that is no number');
      const credit = new DataView(rest.buffer, rest.byteOffset).getUint32(0, true);
      if (!channel.credited(credit)) throw new Violation(`gave more credit on channel ${number} than was used`);
      this.pump();
    } else if (type === TYPE.end) channel.finish(rest.length > 0 ? words(rest) : undefined);
    else throw new Violation(`sent a message of type ${type}, which there is not`);
  }

  private wasOpen(number: number): boolean {
    return number !== 0 && (this.isOurs(number) ? number < this.nextNumber : number <= this.lastTheirs);
  }

  private isOurs(number: number): boolean {
    return (number % 2 === 1) === this.parts.isOdd;
  }

  private opened(number: number, service: string): void {
    if (number === 0 || this.isOurs(number) || number <= this.lastTheirs)
      throw new Violation(`opened channel ${number}, which is not its to open`);
    this.lastTheirs = number;
    const refused =
      this.open.size >= MOST_CHANNELS
        ? `${MOST_CHANNELS} channels between two hosts are open already.`
        : this.parts.accept(service, () => {
            this.say(TYPE.accept, number);
            return this.channel(number);
          });
    if (refused !== undefined) this.say(TYPE.refuse, number, new TextEncoder().encode(refused));
  }

  private answered(number: number, isTaken: boolean, rest: Uint8Array): void {
    const waiting = this.opening.get(number);
    if (!waiting) throw new Violation(`answered for channel ${number}, which was not asked for`);
    this.opening.delete(number);
    if (isTaken) waiting.done(this.channel(number));
    else waiting.failed(new Error(words(rest)));
  }

  private channel(number: number): ByteChannel {
    const channel = new Channel({
      pump: () => this.pump(),
      left: () => this.parts.left(),
      credit: bytes => {
        const credit = new Uint8Array(4);
        new DataView(credit.buffer).setUint32(0, bytes, true);
        this.say(TYPE.credit, number, credit);
      },
      gone: () => this.open.delete(number),
    });
    this.open.set(number, channel);
    return channel;
  }

  /** Channels send alternately, as far as their windows and the link go. */
  pump(): void {
    for (let sent = true; sent; ) {
      sent = false;
      for (const [number, channel] of this.open) {
        if (this.parts.waitingBytes() >= LINK_BYTES) return;
        const piece = channel.next(PIECE_BYTES);
        if (piece === undefined) continue;
        sent = true;
        if (piece instanceof Uint8Array) {
          this.say(TYPE.data, number, piece);
          channel.copied(piece);
        } else {
          this.say(TYPE.end, number, new TextEncoder().encode(piece.why));
          channel.finish(undefined);
        }
      }
    }
  }

  private say(type: number, number: number, rest: Uint8Array = new Uint8Array()): void {
    if (this.ended !== undefined) return;
    const message = new Uint8Array(HEAD_BYTES + rest.length);
    message[0] = type;
    new DataView(message.buffer).setUint32(1, number, true);
    message.set(rest, HEAD_BYTES);
    this.parts.send(message);
  }

  /** The link has ended: a sentence. */
  end(why: string): void {
    if (this.ended !== undefined) return;
    this.ended = why;
    for (const { failed } of this.opening.values()) failed(new Error(why));
    this.opening.clear();
    for (const channel of [...this.open.values()]) channel.cut(why);
  }
}

interface ChannelParts {
  pump(): void;
  left?(): Promise<void>;
  credit(bytes: number): void;
  gone(): void;
}

/** A channel's end, as it is sent. */
interface Closing {
  why: string | undefined;
}

/** One end of a channel: what is to be sent, what has come, and how much of both the windows let. */
export class Channel implements ByteChannel {
  private readonly parts: ChannelParts;
  /** To send, oldest first; how much, and how much of that the other end lets. */
  private readonly out: { bytes: Uint8Array; withBuffer: boolean }[] = [];
  /** Of what was sent with them, and whether what `next` gave last was. */
  private readonly buffers = new WholeBuffers();
  private isGiven = false;
  waitingBytes = 0;
  private window = WINDOW_BYTES;
  private readonly drained: (() => void)[] = [];
  private closing: Closing | undefined;
  /** Received and not taken. */
  private readonly held: Uint8Array<ArrayBuffer>[] = [];
  private heldBytes = 0;
  /** Taken, for which the other end has no credit yet. */
  private takenBytes = 0;
  private bytes: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined;
  private closed: ((why?: string) => void) | undefined;
  private isPaused = false;
  private isDelivering = false;
  private over: { why?: string } | undefined;

  constructor(parts: ChannelParts) {
    this.parts = parts;
  }

  send(bytes: Uint8Array, withBuffer = false): void {
    if (this.over || this.closing || bytes.length === 0) return;
    this.out.push({ bytes, withBuffer });
    this.waitingBytes += bytes.length;
    this.parts.pump();
  }

  async left(): Promise<void> {
    await this.parts.left?.();
  }

  onDrained(listener: () => void): void {
    this.drained.push(listener);
  }

  listen(bytes: (bytes: Uint8Array<ArrayBuffer>) => void, closed: (why?: string) => void): void {
    this.bytes = bytes;
    this.closed = closed;
    this.deliver();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.deliver();
  }

  close(why?: string): void {
    this.closing ??= { why };
    this.parts.pump();
  }

  // ---- for the link

  next(most: number): Uint8Array | Closing | undefined {
    const [first] = this.out;
    if (!first) return this.over ? undefined : this.closing;
    const { bytes } = first;
    const count = Math.min(bytes.length, most, this.window);
    if (count === 0) return undefined;
    this.isGiven = first.withBuffer;
    if (count === bytes.length) this.out.shift();
    else first.bytes = bytes.subarray(count);
    this.window -= count;
    const before = this.waitingBytes;
    this.waitingBytes -= count;
    if (before >= DRAINED_BYTES && this.waitingBytes < DRAINED_BYTES) for (const listener of this.drained) listener();
    return bytes.subarray(0, count);
  }

  /** What `next` gave lies elsewhere, too. */
  copied(piece: Uint8Array): void {
    if (this.isGiven && this.buffers.endsOne(piece)) letGo(piece.buffer);
  }

  /** False: it is more than the other end was let. */
  arrived(bytes: Uint8Array<ArrayBuffer>): boolean {
    if (this.heldBytes + this.takenBytes + bytes.length > WINDOW_BYTES) return false;
    this.held.push(bytes);
    this.heldBytes += bytes.length;
    this.deliver();
    return true;
  }

  /** False: so much was not sent. */
  credited(bytes: number): boolean {
    this.window += bytes;
    return this.window <= WINDOW_BYTES;
  }

  /** Nothing comes any more: what is here is still passed on, and then the end. */
  finish(why: string | undefined): void {
    if (this.over) return;
    this.over = why === undefined ? {} : { why };
    this.out.length = 0;
    this.waitingBytes = 0;
    this.parts.gone();
    this.deliver();
  }

  /** The link is gone, and with it what was on its way. */
  cut(why: string): void {
    this.held.length = 0;
    this.finish(why);
  }

  private deliver(): void {
    // A listener that resumes within its own turn is given the next bytes after it.
    if (this.isDelivering) return;
    this.isDelivering = true;
    while (this.bytes && !this.isPaused) {
      const next = this.held.shift();
      if (!next) break;
      this.heldBytes -= next.length;
      this.takenBytes += next.length;
      this.bytes(next);
    }
    this.isDelivering = false;
    if (!this.over && this.takenBytes >= WINDOW_BYTES / 4) {
      this.parts.credit(this.takenBytes);
      this.takenBytes = 0;
    }
    if (!this.over || this.held.length > 0 || this.isPaused || !this.closed) return;
    const { closed } = this;
    this.closed = undefined;
    closed(this.over.why);
  }
}
