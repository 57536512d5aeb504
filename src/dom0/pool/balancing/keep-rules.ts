/** Moves that rules want, before anything else. Source: Xen Orchestra's plan.js (_processAffinityTag, _processAntiAffinityTag). */
import type { Because, Staying, Why } from './decisions.ts';
import { leastBusy, leastFree, mostFree, Order, type Round } from './round.ts';
import type { Group } from './rules.ts';
import type { GuestView, HostView } from './samples.ts';

/** This many hosts with room are asked for one guest. */
const MOST_ASKED = 32;

export function keepRules(round: Round): void {
  const byName = new Map(round.hosts.map(host => [host.host, host]));
  for (const from of round.hosts)
    for (const guest of from.guests) {
      const { pinned } = guest.rules;
      if (pinned === undefined || pinned === from.host) continue;
      const to = byName.get(pinned);
      const because: Because = { what: 'pinned' };
      tryEach(round, [[guest, from]], to ? [to] : [], because);
    }
  const targets = new Order(round, round.hosts, leastBusy);
  for (const group of round.rules.broken()) {
    const hosts = [...group.counts].flatMap(([name, count]) => {
      const host = byName.get(name);
      return host && count > 0 ? [{ host, count }] : [];
    });
    if (group.kind === 'together') joinGroup(round, group, hosts);
    else partGroup(round, group, hosts, targets);
  }
}

interface Share {
  host: HostView;
  count: number;
}

const members = ({ guests }: HostView, { kind, group }: Group): GuestView[] =>
  guests.filter(({ rules }) => rules[kind]?.includes(group));

/** All go where most are. */
function joinGroup(round: Round, group: Group, shares: Share[]): void {
  const sorted = shares.sort((a, b) => b.count - a.count || mostFree(a.host, b.host));
  const home = sorted[0]?.host;
  const because: Because = { what: 'together', group: group.group };
  for (const { host } of sorted.slice(1).reverse())
    tryEach(
      round,
      members(host, group).map(guest => [guest, host]),
      [home],
      because,
    );
}

/** Of the hosts that have most, each gives one to a host that has fewer even then. */
function partGroup(round: Round, group: Group, shares: Share[], targets: Order): void {
  const because: Because = { what: 'apart', group: group.group };
  for (const { host, count } of shares.sort((a, b) => b.count - a.count || leastFree(a.host, b.host))) {
    if (count < 2) break;
    const fewer = function* (): Generator<HostView> {
      for (const to of targets.free()) if (!group.counts.get(to.host)) yield to;
      for (const { host: to } of [...shares].sort((a, b) => a.count - b.count || mostFree(a.host, b.host)))
        if ((group.counts.get(to.host) ?? 0) + 1 < (group.counts.get(host.host) ?? 0)) yield to;
    };
    tryEach(
      round,
      members(host, group).map(guest => [guest, host]),
      fewer(),
      because,
    );
  }
}

/** Moves the first guest that can be moved to one of `targets`; else tells why none is. */
function tryEach(round: Round, guests: [GuestView, HostView][], targets: Iterable<HostView>, because: Because): void {
  const { settings } = round;
  const from = guests[0]?.[1];
  if (!from || !round.isFree(from)) return;
  const staying: Staying[] = [];
  const hosts = firstOf(targets, MOST_ASKED);
  for (const [guest] of guests) {
    let why: Why | undefined = round.staysFor(guest, from);
    for (const to of why ? [] : hosts) {
      // It is about to take part in another move: there is time.
      if (!round.isFree(to)) return;
      const answer: ReturnType<Round['weigh']> =
        round.refuses(guest, from, to, settings.busy.critical, settings.free.critical) ??
        round.weigh(guest, from, to, because);
      if ('kind' in answer) return round.move(answer, guest, from, to);
      why ??= answer;
    }
    staying.push({ guest: guest.guest, ...(why ?? { why: 'nobody' }) });
  }
  round.stay(from, because, staying);
}

function firstOf(hosts: Iterable<HostView>, most: number): HostView[] {
  const first: HostView[] = [];
  for (const host of hosts) {
    first.push(host);
    if (first.length >= most) break;
  }
  return first;
}
