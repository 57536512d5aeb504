/**
 * Frames between a domain's network card and Domain 0 (layout.ts, WIRE), in the domain's past: between two of its slices Domain 0 puts some in and takes some
 * out. In the past it has neither: what it did then is done again from here, and what the card sends then was sent long ago.
 */
import { FRAME_RING, FRAME_RING_BYTES, WIRE, WIRE_BYTES } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';

const HEAD_WORDS = WIRE.FRAMES;
const CAME = WIRE.TO_CARD + FRAME_RING.WRITTEN,
  WENT = WIRE.FROM_CARD + FRAME_RING.READ,
  SENT = WIRE.FROM_CARD + FRAME_RING.WRITTEN;

/** Between two slices. */
export interface Traffic {
  /** The rings' counts at that time. */
  came: number;
  went: number;
  /** Bytes that came, as the ring has them. */
  bytes: Uint8Array;
}

class WirePast {
  private readonly head: Int32Array;
  private readonly ring: Uint8Array;
  private came = 0;
  private went = 0;
  /** The heads as they are in the past; undefined: they are in memory. */
  private hidden: Int32Array | undefined;

  constructor({ words, bytes }: Machine, offset: number) {
    this.head = words.subarray(offset >>> 2, (offset >>> 2) + HEAD_WORDS);
    const data = offset + 4 * WIRE.FRAMES + FRAME_RING_BYTES;
    this.ring = bytes.subarray(data, data + FRAME_RING_BYTES);
    this.seen();
  }

  /** A slice has ended. */
  seen(): void {
    this.came = this.head[CAME]!;
    this.went = this.head[WENT]!;
  }

  /** The next one begins: what was between them; undefined: nothing. */
  traffic(): Traffic | undefined {
    const { head, ring, came, went } = this;
    if (head[CAME] === came && head[WENT] === went) return undefined;
    const bytes = new Uint8Array((head[CAME]! - came) >>> 0);
    for (let i = 0; i < bytes.length; i++) bytes[i] = ring[(came + i) & (FRAME_RING_BYTES - 1)]!;
    return { came: head[CAME]!, went: head[WENT]!, bytes };
  }

  again({ came, went, bytes }: Traffic): void {
    const { head, ring } = this,
      from = came - bytes.length;
    for (let i = 0; i < bytes.length; i++) ring[(from + i) & (FRAME_RING_BYTES - 1)] = bytes[i]!;
    head[CAME] = came;
    head[WENT] = went;
  }

  /** Domain 0 finds nothing to take. */
  hide(): void {
    this.hidden = this.head.slice();
    this.head[WENT] = this.head[SENT]!;
  }

  /** The past goes on. */
  show(): void {
    if (this.hidden) this.head.set(this.hidden);
    this.hidden = undefined;
  }

  /** The past is the present now: what was sent stays sent. */
  settle(): void {
    this.hidden = undefined;
    this.seen();
  }
}

/** Those of all of a domain's cards. */
export class WiresPast {
  private readonly wires: readonly WirePast[];

  constructor(machine: Machine, { wireOffset, wires }: DomainRecord) {
    this.wires = Array.from({ length: wires }, (_, place) => new WirePast(machine, wireOffset + place * WIRE_BYTES));
  }

  /** Of each that had any, by its place. */
  *traffic(): Generator<{ place: number; traffic: Traffic }> {
    for (const [place, wire] of this.wires.entries()) {
      const traffic = wire.traffic();
      if (traffic) yield { place, traffic };
    }
  }

  again({ place, traffic }: { place: number; traffic: Traffic }): void {
    this.wires[place]?.again(traffic);
  }

  are(what: 'seen' | 'hide' | 'show' | 'settle'): void {
    for (const wire of this.wires) wire[what]();
  }
}
