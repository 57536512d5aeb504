/** One look at the pool: what is decided so far, and what that leaves possible. Each host gives or takes one guest at a time. */
import { benefitOf, type Calm, costOf } from './cost.ts';
import type { Because, Decision, Ends, Move, Staying, Why } from './decisions.ts';
import { RuleBook } from './rules.ts';
import { busyOf, freeOf, type GuestView, type HostView, type PoolView } from './samples.ts';
import type { Settings } from './settings.ts';

export class Round {
  readonly decisions: Decision[] = [];
  readonly settings: Settings;
  readonly nowMs: number;
  /** Those that take part. */
  readonly hosts: readonly HostView[];
  readonly rules: RuleBook;
  /** Hosts that a guest comes to, or goes from. */
  private readonly taken = new Set<HostView>();
  /** What hosts take on after the moves of now. */
  private readonly promised = new Map<HostView, { slots: number; bytes: number }>();

  constructor({ nowMs, hosts }: PoolView, settings: Settings) {
    this.nowMs = nowMs;
    this.settings = settings;
    this.hosts = hosts.filter(({ aside }) => aside === undefined);
    this.rules = new RuleBook(hosts);
    for (const host of this.hosts) if (host.isMoving) this.taken.add(host);
  }

  isFree(host: HostView): boolean {
    return !this.taken.has(host);
  }

  /** Room that is kept for guests which come later. */
  promise(host: HostView, slots: number, bytes: number): void {
    const promised = this.promised.get(host) ?? { slots: 0, bytes: 0 };
    this.promised.set(host, { slots: promised.slots + slots, bytes: promised.bytes + bytes });
  }

  isPromised(host: HostView): boolean {
    return (this.promised.get(host)?.bytes ?? 0) > 0;
  }

  /** A host as it is, and as it would be with more to do. */
  ends(host: HostView, slots: number, bytes: number): Ends {
    const promised = this.promised.get(host);
    return {
      host: host.host,
      busy: busyOf(host),
      busyAfter: (host.busySlots + (promised?.slots ?? 0) + slots) / host.slots,
      freeBytes: host.freeBytes,
      freeBytesAfter: host.freeBytes - (promised?.bytes ?? 0) - bytes,
    };
  }

  /** Why a guest is not to be moved at all. */
  staysFor({ restsUntilMs, rules }: GuestView, from: HostView): Why | undefined {
    if (rules.pinned === from.host) return { why: 'pinned' };
    if (restsUntilMs > this.nowMs) return { why: 'resting', forMs: restsUntilMs - this.nowMs };
    return undefined;
  }

  /** Why a host is not to have it, whatever is gained: it takes nobody, a rule, room. `most`, `least`: how busy it may become, how little free. */
  refuses(guest: GuestView, from: HostView, to: HostView, most: number, least: number): Why | undefined {
    if (!to.receives) return { why: 'nobody' };
    const broken = this.rules.brokenBy(guest, from.host, to.host);
    if (broken) return broken;
    const ends = this.ends(to, guest.slots, guest.memoryBytes);
    if (ends.freeBytesAfter <= least * to.totalBytes) return { why: 'memory', to: ends };
    return ends.busyAfter >= most ? { why: 'busy', to: ends } : undefined;
  }

  /** A move as it would be made; `calm`: it must be worth its cost. */
  weigh(guest: GuestView, from: HostView, to: HostView, because: Because, calm?: Calm): Move | Why {
    const { settings } = this;
    const cost = costOf(guest, from, to, settings);
    if (cost.stopMs > settings.longestStopMs) return { why: 'stop', to: to.host, cost };
    const benefitSlotSeconds = calm && benefitOf(guest, from, to, calm, settings);
    if (benefitSlotSeconds !== undefined && benefitSlotSeconds <= cost.slotSeconds)
      return { why: 'cost', to: to.host, cost, benefitSlotSeconds };
    return {
      kind: 'move',
      isAutomatic: settings.automatic,
      guest: guest.guest,
      because,
      from: this.ends(from, -guest.slots, -guest.memoryBytes),
      to: this.ends(to, guest.slots, guest.memoryBytes),
      memoryBytes: guest.memoryBytes,
      cost,
      ...(benefitSlotSeconds === undefined ? {} : { benefitSlotSeconds }),
    };
  }

  move(move: Move, guest: GuestView, from: HostView, to: HostView): void {
    this.decisions.push(move);
    this.rules.moved(guest, from.host, to.host);
    this.taken.add(from).add(to);
    this.promise(to, guest.slots, guest.memoryBytes);
  }

  stay(host: HostView, because: Because, guests: Staying[]): void {
    const { freeBytes } = host;
    this.decisions.push({ kind: 'stay', host: host.host, because, busy: busyOf(host), freeBytes, guests });
  }
}

/** Hosts in an order, without those that have a move: a search passes each of these once, so that many searches stay cheap. */
export class Order {
  private readonly round: Round;
  private readonly hosts: readonly HostView[];
  /** Of a host that has a move, one after it, before which there is none without. */
  private readonly next: Int32Array;

  constructor(round: Round, hosts: readonly HostView[], compare: (a: HostView, b: HostView) => number) {
    this.round = round;
    this.hosts = [...hosts].sort(compare);
    this.next = Int32Array.from(this.hosts, (_host, index) => index + 1);
  }

  /** From the first of which `begins`, where the hosts before it are all not wanted. */
  *free(begins: (host: HostView) => boolean = () => true): Generator<HostView> {
    let low = 0;
    let high = this.hosts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (begins(this.hosts[middle])) high = middle;
      else low = middle + 1;
    }
    for (let at = this.firstFree(low); at < this.hosts.length; at = this.firstFree(at + 1)) yield this.hosts[at];
  }

  private firstFree(from: number): number {
    const { hosts, next, round } = this;
    let free = from;
    while (free < hosts.length && !round.isFree(hosts[free])) free = next[free];
    let at = from;
    while (at < free) {
      const after = next[at];
      next[at] = free;
      at = after;
    }
    return free;
  }
}

/** Whole per mille: hosts that differ by less are as busy as each other (Xen Orchestra's epsiEqual, performance-plan.js). */
const perMille = (host: HostView): number => Math.round(busyOf(host) * 1000);

export const leastBusy = (a: HostView, b: HostView): number =>
  perMille(a) - perMille(b) || b.freeBytes - a.freeBytes || (a.host < b.host ? -1 : 1);
export const mostFree = (a: HostView, b: HostView): number =>
  freeOf(b) - freeOf(a) || perMille(a) - perMille(b) || (a.host < b.host ? -1 : 1);
export const leastFree = (a: HostView, b: HostView): number =>
  a.freeBytes - b.freeBytes || perMille(b) - perMille(a) || (a.host < b.host ? -1 : 1);
