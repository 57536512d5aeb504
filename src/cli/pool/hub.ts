/**
 * The hub of a pool: it passes messages between members that cannot reach each other, and reads none of them (dom0/pool/hub-room.ts has the words). It keeps
 * nothing: a member that lost it comes again.
 */
import type { IncomingMessage, Server } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { letGo } from '../../hypervisor/memory/index.ts';
import { MOST_STUDENTS } from '../../lessons/index.ts';
import { HUB_HEAD_BYTES, type HubWord, MOST_MESSAGE_BYTES } from '../../dom0/pool/index.ts';

/** Bytes of all members that have not left. */
export const MOST_IN_FLIGHT_BYTES = 64 * 2 ** 20;
/** Of one member, which reads too slowly then. */
const MOST_OF_ONE_BYTES = 16 * 2 ** 20;
const HELLO_MS = 10_000;
/**
 * Milliseconds. A member whose machine sleeps, or is cut off, says nothing of its end: it is pinged this often, and is gone once nothing has come from it for
 * this long. Both together are less than what a lease takes to run out (LEASE_TIMING), so that other hosts know of the loss when they may start its guests; and
 * its guests have been held still by itself before.
 */
export const HUB_TIMING = { pingMs: 1000, silentMs: 8000 };
/** A hub that was kept from running for this many pings has not heard its members, whatever they said. */
const LATE_PINGS = 3;
/** RFC 9110, 15.5.20 and 15.5.4. */
const MISDIRECTED = 421,
  FORBIDDEN = 403;
/** Numbers of members have 32 bits, and none comes again. */
const LAST_NUMBER = 0xffff_ffff;
/** Pages in the room of a class: its students, and walls. */
const MOST_IN_CLASS = MOST_STUDENTS + 4;
/**
 * Sockets that have not said which room they want: of programs and of the hub's own page, and as many of other origins' pages. What a page of another origin
 * opens here keeps nobody else out.
 */
const MOST_STRANGERS = 64;

interface Seat {
  /** Members of one room know nothing of another's. */
  room: string;
  socket: WebSocket;
  /** When something came from it last. */
  heardMs: number;
  receivedBytes: number;
  sentBytes: number;
}

export interface Health {
  /** `pool`: which one of the hub's, from 1; `isClass`: a page in its class, and no host. */
  members: {
    number: number;
    pool: number;
    isClass: boolean;
    receivedBytes: number;
    sentBytes: number;
    waitingBytes: number;
  }[];
  /** In each pool. */
  most: number;
}

export interface HubParts {
  /** Names of rooms, one a pool: a hash of its code. */
  rooms: readonly string[];
  /** Of classes, in the same order: another hash of it. Absent: there are none. */
  classes?: readonly string[];
  /** Members of each. */
  most: number;
  /** Whether the hub answers to the Host of a request (default: to any). */
  isHost?(host: string | undefined): boolean;
  /** Origins of pages that may come besides the hub's own (default: all; the code decides). */
  origins?: readonly string[] | undefined;
  /** In place of HUB_TIMING. */
  timing?: typeof HUB_TIMING;
  say(sentence: string): void;
}

export class Hub {
  private readonly parts: HubParts;
  private readonly server: WebSocketServer;
  private readonly seats = new Map<number, Seat>();
  private readonly strangers = { near: 0, foreign: 0 };
  private last = 0;
  private readonly pings: NodeJS.Timeout;
  private readonly timing: typeof HUB_TIMING;
  private pingedMs = performance.now();

  /** Takes WebSockets at any path of a server. */
  constructor(server: Server, parts: HubParts) {
    this.parts = parts;
    this.server = new WebSocketServer({
      server,
      maxPayload: MOST_MESSAGE_BYTES + HUB_HEAD_BYTES,
      perMessageDeflate: false,
      verifyClient: ({ req }, answer) => {
        const { status, why } = this.reasonAgainst(req) ?? {};
        answer(status === undefined, status, why);
      },
    });
    this.server.on('connection', (socket, request) => this.greet(socket, isForeign(request) ? 'foreign' : 'near'));
    this.timing = parts.timing ?? HUB_TIMING;
    this.pings = setInterval(() => this.ping(), this.timing.pingMs);
  }

  get health(): Health {
    const members = [...this.seats].map(([number, { room, receivedBytes, sentBytes, socket }]) => ({
      number,
      pool: this.poolOf(room),
      isClass: this.isClass(room),
      receivedBytes,
      sentBytes,
      waitingBytes: socket.bufferedAmount,
    }));
    return { members, most: this.parts.most };
  }

  close(): void {
    clearInterval(this.pings);
    for (const { socket } of this.seats.values()) socket.close();
    this.server.close();
  }

  /** Why a WebSocket is not opened at all. */
  private reasonAgainst(request: IncomingMessage): { status: number; why: string } | undefined {
    const { isHost, origins } = this.parts;
    const { host, origin } = request.headers;
    if (isHost && !isHost(host))
      return { status: MISDIRECTED, why: 'The hub does not answer to this name (--allow-host).' };
    if (origins && isForeign(request) && !origins.includes(origin!))
      return { status: FORBIDDEN, why: 'Pages of this origin may not come here (--allow-origin).' };
    return undefined;
  }

