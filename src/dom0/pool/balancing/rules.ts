/** Which guests share a host, or must not. A rule is broken by each pair of a group that is not as the group is to be; no move may make more of those. */
import type { GuestView, HostView } from './samples.ts';

type Kind = 'together' | 'apart';

export interface Group {
  kind: Kind;
  group: string;
  /** How many of its guests a host has. */
  counts: Map<string, number>;
}

export type BrokenRule = { why: 'pinned' } | { why: Kind; group: string };

export class RuleBook {
  /** By kind and name. */
  private readonly groups = new Map<string, Group>();

  constructor(hosts: readonly HostView[]) {
    for (const { host, guests } of hosts) for (const guest of guests) this.count(guest, host, 1);
  }

  private count(guest: GuestView, host: string, change: number): void {
    for (const { counts } of this.groupsOf(guest)) counts.set(host, (counts.get(host) ?? 0) + change);
  }

  private groupsOf({ rules }: GuestView): Group[] {
    const { together = [], apart = [] } = rules;
    if (together.length + apart.length === 0) return [];
    return [...together.map(group => this.group('together', group)), ...apart.map(group => this.group('apart', group))];
  }

  private group(kind: Kind, group: string): Group {
    const key = `${kind} ${group}`;
    const known = this.groups.get(key) ?? { kind, group, counts: new Map<string, number>() };
    this.groups.set(key, known);
    return known;
  }

  /** The rule that a move would break more than it is broken. */
  brokenBy(guest: GuestView, from: string, to: string): BrokenRule | undefined {
    const { pinned } = guest.rules;
    if (pinned !== undefined && pinned !== to) return { why: 'pinned' };
    for (const { kind, group, counts } of this.groupsOf(guest)) {
      const leaves = (counts.get(from) ?? 1) - 1;
      const meets = counts.get(to) ?? 0;
      if (kind === 'together' ? meets < leaves : meets > leaves) return { why: kind, group };
    }
    return undefined;
  }

  /** A move that is decided. */
  moved(guest: GuestView, from: string, to: string): void {
    this.count(guest, from, -1);
    this.count(guest, to, 1);
  }

  /** Those of which a pair is not as it is to be. */
  broken(): Group[] {
    return [...this.groups.values()].filter(({ kind, counts }) => {
      const taken = [...counts.values()].filter(count => count > 0);
      return kind === 'together' ? taken.length > 1 : taken.some(count => count > 1);
    });
  }
}

/** Pairs of guests that are not as a rule wants them, and guests that are not where they are pinned. */
export function brokenPairs(hosts: readonly HostView[]): number {
  let broken = 0;
  for (const { host, guests } of hosts)
    for (const { rules } of guests) if (rules.pinned !== undefined && rules.pinned !== host) broken++;
  const pairs = (count: number): number => (count * (count - 1)) / 2;
  for (const { kind, counts } of new RuleBook(hosts).broken()) {
    const taken = [...counts.values()];
    const shared = taken.reduce((sum, count) => sum + pairs(count), 0);
    broken += kind === 'apart' ? shared : pairs(taken.reduce((sum, count) => sum + count, 0)) - shared;
  }
  return broken;
}
