/** The bridge's end of a wire to a domain's emulated card (src/hypervisor/domain/card-wire.ts). */
import type { Timer, Timers } from '../../../devices/index.ts';
import { MAILBOX } from '../../../hypervisor/layout/index.ts';
import type { DomainRecord, Machine } from '../../../hypervisor/memory/index.ts';
import { isWatched } from '../../../hypervisor/tracing/index.ts';
import { wireOf } from '../../../hypervisor/worker/index.ts';
import type { Bridge, BridgePort } from './bridge.ts';
import type { Frame } from './frame.ts';
import { Credit, type Rate } from './rate.ts';

/** Frames of one card before the others have their turn. */
const TURN = 64;

interface CardPortParts {
  bridge: Bridge;
  timers: Timers;
  /** Of its port on the bridge. */
  name: string;
  /** Which of its board's cards it is. */
  place: number;
  rate?: Rate | undefined;
}

export class CardPort {
  readonly port: BridgePort;
  private readonly machine: Machine;
  private readonly doorbell: number;
  private readonly rings: NonNullable<ReturnType<typeof wireOf>>;
  private readonly credit: Credit | undefined;
  private readonly again: Timer | undefined;
  /** A frame that its rate does not let pass yet. */
  private held: Frame | undefined;

  /** @throws RangeError where the domain has no card */
  constructor(machine: Machine, record: DomainRecord, { bridge, timers, name, place, rate }: CardPortParts) {
    const rings = wireOf(machine, record, place);
    if (!rings) throw new RangeError(`domain ${record.id} has no emulated network card ${place}`);
    this.machine = machine;
    this.rings = rings;
    this.doorbell = (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL;
    this.credit = rate && new Credit(rate, () => timers.clock.nowNs());
    this.again = rate && timers.create(`${name} rate`, () => this.poll());
    this.port = bridge.addPort(name, {
      watched: () => isWatched(machine, record),
      deliver: frame => this.deliver(frame),
    });
  }

  /** Its card has sent something that can go on. */
  get isDue(): boolean {
    return this.held === undefined && !this.rings.fromCard.isEmpty;
  }

  /** Brings what its card has sent to the bridge. */
  poll(): void {
    const { port, credit } = this;
    for (let i = 0; i < TURN; i++) {
      const frame = this.held ?? this.take();
      this.held = undefined;
      if (!frame) return;
      const againNs = credit?.take(frame.bytes.length) ?? 0;
      if (againNs > 0) {
        this.held = frame;
        this.again?.set(againNs);
        return;
      }
      port.input(frame);
    }
  }

  private take(): Frame | undefined {
    const { fromCard } = this.rings;
    const bytes = fromCard.take();
    return bytes && { bytes, ...(fromCard.tag === 0 ? {} : { number: fromCard.tag }) };
  }

  private deliver({ bytes, number }: Frame): void {
    const { machine, rings, doorbell } = this;
    if (!rings.toCard.put(bytes, number)) return this.port.lost();
    Atomics.add(machine.words, doorbell, 1);
    Atomics.notify(machine.words, doorbell);
  }

  close(): void {
    this.again?.remove();
    this.port.remove();
  }
}

/** A domain's emulated card. */
export interface AttachedCard {
  domid: number;
  place: number;
  port: CardPort;
  /** Counts them all, also those that are gone. */
  tap: number;
}

export class CardPorts {
  all: readonly AttachedCard[] = [];
  private taps = 0;

  add(domid: number, place: number, port: CardPort): void {
    this.all = [...this.all, { domid, place, port, tap: this.taps++ }];
  }

  /** All of a domain, or one. */
  close(domid: number, place?: number): void {
    const isMeant = (card: AttachedCard): boolean =>
      card.domid === domid && (place === undefined || card.place === place);
    for (const { port } of this.all.filter(isMeant)) port.close();
    this.all = this.all.filter(card => !isMeant(card));
  }
}
