/**
 * Hosts with little to do are emptied into those that are fullest of the rest, so that they could be switched off. A host is emptied if all its guests find a
 * place. Source: Xen Orchestra's density-plan.js (_checkResourcesThresholds, _simulate, _testMigration).
 */
import type { Because, Move, Why } from './decisions.ts';
import { leastFree, Order, type Round } from './round.ts';
import { busyOf, freeOf, type GuestView, type HostView, recentBusyOf } from './samples.ts';

/** This many hosts with enough memory are asked for one guest. */
const MOST_ASKED = 32;
const DENSITY: Because = { what: 'density' };

interface Place {
  guest: GuestView;
  to: HostView;
  move: Move;
}

export class Emptying {
  private readonly round: Round;
  private readonly coordinator: HostView | undefined;
  private readonly targets: Order;
  private readonly emptied = new Set<HostView>();

  constructor(round: Round) {
    this.round = round;
    this.coordinator = round.hosts.find(({ isCoordinator }) => isCoordinator);
    // A host that is empty stays so.
    const inUse = round.hosts.filter(host => host.receives && host.guests.length > 0 && host !== this.coordinator);
    this.targets = new Order(round, inUse, leastFree);
  }

  empty(): void {
    const { round } = this;
    const { busy, free } = round.settings;
    const bytesOf = ({ guests }: HostView): number => guests.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
    const candidates = round.hosts
      .filter(host => host.guests.length > 0 && host !== this.coordinator)
      .filter(host => Math.max(busyOf(host), recentBusyOf(host)) < busy.low && freeOf(host) > free.low)
      .map(host => ({ host, bytes: bytesOf(host) }))
      .sort((a, b) => a.bytes - b.bytes || (a.host.host < b.host.host ? -1 : 1));
    // A host that is to take guests is not emptied.
    for (const { host } of candidates) if (round.isFree(host) && !round.isPromised(host)) this.emptyOne(host);
  }

  private emptyOne(from: HostView): void {
    const { round, emptied } = this;
    const places: Place[] = [];
    emptied.add(from);
    for (const guest of [...from.guests].sort((a, b) => b.memoryBytes - a.memoryBytes)) {
      const found = round.staysFor(guest, from) ?? this.search(guest, from);
      if ('why' in found) {
        for (const place of places) round.promise(place.to, -place.guest.slots, -place.guest.memoryBytes);
        round.stay(from, DENSITY, [{ guest: guest.guest, ...found }]);
        emptied.delete(from);
        return;
      }
      places.push(found);
      round.promise(found.to, guest.slots, guest.memoryBytes);
    }
    const [{ guest, to, move }] = places;
    round.promise(to, -guest.slots, -guest.memoryBytes);
    round.move(move, guest, from, to);
  }

  /** The coordinator's host first, as it is never switched off; then the fullest that has room. */
  private search(guest: GuestView, from: HostView): Place | Why {
    const { round, coordinator, emptied } = this;
    let first: Why | undefined;
    let asked = 0;
    const master = coordinator && round.isFree(coordinator) ? [coordinator] : [];
    const others = this.targets.free(host => host.freeBytes > guest.memoryBytes);
    for (const hosts of [master, others])
      for (const to of hosts) {
        if (emptied.has(to)) continue;
        if (++asked > MOST_ASKED) break;
        const answer = this.ask(guest, from, to);
        if ('kind' in answer) return { guest, to, move: answer };
        first ??= answer;
      }
    return first ?? { why: 'nobody' };
  }

  /** Fuller than where relief ends nobody is made, else guests would be moved on at once. */
  private ask(guest: GuestView, from: HostView, to: HostView): Move | Why {
    const { busy, free } = this.round.settings;
    return this.round.refuses(guest, from, to, busy.high, free.critical) ?? this.round.weigh(guest, from, to, DENSITY);
  }
}
