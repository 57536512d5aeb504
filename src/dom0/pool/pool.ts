/**
 * A pool as one of its members has it: who else is there, and channels to them. Members trust each other as far as the code goes: a host that knows it may connect, and
 * what he sends is judged like a file that was dropped.
 */
import type { ByteChannel } from '../host/nbd/index.ts';
import type { Later, Subtle } from '../host/index.ts';
import { Channels } from './channels.ts';
import { SALT_BYTES } from './code.ts';
import { hostIdOf, introduction, type Introduction, readIntroduction, type Role } from './names.ts';
import type { Neighbours, Service } from './neighbours.ts';
import { MOST_MESSAGE_BYTES, type Room } from './room.ts';
import { Link } from './sealed.ts';

export interface PoolParts {
  /** This host. */
  me: Introduction;
  secret: CryptoKey;
  /** As a link has it. */
  subtle?: Subtle | undefined;
  room: Room;
  /** The room again, where it was lost: this host comes again by itself. Absent: it is alone then. @throws Error with a sentence */
  again?(): Promise<Room>;
  /** Of a generator that nobody can guess. */
  random(count: number): Uint8Array;
  later: Later;
  /** Monotonic milliseconds. */
  hostMs(): number;
  /** For the task log: what went wrong with whom. */
  say(sentence: string): void;
}

/** How long those who are there have to introduce themselves. */
const ANSWER_MS = 10_000;
/** Between two looks at how long a link takes. */
const ASK_MS = 2000;
/** By these guests come. */
const BRINGS_GUESTS: readonly Service[] = ['migrate', 'disks', 'checkpoints'];
const NOTE = { introduction: 0, ask: 1, answer: 2, resume: 3 } as const;
/** Before a room that was lost is tried again; each time twice as long, and less than the lease of a guest of this host takes to run out once the others are back. */
const AGAIN_MS = 500,
  MOST_AGAIN_MS = 4000;
/**
 * Others answer every ASK_MS. Where all of them are silent for this long, and nobody has said that they are gone, this host is cut off; or the hub is, which would
 * have noticed one host that is (HUB_TIMING) before.
 */
const CUT_OFF_MS = 12_000;
/** One of several that is silent for this long, and has not gone: its link does not work any more. */
const SILENT_MS = 20_000;
/** A seat that is given up for a broken link: at once where none was for a while, else after a time that doubles. A member that breaks links on purpose has others
 * take another seat this often at most. */
const SEAT_MS = 1000,
  MOST_SEAT_MS = 30_000,
  SEAT_CALM_MS = 60_000;
/** A member may begin its link again at most this often: each time costs this host two keys and an introduction. */
const CALL_MS = 500;
/** A message that no link takes: the member that gets it sees that its link is broken. */
const BROKEN = Uint8Array.of(0);
/** A host that did nothing for this long has slept, and others have given it up. */
const SLEPT_MS = 10_000;
const TOKEN_BYTES = 16;

/** Another host of the pool. */
export interface Neighbour extends Introduction {
  /** There and back, at the last look; undefined: not known yet. */
  delayMs: number | undefined;
  sentBytes: number;
  receivedBytes: number;
  /** When something came from it last. */
  heardMs: number;
}

type Accept = (channel: ByteChannel, from: string) => void;

/** A link, and who is at its other end, once that has said so. */
interface Member {
  link: Link;
  channels: Channels;
  known?: Neighbour;
  /** By which this host is known again at the other end, should the room be lost; and the other one here. */
  token: string;
  itsToken?: string;
  /** It says that it is a host that is there: until it has shown that, or its time is over. */
  claims?: Introduction & { token: string; proof: string | undefined };
  /** Nothing of it counts any more. */
  isOut?: true;
  /** Its link broke before it was known, and may begin again. */
  isBroken?: true;
  /** How long this host waits before it begins this link again; 0: it never has. */
  waitMs: number;
  /** When this member last began its link again. */
  calledMs: number;
}

export class Pool implements Neighbours {
  readonly me: string;
  private readonly parts: PoolParts;
  private readonly members = new Map<number, Member>();
  private readonly services = new Map<string, Accept>();
  private readonly listeners = new Set<() => void>();
  /** Those who were there before, and have not introduced themselves. */
  private readonly expected: Set<number>;
  private entered: { done(): void; failed(error: Error): void } | undefined;
  private cancelAsking = (): void => {};
  private room: Room;
  private isReceiving: boolean;
  private askedMs: number;
  /** When anybody was heard last. */
  private heardMs: number;
  /** Numbers of this room that are known, those of hosts that left it included. */
  private readonly met = new Set<number>();
  /** When a seat was given up last, and how long the next one is kept. */
  private gaveUpMs = -Infinity;
  private seatMs = 0;
  /** By hosts' ids: tokens that this one gave before it lost the room, to those who may still have it as it was there. */
  private readonly given = new Map<string, string>();
  /** Why this host is no member any more. */
  left: string | undefined;
  /** Why it is away, and comes again by itself. */
  away: string | undefined;

