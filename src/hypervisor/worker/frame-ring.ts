/**
 * Frames between a domain's emulated network card and Domain 0's bridge: a ring each way (message-ring.ts). A frame's tag is its number (tracing/io-trace.ts; 0:
 * nobody follows it).
 */
import { FRAME_RING, FRAME_RING_BYTES, WIRE, WIRE_BYTES } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import { MessageRing } from './message-ring.ts';

/** Longest frame that a ring takes, in bytes: room for jumbo frames, and far less than the ring. */
export const LONGEST_FRAME = 9216;

export class FrameRing extends MessageRing {
  private readonly lost: number;

  /** `head`: index of its head in `machine.words`; `data`: byte offset of its FRAME_RING_BYTES. */
  constructor({ words, bytes }: Pick<Machine, 'words' | 'bytes'>, head: number, data: number) {
    const written = head + FRAME_RING.WRITTEN,
      read = head + FRAME_RING.READ;
    super({ words, bytes, written, read, data, size: FRAME_RING_BYTES }, LONGEST_FRAME);
    this.lost = head + FRAME_RING.DROPPED;
  }

  /** Frames that found no room. */
  get dropped(): number {
    return this.words[this.lost] >>> 0;
  }

  /** Writer. False: there is no room, or the frame is too long; it is lost and counted. */
  override put(frame: Uint8Array, number = 0): boolean {
    if (super.put(frame, number)) return true;
    this.words[this.lost]++;
    return false;
  }
}

/** Both rings of the card at a place of a domain's board; undefined: there is none for it. */
export function wireOf(
  machine: Machine,
  { wireOffset, wires }: DomainRecord,
  place = 0,
): { fromCard: FrameRing; toCard: FrameRing } | undefined {
  if (place >= wires) return undefined;
  const at = wireOffset + place * WIRE_BYTES;
  const head = at >>> 2,
    data = at + WIRE.FRAMES * 4;
  return {
    fromCard: new FrameRing(machine, head + WIRE.FROM_CARD, data),
    toCard: new FrameRing(machine, head + WIRE.TO_CARD, data + FRAME_RING_BYTES),
  };
}
