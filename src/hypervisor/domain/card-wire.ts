/**
 * The wire of a domain's emulated network card: two rings in the domain's records, with Domain 0's bridge at their other ends (src/dom0/host/network). The card may
 * be in the domain's worker, on a thread that it shares with Domain 0, or in Domain 0 itself: it is the same.
 */
import type { Ethernet } from '../../devices/net/index.ts';
import type { Timer, Timers } from '../../devices/index.ts';
import type { AskedBy } from '../../formats/blocks/index.ts';
import { DOMAIN_0, type DomainRecord, type Machine } from '../memory/machine.ts';
import { IO_HOP, type IoTrace } from '../tracing/io-trace.ts';
import { wireOf } from '../worker/frame-ring.ts';
import { ringDoorbell } from '../worker/doorbell.ts';

/** Frames at once, and the time until the next ones: a card's ring is to keep up. */
const BURST = 8,
  BURST_NS = 20_000;
/** When a card without a buffer is looked at again. */
const FULL_NS = 100_000;

export class CardWire implements Ethernet {
  receive?: (frame: Uint8Array) => void;
  canReceive?: () => boolean;
  linkChanged?: () => void;
  private down = false;
  private readonly machine: Machine;
  private readonly timers: Timers;
  private readonly rings: ReturnType<typeof wireOf>;
  private readonly delivery: Timer;
  private readonly record: DomainRecord;
  /** Follows frames; absent: nobody does. */
  io: IoTrace | undefined;

  /** `place`: of its card. A record without rings makes a wire that ends nowhere. */
  constructor(machine: Machine, record: DomainRecord, timers: Timers, place = 0) {
    this.machine = machine;
    this.record = record;
    this.timers = timers;
    this.rings = wireOf(machine, record, place);
    this.delivery = timers.create('network delivery', () => this.deliver());
  }

  get busy(): boolean {
    return this.rings?.fromCard.hasRoom === false;
  }

  get isDown(): boolean {
    return this.down;
  }

  /** Somebody pulls the cable, or puts it in again. */
  setLink(isUp: boolean): void {
    if (this.down === !isUp) return;
    this.down = !isUp;
    this.linkChanged?.();
  }

  send(frame: Uint8Array, by?: AskedBy): void {
    if (this.down) return;
    if (this.rings?.fromCard.put(frame, this.io?.on ? this.follow(this.io, frame, by) : 0))
      ringDoorbell(this.machine, this.machine.domain(DOMAIN_0));
  }

  private follow(io: IoTrace, { length }: Uint8Array, by?: AskedBy): number {
    const number = io.begin();
    io.told(number, this.record, -1);
    if (by) io.hop(number, IO_HOP.VIRTQUEUE, this.record.id, by.head, by.place);
    io.hop(number, IO_HOP.CARD, this.record.id, length, 1);
    return number;
  }

  /** Something has come for `poll`. */
  get arrived(): boolean {
    return this.delivery.deadlineNs === Infinity && this.rings?.toCard.isEmpty === false;
  }

  /** Something may have come: the card gets it in its own time. Call between instructions, after each ring of the doorbell. */
  poll(): void {
    if (this.arrived) this.deliver();
  }

  private deliver(): void {
    const toCard = this.rings?.toCard;
    if (!toCard) return;
    for (let i = 0; i < BURST && !toCard.isEmpty && (this.down || this.canReceive?.() !== false); i++) {
      const frame = toCard.take();
      if (!frame || this.down) continue;
      this.io?.hop(toCard.tag, IO_HOP.CARD, this.record.id, frame.length, 0);
      this.receive?.(frame);
    }
    if (!toCard.isEmpty)
      this.delivery.set(this.timers.clock.nowNs() + (this.canReceive?.() === false ? FULL_NS : BURST_NS));
  }
}