  private constructor(parts: PoolParts) {
    this.parts = parts;
    this.me = parts.me.name;
    this.room = parts.room;
    this.askedMs = parts.hostMs();
    this.heardMs = this.askedMs;
    this.isReceiving = parts.me.role === 'member';
    const before = this.listen(parts.room);
    this.expected = new Set(before);
    for (const number of before) this.meet(number);
  }

  private listen(room: Room): readonly number[] {
    this.room = room;
    this.met.clear();
    this.heardMs = this.parts.hostMs();
    const isHere = (): boolean => this.room === room && this.away === undefined;
    return room.listen({
      came: number => {
        if (isHere() && !this.met.has(number)) this.meet(number);
      },
      gone: number => {
        if (isHere()) this.lose(number, `${this.nameOf(number)} has left the pool.`);
      },
      message: (from, message) => {
        if (!isHere() || (this.parts.again && this.hasSlept())) return;
        // The word that it came was lost.
        if (!this.met.has(from)) this.meet(from);
        this.heardMs = this.parts.hostMs();
        const member = this.members.get(from);
        if (member?.isBroken && message.length === SALT_BYTES) return this.called(from, message);
        if (!member || member.isOut) return;
        if (member.known) {
          member.known.receivedBytes += message.length;
          member.known.heardMs = this.heardMs;
        }
        member.link.take(message);
      },
      drained: () => {
        if (isHere()) for (const { channels } of this.members.values()) channels.pump();
      },
      closed: why => {
        if (isHere()) this.lost(why);
      },
    });
  }

  /** Resolves once all who are there are known. @throws Error with a sentence: one of them is this host's double */
  static async enter(parts: PoolParts): Promise<Pool> {
    const pool = new Pool(parts);
    const cancel = parts.later(ANSWER_MS, () => pool.settle(true));
    // It looks at the clock while it waits for the others: else the wait would count as a sleep.
    pool.ask();
    try {
      await new Promise<void>((done, failed) => {
        pool.entered = { done, failed };
        pool.settle();
      });
    } finally {
      cancel();
    }
    pool.cancelAsking();
    pool.ask();
    return pool;
  }

