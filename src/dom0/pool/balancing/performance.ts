/**
 * Relief of hosts that are too busy or short of memory: the worst first, by a move of the guest that gains most, to the least busy host that stays calm with it.
 * Source: Xen Orchestra's performance-plan.js (_checkResourcesThresholds, _sortHosts, _optimize).
 */
import type { Because, Move, Staying, Why } from './decisions.ts';
import { type Round, leastBusy, mostFree, Order } from './round.ts';
import { busyOf, freeOf, type GuestView, type HostView, recentBusyOf } from './samples.ts';

/** From where a host is relieved, and where that ends. */
export interface Lines {
  busy: { begin: number; end: number };
  free: { begin: number; end: number };
}

/** This many hosts are asked for one guest, in either order: in a large pool the next are hardly better. */
const MOST_ASKED = 32;

/** Hosts to be relieved. `relieving`: those that were, and are so until they are calm. Load must be over the line in both averages. */
export function needingRelief(hosts: readonly HostView[], relieving: ReadonlySet<string>, lines: Lines): HostView[] {
  return hosts.filter(host => {
    const line = relieving.has(host.host) ? 'end' : 'begin';
    const busy = Math.min(busyOf(host), recentBusyOf(host));
    return busy >= lines.busy[line] || freeOf(host) <= lines.free[line];
  });
}

/** The worst first: what is beyond both lines, then what is too busy, then what is short of memory. */
function worstFirst(lines: Lines): (a: HostView, b: HostView) => number {
  const state = (host: HostView): number =>
    (busyOf(host) >= lines.busy.begin ? 2 : 0) + (freeOf(host) <= lines.free.begin ? 1 : 0);
  return (a, b) => state(b) - state(a) || leastBusy(b, a);
}

interface Found {
  move: Move;
  guest: GuestView;
  to: HostView;
}

export class Relief {
  private readonly round: Round;
  private readonly lines: Lines;
  private readonly orders: Order[];

  constructor(round: Round, lines: Lines, order = leastBusy) {
    this.round = round;
    this.lines = lines;
    const receivers = round.hosts.filter(({ receives }) => receives);
    this.orders = [order, mostFree].map(compare => new Order(round, receivers, compare));
  }

  relieve(hosts: readonly HostView[]): void {
    for (const host of [...hosts].sort(worstFirst(this.lines))) if (this.round.isFree(host)) this.relieveOne(host);
  }

  private relieveOne(from: HostView): void {
    const { round, lines } = this;
    const because: Because = { what: busyOf(from) >= lines.busy.end ? 'busy' : 'memory' };
    const staying: Staying[] = [];
    let best: Found | undefined;
    for (const guest of from.guests) {
      const found = round.staysFor(guest, from) ?? this.search(guest, from, because);
      if ('why' in found) staying.push({ guest: guest.guest, ...found });
      else if (!best || gainOf(found.move) > gainOf(best.move)) best = found;
    }
    if (best) round.move(best.move, best.guest, from, best.to);
    else round.stay(from, because, staying);
  }

  /** Where a guest would go, or why not to the first that was asked. */
  private search(guest: GuestView, from: HostView, because: Because): Found | Why {
    let first: Why | undefined;
    for (const order of this.orders) {
      let asked = 0;
      for (const to of order.free()) {
        if (to === from) continue;
        if (++asked > MOST_ASKED) break;
        const answer = this.ask(guest, from, to, because);
        if ('kind' in answer) return { move: answer, guest, to };
        if (!first || first.why === 'nobody') first = answer;
      }
    }
    return first ?? { why: 'nobody' };
  }

  private ask(guest: GuestView, from: HostView, to: HostView, because: Because): Move | Why {
    const { round, lines } = this;
    const refusal = round.refuses(guest, from, to, lines.busy.end, lines.free.begin);
    if (refusal) return refusal;
    // Over the line any host that stays calm is better; below it a move must not turn the two round.
    if (busyOf(from) < lines.busy.begin && freeOf(from) > lines.free.begin) {
      const left = round.ends(from, -guest.slots, -guest.memoryBytes);
      const there = round.ends(to, guest.slots, guest.memoryBytes);
      if (left.busyAfter < there.busyAfter) return { why: 'uneven', from: left, to: there };
    }
    return round.weigh(guest, from, to, because, { busy: lines.busy.end, free: lines.free.end });
  }
}

const gainOf = ({ benefitSlotSeconds = 0, cost }: Move): number => benefitSlotSeconds - cost.slotSeconds;