  private greet(socket: WebSocket, from: 'near' | 'foreign'): void {
    // The end of a socket reports its errors, too.
    socket.on('error', () => {});
    if (++this.strangers[from] > MOST_STRANGERS) this.refuse(socket, 'too many are at the door. Try again.');
    const late = setTimeout(() => this.refuse(socket, 'you did not say which pool you want.'), HELLO_MS);
    const known = (): void => {
      clearTimeout(late);
      socket.off('close', known);
      this.strangers[from]--;
    };
    socket.on('close', known);
    socket.once('message', (data, isBinary) => {
      known();
      const room = isBinary ? undefined : roomOf(String(data));
      if (socket.readyState !== socket.OPEN) return;
      if (room === undefined) this.refuse(socket, 'you did not begin as a member does.');
      else if (this.poolOf(room) === 0)
        this.refuse(socket, 'the code is not the one of this pool. Compare it with what ringside pool has printed.');
      else if (this.isClass(room) && this.in(room).length >= MOST_IN_CLASS)
        this.refuse(socket, `its class has ${MOST_IN_CLASS} pages, and takes no more.`);
      else if (!this.isClass(room) && this.in(room).length >= this.parts.most)
        this.refuse(
          socket,
          `it has ${this.parts.most} member${this.parts.most === 1 ? '' : 's'}, and takes no more (ringside pool --members N).`,
        );
      else if (this.last === LAST_NUMBER)
        this.refuse(socket, 'it has had as many members as it can count. Start it again.');
      else this.seat(socket, room);
    });
  }

  /** Who is in a room. */
  private in(room: string): [number: number, seat: Seat][] {
    return [...this.seats].filter(([, seat]) => seat.room === room);
  }

  private seat(socket: WebSocket, room: string): void {
    const number = ++this.last;
    const seat: Seat = { room, socket, heardMs: performance.now(), receivedBytes: 0, sentBytes: 0 };
    const others = this.in(room);
    say(socket, { welcome: number, members: others.map(([other]) => other) });
    for (const [, other] of others) say(other.socket, { came: number });
    this.seats.set(number, seat);
    this.parts.say(`member ${number}${this.ofPool(room)} came; ${others.length + 1} are there`);
    socket.on('pong', () => {
      seat.heardMs = performance.now();
    });
    socket.on('message', (data, isBinary) => {
      if (!isBinary) return this.refuse(socket, 'a member says nothing to the hub.');
      seat.heardMs = performance.now();
      seat.receivedBytes += (data as Buffer).length;
      this.pass(number, seat, data as Buffer);
    });
    socket.on('close', () => {
      this.seats.delete(number);
      const left = this.in(room);
      for (const [, other] of left) say(other.socket, { gone: number });
      this.parts.say(
        `member ${number}${this.ofPool(room)} left; it had sent ${seat.receivedBytes} bytes and got ${seat.sentBytes}; ${left.length} are there`,
      );
    });
  }

  /** Which one, from 1; 0: none of these. */
  private poolOf(room: string): number {
    const { rooms, classes = [] } = this.parts;
    return Math.max(rooms.indexOf(room), classes.indexOf(room)) + 1;
  }

  private isClass(room: string): boolean {
    return this.parts.classes?.includes(room) ?? false;
  }

  /** For the log of a hub of several pools, or of one that has a class. */
  private ofPool(room: string): string {
    const which = this.parts.rooms.length > 1 ? ` (pool ${this.poolOf(room)})` : '';
    return this.isClass(room) ? ` of the class${which}` : which;
  }

  private pass(from: number, { room }: Seat, message: Buffer): void {
    if (message.length < HUB_HEAD_BYTES) return;
    const to = this.seats.get(message.readUInt32LE(0));
    // It has just left, and the sender will hear of it.
    if (to?.room !== room) return;
    message.writeUInt32LE(from, 0);
    to.sentBytes += message.length;
    to.socket.send(message, () => {
      // One that came in several pieces lies in a buffer of its own.
      if (message.length === message.buffer.byteLength) letGo(message.buffer);
    });
    // What is on its way has grown only where it did not go out at once.
    if (to.socket.bufferedAmount === 0) return;
    const inFlight = [...this.seats.values()].reduce((sum, { socket }) => sum + socket.bufferedAmount, 0);
    if (to.socket.bufferedAmount > MOST_OF_ONE_BYTES || inFlight > MOST_IN_FLIGHT_BYTES) {
      const slowest = [...this.seats.values()].reduce((a, b) =>
        a.socket.bufferedAmount >= b.socket.bufferedAmount ? a : b,
      );
      this.refuse(slowest.socket, 'you take what others send too slowly.');
    }
  }

  private ping(): void {
    const { pingMs, silentMs } = this.timing;
    const nowMs = performance.now();
    const wasAway = nowMs - this.pingedMs >= LATE_PINGS * pingMs;
    this.pingedMs = nowMs;
    for (const seat of this.seats.values()) {
      if (wasAway) seat.heardMs = nowMs;
      if (nowMs - seat.heardMs >= silentMs) seat.socket.terminate();
      else seat.socket.ping();
    }
  }

  private refuse(socket: WebSocket, why: string): void {
    say(socket, { refused: why });
    socket.close();
    // Who does not answer is not waited for.
    setTimeout(() => socket.terminate(), 1000).unref();
  }
}

/** Whether a page asks that came from elsewhere (RFC 6454, 7). Programs say no origin; a frame in a sandbox says `null`. */
const isForeign = ({ headers: { origin, host } }: IncomingMessage): boolean =>
  origin !== undefined && origin.replace(/^https?:\/\//, '').toLowerCase() !== host?.toLowerCase();

const say = (socket: WebSocket, word: HubWord): void => socket.send(JSON.stringify(word));

function roomOf(text: string): string | undefined {
  try {
    const { hello, room } = JSON.parse(text) as Record<string, unknown>;
    return hello === 2 && typeof room === 'string' ? room : undefined;
  } catch {
    return undefined;
  }
}
