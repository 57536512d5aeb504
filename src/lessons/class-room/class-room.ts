/**
 * A class's room at the hub of a pool (docs/pools.md), for pages of several machines. Each wall has a link with every page that is there, and a student's page has one
 * with each wall alone; what passes is sealed with the pool's code. The hub says who is gone, so that nobody needs to have said so.
 */
import { Link, type Room as PoolRoom } from '../../dom0/pool/index.ts';
import type { Later } from '../../dom0/host/index.ts';
import type { Room, RoomEnds } from '../wall.ts';

export interface ClassRoomParts extends RoomEnds {
  /** A wall begins; a student's page answers. */
  isWall: boolean;
  /** The hub's room, again each time that it was lost. @throws Error with a sentence */
  enter(): Promise<PoolRoom>;
  secret: CryptoKey;
  /** Of a generator that nobody can guess. */
  random(count: number): Uint8Array;
  later: Later;
}

const SALT_BYTES = 16;
/** Before a room that was lost is tried again; each time twice as long. */
const AGAIN_MS = 1000,
  MOST_AGAIN_MS = 10_000;

const encoder = new TextEncoder(),
  decoder = new TextDecoder();

export class ClassRoom implements Room {
  private readonly parts: ClassRoomParts;
  private room: PoolRoom | undefined;
  private readonly links = new Map<number, Link>();
  /** Those that have answered: what is sent before that would only wait. */
  private readonly begun = new Set<number>();
  private last: string | undefined;
  private isOver = false;

  constructor(parts: ClassRoomParts) {
    this.parts = parts;
    void this.enter(AGAIN_MS);
  }

  /** The last text that was sent is what somebody hears who comes later: all of it is sent each time. */
  send(text: string): void {
    this.last = text;
    for (const member of this.begun) this.links.get(member)!.send(encoder.encode(text));
  }

  close(): void {
    this.isOver = true;
    for (const link of this.links.values()) link.end();
    this.room?.leave();
  }

  private async enter(againMs: number): Promise<void> {
    const { parts } = this;
    try {
      const room = await parts.enter();
      if (this.isOver) return room.leave();
      this.room = room;
      const before = room.listen({
        came: member => this.meet(member),
        gone: member => this.lose(member),
        message: (from, message) => this.take(from, message),
        drained: () => {},
        closed: why => this.lost(why),
      });
      parts.told?.(undefined);
      for (const member of before) this.meet(member);
    } catch (error) {
      this.comeAgain((error as Error).message, againMs);
    }
  }

  private comeAgain(why: string, afterMs: number): void {
    if (this.isOver) return;
    this.parts.told?.(why);
    this.parts.later(afterMs, () => {
      if (!this.isOver) void this.enter(Math.min(2 * afterMs, MOST_AGAIN_MS));
    });
  }

  private lost(why: string): void {
    for (const member of [...this.links.keys()]) this.lose(member);
    this.room = undefined;
    this.comeAgain(why, AGAIN_MS);
  }

  private meet(member: number): void {
    if (this.parts.isWall) this.link(member);
  }

  private link(member: number): Link {
    const link = new Link({
      secret: this.parts.secret,
      salt: this.parts.random(SALT_BYTES),
      send: message => this.room?.send(member, message),
      opened: bytes => this.parts.hear(decoder.decode(bytes), member),
      // It may stay in the room, and is not heard.
      broken: () => this.begun.delete(member),
    });
    this.links.set(member, link);
    return link;
  }

  private take(from: number, message: Uint8Array<ArrayBuffer>): void {
    const link = this.links.get(from) ?? this.link(from);
    link.take(message);
    if (this.begun.has(from) || link.isOver) return;
    this.begun.add(from);
    if (this.last !== undefined) link.send(encoder.encode(this.last));
  }

  private lose(member: number): void {
    this.links.get(member)?.end();
    this.links.delete(member);
    this.begun.delete(member);
    this.parts.left?.(member);
  }
}
