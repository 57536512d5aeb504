/**
 * A hub's room, by WebSocket: the hub tells who is there, and passes messages on. Texts are the hub's and are JSON; a binary message begins with the number of
 * the member that it is for, or from.
 */
import { letGo } from '../../hypervisor/memory/index.ts';
import type { Later, Ways, WebSocketLike } from '../host/index.ts';
import { MOST_MESSAGE_BYTES, type Room, type RoomListener } from './room.ts';

/** The first text of a member, and of the hub. */
export interface HubHello {
  hello: 2;
  room: string;
}
export type HubWord =
  | { welcome: number; members: number[] }
  | { came: number }
  | { gone: number }
  | { refused: string };

export const HUB_HEAD_BYTES = 4;
/** This many bytes are left to the socket at once; more wait here. */
const SOCKET_BYTES = 256 * 1024;
/** A browser does not tell when a socket has sent. */
const LOOK_MS = 2;
const CONNECT_MS = 10_000;

export interface HubAddress {
  url: string;
  code: string;
}

/** `ws://HOST:PORT/#CODE`, or as the page's address: `http://…`. @throws Error with a sentence */
export function readHubAddress(text: string): HubAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error(`${JSON.stringify(text.slice(0, 80))} is no address of a pool: write ws://HOST:PORT/#CODE.`);
  }
  const protocol = { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' }[url.protocol];
  if (!protocol || url.hostname === '')
    throw new Error(`${JSON.stringify(text.slice(0, 80))} is no address of a pool: it begins with ws:// or wss://.`);
  const code = url.hash.slice(1);
  if (code === '') throw new Error(`${text.slice(0, 80)} lacks the pool's code: write it behind a #.`);
  url.hash = '';
  return { url: url.href.replace(/^[a-z]+:/, protocol), code };
}

/** @throws Error with a sentence: nobody answers there, or the hub refuses */
export function hubRoom(make: Ways['webSocket'], { url }: { url: string }, room: string, later: Later): Promise<Room> {
  return new Promise((resolve, reject) => {
    let socket: WebSocketLike;
    try {
      socket = make(url);
    } catch (error) {
      return reject(new Error(`${url} cannot be reached: ${(error as Error).message}`));
    }
    socket.binaryType = 'arraybuffer';
    let problem = `${url} does not answer, or is no hub of a pool.`;
    const cancel = later(CONNECT_MS, () => socket.close());
    socket.onopen = () => socket.send(JSON.stringify({ hello: 2, room } satisfies HubHello));
    // Its end comes after it.
    socket.onerror = () => {};
    socket.onclose = () => {
      cancel();
      reject(new Error(problem));
    };
    socket.onmessage = ({ data }: { data: unknown }) => {
      const word = typeof data === 'string' ? readWord(data) : undefined;
      if (word && 'refused' in word) problem = `The pool at ${url} refuses: ${word.refused}`;
      if (!word || !('welcome' in word)) return socket.close();
      cancel();
      resolve(new HubRoom(socket, word, later));
    };
  });
}

function readWord(text: string): HubWord | undefined {
  const isNumber = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0;
  try {
    const word = JSON.parse(text) as Record<string, unknown>;
    if (typeof word.refused === 'string') return { refused: word.refused.slice(0, 300) };
    if (isNumber(word.came)) return { came: word.came };
    if (isNumber(word.gone)) return { gone: word.gone };
    const { welcome, members } = word;
    if (isNumber(welcome) && Array.isArray(members) && members.every(isNumber)) return { welcome, members };
  } catch {
    // It is none.
  }
  return undefined;
}

class HubRoom implements Room {
  readonly me: number;
  private readonly socket: WebSocketLike;
  private readonly before: readonly number[];
  private readonly later: Later;
  private readonly queue: Uint8Array<ArrayBuffer>[] = [];
  private queuedBytes = 0;
  private isLooking = false;
  private listener: RoomListener | undefined;
  /** What came before anybody listened. */
  private readonly early: unknown[] = [];
  private why = 'The hub of this pool does not answer any more.';

  constructor(socket: WebSocketLike, { welcome, members }: { welcome: number; members: number[] }, later: Later) {
    this.socket = socket;
    this.me = welcome;
    this.before = members;
    this.later = later;
    socket.onmessage = ({ data }: { data: unknown }) => (this.listener ? this.take(data) : void this.early.push(data));
    socket.onclose = () => this.listener?.closed(this.why);
  }

  listen(listener: RoomListener): readonly number[] {
    this.listener = listener;
    // After those who were there before are known to whom asks.
    this.later(0, () => {
      for (const data of this.early.splice(0)) this.take(data);
    });
    return this.before;
  }

  private take(data: unknown): void {
    if (this.early.length > 0) return void this.early.push(data);
    const { listener } = this;
    if (typeof data === 'string') {
      const word = readWord(data);
      if (word && 'came' in word) listener!.came(word.came);
      else if (word && 'gone' in word) listener!.gone(word.gone);
      else {
        if (word && 'refused' in word) this.why = `The hub of this pool has ended the connection: ${word.refused}`;
        this.socket.close();
      }
      return;
    }
    const message = new Uint8Array(data as ArrayBuffer);
    if (message.length < HUB_HEAD_BYTES || message.length > HUB_HEAD_BYTES + MOST_MESSAGE_BYTES) return;
    listener!.message(new DataView(message.buffer).getUint32(0, true), message.subarray(HUB_HEAD_BYTES));
  }

  get waitingBytes(): number {
    return this.queuedBytes + this.socket.bufferedAmount;
  }

  send(to: number, message: Uint8Array): void {
    const whole = new Uint8Array(HUB_HEAD_BYTES + message.length);
    new DataView(whole.buffer).setUint32(0, to, true);
    whole.set(message, HUB_HEAD_BYTES);
    letGo(message.buffer);
    this.queue.push(whole);
    this.queuedBytes += whole.length;
    this.pass();
  }

  private pass(): void {
    while (this.queue.length > 0 && this.socket.bufferedAmount < SOCKET_BYTES) {
      const next = this.queue.shift()!;
      this.queuedBytes -= next.length;
      this.socket.send(next);
    }
    if (this.isLooking) return;
    this.isLooking = true;
    this.later(LOOK_MS, () => {
      this.isLooking = false;
      if (this.waitingBytes > 0) this.pass();
      this.listener?.drained();
    });
  }

  leave(): void {
    this.queue.length = 0;
    this.queuedBytes = 0;
    this.socket.close();
  }
}