  /** Hosts that are known, by their names. */
  get hosts(): readonly Neighbour[] {
    return [...this.members.values()]
      .flatMap(({ known, isOut }) => (known && !isOut ? [known] : []))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Names of all hosts, this one's among them: in the order in which they joined. */
  get inOrder(): readonly string[] {
    const all: [number, string][] = [[this.room.me, this.me]];
    for (const [number, { known, isOut }] of this.members) if (known && !isOut) all.push([number, known.name]);
    return all.sort(([a], [b]) => a - b).map(([, name]) => name);
  }

  /** The same without viewers. */
  get taking(): readonly string[] {
    return this.inOrder.filter(name => this.roleOf(name) !== 'viewer');
  }

  /** The host that is there longest, of those that are more than viewers; this one, where it is a viewer. */
  get first(): string {
    return this.role === 'viewer' ? this.me : this.taking[0]!;
  }

  get role(): Role {
    return this.parts.me.role;
  }

  /** Viewers have nothing but what all see. */
  reaches(host: string, service: Service): boolean {
    return service === 'state' || (this.role !== 'viewer' && this.roleOf(host) !== 'viewer');
  }

  private roleOf(name: string): Role | undefined {
    return name === this.me ? this.role : this.hosts.find(host => host.name === name)?.role;
  }

  /** Whether guests may come from other hosts. */
  get receives(): boolean {
    return this.isReceiving;
  }

  /** @throws Error with a sentence: its role lets it receive none */
  setReceives(receives: boolean): void {
    if (receives && this.role !== 'member')
      throw new Error(`${this.me} is a ${this.role} of this pool, and takes no guests. Leave, and join as a member.`);
    this.isReceiving = receives;
  }

  /** Called whenever a host came or went, or this one is no member any more. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  async connect(host: string, service: Service): Promise<ByteChannel> {
    const member = [...this.members.values()].find(({ known, isOut }) => known?.name === host && !isOut);
    if (!member) {
      const others = this.hosts.map(({ name }) => name).join(', ');
      throw new Error(
        `There is no host ${host} in this pool.${others === '' ? ' No other host is there.' : ` There are: ${others}.`}`,
      );
    }
    if (!this.reaches(host, service)) throw new Error(this.viewerSentence(host));
    return member.channels.connect(service);
  }

  private viewerSentence(host: string): string {
    return `${this.role === 'viewer' ? this.me : host} is a viewer of this pool: it sees what all see, and nothing else goes there or comes from it.`;
  }

  serve(service: Service, accept: Accept): void {
    this.services.set(service, accept);
  }

  leave(): void {
    this.end('This host has left the pool.');
    this.room.leave();
  }

  // ---- who comes and goes

  /** `before`: the link begins again, and this is what is known of the one before. */
  private meet(number: number, before?: Pick<Member, 'waitMs' | 'calledMs'>): Member {
    const { parts } = this;
    const isLater = this.room.me > number;
    this.met.add(number);
    const link = new Link({
      secret: parts.secret,
      subtle: parts.subtle,
      salt: parts.random(SALT_BYTES),
      send: message => {
        const { known } = this.members.get(number) ?? {};
        if (known) known.sentBytes += message.length;
        this.room.send(number, message);
      },
      opened: bytes => this.members.get(number)?.channels.take(bytes),
      calls: parts.again && !isLater ? salt => this.called(number, salt) : undefined,
      isAgain: before !== undefined,
      broken: why => this.broke(number, why),
    });
    const channels = new Channels({
      isOdd: isLater,
      send: message => link.send(message),
      waitingBytes: () => link.waitingBytes + this.room.waitingBytes,
      left: () => link.left(),
      accept: (service, channel) => {
        const from = this.members.get(number)?.known?.name;
        const accept = this.services.get(service);
        if (from === undefined) return 'Say first who you are.';
        if (!this.reaches(from, service as Service)) return this.viewerSentence(from);
        if (BRINGS_GUESTS.includes(service as Service) && !this.isReceiving)
          return `${this.me} takes no guests from other hosts.`;
        if (!accept) return `${this.me} takes no connections for ${JSON.stringify(service.slice(0, 20))}.`;
        accept(channel(), from);
        return undefined;
      },
      noted: bytes => this.hear(number, bytes),
      violated: why => this.refuse(number, why),
    });
    const token = hostIdOf(parts.random(TOKEN_BYTES));
    const member: Member = { link, channels, token, waitMs: 0, calledMs: -Infinity, ...before };
    this.members.set(number, member);
    channels.note(note(NOTE.introduction, introduction(parts.me, token)));
    return member;
  }

  private hear(number: number, [type, ...rest]: Uint8Array<ArrayBuffer>): void {
    const member = this.members.get(number);
    if (!member) return;
    if (type === NOTE.ask) member.channels.note(Uint8Array.of(NOTE.answer, ...rest.slice(0, 8)));
    else if (type === NOTE.answer) this.answered(member, Uint8Array.from(rest));
    else if (type === NOTE.introduction && !member.known && !member.claims)
      this.introduced(number, member, Uint8Array.from(rest));
    else if (type === NOTE.resume) this.resumed(number, member, new TextDecoder().decode(Uint8Array.from(rest)));
    else this.refuse(number, 'says what no member says');
  }

  private introduced(number: number, member: Member, said: Uint8Array): void {
    const { me, later } = this.parts;
    let known: Introduction & { token: string };
    try {
      known = readIntroduction(said);
    } catch (error) {
      return this.refuse(number, (error as Error).message);
    }
    const isDouble = (other: Introduction): boolean => other.name === known.name || other.id === known.id;
    if (isDouble(me)) {
      // The host that joined later is the double.
      if (this.room.me < number) return this.refuse(number, `calls itself ${known.name}, as this host is called`);
      const what =
        known.name === me.name
          ? `There is a host ${me.name} in this pool already`
          : `${known.name} of this pool has this host's id`;
      const how = known.name === me.name ? 'Join with another --name.' : 'Start one of them with another --state.';
      this.entered?.failed(new Error(`${what}. ${how}`));
      return this.leave();
    }
    const given = this.given.get(known.id);
    if (given !== undefined) member.channels.note(note(NOTE.resume, new TextEncoder().encode(given)));
    if (!this.hosts.some(isDouble)) return this.accept(number, member, known);
    // It may have lost the room, which has not noticed yet.
    const before = [...this.members.values()].find(
      ({ known: other, isOut }) => !isOut && other?.id === known.id && other.name === known.name,
    );
    member.claims = { ...known, proof: before?.itsToken };
    later(ANSWER_MS, () => {
      // In another room its number may be another host's.
      if (member.claims && this.members.get(number) === member)
        this.refuse(number, `calls itself ${known.name}, as another host is called`);
    });
  }

  /** It shows that it is the host that was there before. */
  private resumed(number: number, member: Member, token: string): void {
    const { claims } = member;
    if (!claims || claims.proof !== token) return;
    for (const [old, { known }] of this.members)
      if (known?.id === claims.id && known.name === claims.name)
        this.lose(old, `${known.name} has lost this room, and comes again.`);
    delete member.claims;
    if (this.hosts.some(({ name, id }) => name === claims.name || id === claims.id))
      this.refuse(number, `calls itself ${claims.name}, as another host is called`);
    else this.accept(number, member, claims);
  }

  private accept(
    number: number,
    member: Member,
    { id, name, version, role, token }: Introduction & { token: string },
  ): void {
    member.itsToken = token;
    member.known = {
      id,
      name,
      version,
      role,
      delayMs: undefined,
      sentBytes: 0,
      receivedBytes: 0,
      heardMs: this.heardMs,
    };
    this.expected.delete(number);
    this.settle();
    this.changed();
  }

  /** It may stay in the room, and is none of ours. */
  private refuse(number: number, why: string, then = 'This host has no link with it any more.'): void {
    const member = this.members.get(number);
    if (!member || member.isOut) return;
    const sentence = `${this.nameOf(number)} ${why}.`;
    member.isOut = true;
    member.link.end();
    member.channels.end(sentence);
    if (then !== '') this.parts.say(`${sentence} ${then}`);
    this.expected.delete(number);
    this.settle();
    this.changed();
  }

  /**
   * What one end of a link sent was lost, doubled or changed on its way: no seal fits any more, and the other end may not know. This host gives up its seat and takes
   * another, with new links to all, so that both ends show the same.
   */
  private broke(number: number, why: string): void {
    const member = this.members.get(number);
    if (!this.parts.again || !member || member.isOut) return this.refuse(number, why);
    if (!member.known) return this.brokeUnknown(number, member, why);
    const { parts, room } = this;
    const nowMs = parts.hostMs();
    if (nowMs - this.gaveUpMs >= SEAT_CALM_MS) this.seatMs = 0;
    const waitMs = this.seatMs;
    this.refuse(number, why, 'This host takes another seat in the pool.');
    const giveUp = (): void => {
      // Another one, or the other host itself, may have come first.
      if (this.room !== room || this.members.get(number) !== member || this.left !== undefined) return;
      if (this.entered) return void parts.later(SEAT_MS, giveUp);
      this.gaveUpMs = parts.hostMs();
      this.seatMs = Math.min(Math.max(SEAT_MS, 2 * this.seatMs), MOST_SEAT_MS);
      this.giveUpSeat('This host has no link with another one that is there.');
    };
    parts.later(waitMs, giveUp);
  }

  /**
   * The other end has shown no right seal: it is a host whose first words were lost or changed, or a stranger, who must not cost this host its other links. Only this
   * link begins again.
   */
  private brokeUnknown(number: number, member: Member, why: string): void {
    // The task log has one line of it, however often it is tried.
    this.refuse(number, why, member.waitMs === 0 ? undefined : '');
    member.isBroken = true;
    this.beginAgain(number, member);
  }

  /** Only the end with the greater number sends a new salt. If both did, each would take the other's for another beginning, without end. */
  private beginAgain(number: number, member: Member): void {
    this.parts.later(member.waitMs, () => {
      const { isOut, isBroken, known, claims } = member;
      if (this.members.get(number) !== member || (!isBroken && (isOut || known || claims))) return;
      let next = member;
      const waitMs = Math.min(Math.max(SEAT_MS, 2 * member.waitMs), MOST_SEAT_MS);
      if (this.room.me > number) {
        this.lose(number, 'This host begins the link again.');
        next = this.meet(number, { waitMs, calledMs: member.calledMs });
      } else {
        member.waitMs = waitMs;
        this.room.send(number, BROKEN.slice());
      }
      this.parts.later(ANSWER_MS, () => this.beginAgain(number, next));
    });
  }

  /** A member with a greater number sends a new salt: the link between it and this host begins again. */
  private called(number: number, salt: Uint8Array<ArrayBuffer>): void {
    const member = this.members.get(number)!;
    const nowMs = this.parts.hostMs();
    if (this.room.me > number || nowMs - member.calledMs < CALL_MS) return;
    this.lose(number, `${this.nameOf(number)} begins its link with this host again.`);
    this.meet(number, { waitMs: Math.max(SEAT_MS, member.waitMs), calledMs: nowMs }).link.take(salt);
  }

  /** It comes again by itself. */
  private giveUpSeat(why: string): void {
    const { room } = this;
    this.lost(why);
    room.leave();
  }

  private lose(number: number, why: string): void {
    const member = this.members.get(number);
    this.members.delete(number);
    this.expected.delete(number);
    member?.link.end();
    member?.channels.end(why);
    this.settle();
    this.changed();
  }

  private nameOf(number: number): string {
    return this.members.get(number)?.known?.name ?? `Member ${number} of the room`;
  }

  private settle(isLate = false): void {
    if (this.expected.size > 0 && !isLate) return;
    this.entered?.done();
    this.entered = undefined;
  }

  /** The room is no more, and perhaps comes again: what this host knows of the pool stays. */
  private lost(why: string): void {
    if (this.left !== undefined || this.away !== undefined) return;
    if (!this.parts.again || this.entered) return this.end(why);
    for (const [number, { known, token }] of [...this.members]) {
      if (known) this.given.set(known.id, token);
      this.lose(number, why);
    }
    this.away = why;
    this.parts.say(`${why} This host joins again by itself.`);
    this.changed();
    this.comeAgain(AGAIN_MS);
  }

  private comeAgain(waitMs: number): void {
    this.parts.later(waitMs, async () => {
      if (this.left !== undefined) return;
      try {
        const room = await this.parts.again!();
        if (this.left !== undefined) return room.leave();
        this.askedMs = this.parts.hostMs();
        this.away = undefined;
        for (const number of this.listen(room)) this.meet(number);
        this.changed();
        // Every host that is there has introduced itself by then.
        this.parts.later(ANSWER_MS, () => {
          if (this.room === room && this.away === undefined) this.given.clear();
        });
      } catch (error) {
        // Why it does not come in is shown next to the pool.
        this.away = (error as Error).message;
        this.comeAgain(Math.min(2 * waitMs, MOST_AGAIN_MS));
      }
    });
  }

  private hasSlept(): boolean {
    if (this.parts.hostMs() - this.askedMs < SLEPT_MS || this.left !== undefined || this.away !== undefined)
      return false;
    this.giveUpSeat('This host slept, and others have given it up.');
    return true;
  }

  /** Nothing comes any more from those who are there. */
  private lookForSilence(): void {
    const nowMs = this.parts.hostMs();
    const there = [...this.members].filter(([, { known, isOut }]) => known && !isOut);
    if (there.length > 0 && nowMs - this.heardMs >= CUT_OFF_MS)
      return this.giveUpSeat(`No other host of this pool has been heard for ${CUT_OFF_MS / 1000} s.`);
    for (const [number, { known }] of there)
      if (nowMs - known!.heardMs >= SILENT_MS)
        this.broke(number, `has said nothing for ${SILENT_MS / 1000} s, and is there`);
  }

  private end(why: string): void {
    if (this.left !== undefined) return;
    this.left = why;
    this.cancelAsking();
    this.entered?.failed(new Error(why));
    for (const number of [...this.members.keys()]) this.lose(number, why);
    this.changed();
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }

  // ---- delays

  private ask(): void {
    if (this.left !== undefined) return;
    if (this.away === undefined && this.parts.again && !this.hasSlept()) this.lookForSilence();
    this.askedMs = this.parts.hostMs();
    const now = new Uint8Array(8);
    new DataView(now.buffer).setFloat64(0, this.parts.hostMs(), true);
    for (const { channels, known } of this.members.values()) if (known) channels.note(note(NOTE.ask, now));
    this.cancelAsking = this.parts.later(ASK_MS, () => this.ask());
  }

  private answered({ known }: Member, said: Uint8Array): void {
    if (!known || said.length !== 8) return;
    const delayMs = this.parts.hostMs() - new DataView(said.buffer).getFloat64(0, true);
    if (delayMs >= 0 && delayMs < 60_000) known.delayMs = delayMs;
  }
}

function note(type: number, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + rest.length);
  if (bytes.length > MOST_MESSAGE_BYTES) throw new RangeError('a note is short');
  bytes[0] = type;
  bytes.set(rest, 1);
  return bytes;
}
