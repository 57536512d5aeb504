/**
 * A place where members of a pool meet: a hub's room, or the tabs of one browser. It brings messages from one to another, whole and in the order in which they
 * were sent, until it says that one of them is gone.
 */
export interface Room {
  /** Of those who are there, the later one has the greater number. */
  readonly me: number;
  /** Who was there before; asked once, before anything else is reported. */
  listen(listener: RoomListener): readonly number[];
  /** The message is the room's from then on, and so is its buffer. */
  send(to: number, message: Uint8Array): void;
  /** Bytes that were sent and have not left. */
  readonly waitingBytes: number;
  leave(): void;
}

export interface RoomListener {
  came(member: number): void;
  gone(member: number): void;
  /** The message is the listener's, and so is its buffer. */
  message(from: number, message: Uint8Array<ArrayBuffer>): void;
  /** What was sent has left, or some of it: called after each `send`. */
  drained(): void;
  /** The room is no more; a sentence. */
  closed(why: string): void;
}

/** No message is longer, as far as rooms and their members go. */
export const MOST_MESSAGE_BYTES = 128 * 1024;
