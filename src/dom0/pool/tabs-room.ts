/**
 * The tabs of one browser as a room, by BroadcastChannel: a tab that comes says so, and those who are there answer. A tab that is closed says nothing: who is not heard
 * for a while is gone.
 */
import type { Later, TabsChannel } from '../host/index.ts';
import { fields, isCount } from './read.ts';
import { MOST_MESSAGE_BYTES, type Room, type RoomListener } from './room.ts';

/** Those who are there answer within this time. */
const ANSWER_MS = 300;
const BEAT_MS = 2000,
  GONE_MS = 10_000;

/** Of the channel: to all, or to one. */
interface Word {
  from: number;
  to?: number;
  what: 'come' | 'here' | 'gone' | 'message';
  bytes?: Uint8Array<ArrayBuffer>;
}

export interface TabsParts {
  channel: TabsChannel;
  later: Later;
  hostMs(): number;
  epochMs(): number;
  random(count: number): Uint8Array;
}

/** Resolves once those who are there have had time to answer. */
export async function tabsRoom(parts: TabsParts): Promise<Room> {
  const room = new TabsRoom(parts);
  await new Promise<void>(resolve => void parts.later(ANSWER_MS, resolve));
  return room;
}

class TabsRoom implements Room {
  readonly me: number;
  readonly waitingBytes = 0;
  private readonly parts: TabsParts;
  private readonly heardMs = new Map<number, number>();
  private listener: RoomListener | undefined;
  private readonly early: Word[] = [];
  private cancel = (): void => {};
  private isOver = false;

  constructor(parts: TabsParts) {
    this.parts = parts;
    const { channel, epochMs, random } = parts;
    // A tab that comes later has the greater number; two of one millisecond hardly have the same.
    this.me = Math.floor(epochMs()) * 1000 + (random(2)[0]! % 250) * 4 + (random(1)[0]! & 3);
    channel.onmessage = ({ data }: { data: unknown }) => this.hear(data);
    this.say({ what: 'come' });
    this.beat();
  }

  listen(listener: RoomListener): readonly number[] {
    this.listener = listener;
    this.parts.later(0, () => {
      for (const word of this.early.splice(0)) this.take(word);
    });
    return [...this.heardMs.keys()];
  }

  private say(word: Omit<Word, 'from'>): void {
    if (!this.isOver) this.parts.channel.postMessage({ from: this.me, ...word });
  }

  private hear(data: unknown): void {
    const { from, to, what, bytes } = fields(data);
    if (!isCount(from) || from === this.me || (to !== undefined && to !== this.me) || this.isOver) return;
    const isNew = !this.heardMs.has(from);
    if (what !== 'gone') this.heardMs.set(from, this.parts.hostMs());
    if (what === 'come') this.say({ what: 'here', to: from });
    const isMessage = what === 'message' && bytes instanceof Uint8Array && bytes.length <= MOST_MESSAGE_BYTES;
    if (isNew && what !== 'gone' && this.listener) this.take({ from, what: 'come' });
    if (what === 'gone') this.take({ from, what });
    else if (isMessage) this.take({ from, what, bytes: bytes as Uint8Array<ArrayBuffer> });
  }

  private take(word: Word): void {
    const { listener } = this;
    if (!listener || (this.early.length > 0 && word.what === 'message')) return void this.early.push(word);
    const { from, what, bytes } = word;
    if (what === 'come') listener.came(from);
    else if (what === 'message') listener.message(from, bytes!);
    else if (this.heardMs.delete(from)) listener.gone(from);
  }

  private beat(): void {
    if (this.isOver) return;
    this.say({ what: 'here' });
    const now = this.parts.hostMs();
    for (const [other, atMs] of this.heardMs) if (now - atMs > GONE_MS) this.take({ from: other, what: 'gone' });
    this.cancel = this.parts.later(BEAT_MS, () => this.beat());
  }

  send(to: number, bytes: Uint8Array): void {
    this.say({ what: 'message', to, bytes: bytes as Uint8Array<ArrayBuffer> });
    this.parts.later(0, () => this.listener?.drained());
  }

  leave(): void {
    this.say({ what: 'gone' });
    this.isOver = true;
    this.cancel();
    this.parts.channel.close();
  }
}
