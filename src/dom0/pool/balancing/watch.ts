/** Keeps what hosts reported in the last minute, and moves that go on. */
import type { GuestRules, GuestSample, GuestView, HostSample, HostView, PoolView } from './samples.ts';
import type { Settings } from './settings.ts';

/** Values of the last while. */
class History {
  private readonly timesMs: number[] = [];
  private readonly values: number[] = [];

  add(atMs: number, value: number, keepMs: number): void {
    this.timesMs.push(atMs);
    this.values.push(value);
    while (this.timesMs[0] <= atMs - keepMs) {
      this.timesMs.shift();
      this.values.shift();
    }
  }

  /** Of what came after `sinceMs`; of the last, where nothing did. */
  average(sinceMs: number): number {
    const { timesMs, values } = this;
    let at = values.length - 1;
    let sum = values[at];
    while (at > 0 && timesMs[at - 1] > sinceMs) sum += values[--at];
    return sum / (values.length - at);
  }
}

interface WatchedGuest {
  sample: GuestSample;
  /** Absent: its host has given it away or ended it, and no other has reported it. */
  host?: string | undefined;
  toldMs: number;
  busy: History;
  restsUntilMs: number;
}

interface WatchedHost {
  sample: HostSample;
  sinceMs: number;
  /** Slots that are busy with nothing of its guests: what they did goes with them. */
  own: History;
  guests: Set<string>;
}

interface Moving {
  endedMs?: number;
}

const NO_RULES: GuestRules = {};

export class Watch {
  private readonly settings: Settings;
  private readonly hosts = new Map<string, WatchedHost>();
  private readonly guests = new Map<string, WatchedGuest>();
  /** Moves that go on, by guest. */
  private readonly moving = new Map<string, Moving>();
  /** Of each host, moves after which it did not tell yet how it is. */
  private readonly unsettled = new Map<string, Set<Moving>>();

  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** Samples of a host come in the order of their times; an older one is passed over. */
  take(sample: HostSample): void {
    const { host, atMs, slots, busy, guests } = sample;
    const { longMs } = this.settings;
    const watched = this.hosts.get(host) ?? { sample, sinceMs: atMs, own: new History(), guests: new Set<string>() };
    if (atMs < watched.sample.atMs) return;
    watched.sample = sample;
    const before = watched.guests;
    watched.guests = new Set();
    let guestSlots = 0;
    for (const guest of guests) {
      guestSlots += guest.busySlots;
      this.takeGuest(watched, guest);
    }
    watched.own.add(atMs, Math.max(0, busy * slots - guestSlots), longMs);
    for (const guest of before) {
      const known = this.guests.get(guest);
      if (known?.host === host && !watched.guests.has(guest)) known.host = undefined;
    }
    this.hosts.set(host, watched);
    this.settle(host, endedMs => atMs >= endedMs);
  }

  private settle(host: string, isSettled: (endedMs: number) => boolean): void {
    const moves = this.unsettled.get(host);
    if (!moves) return;
    for (const move of moves) if (move.endedMs !== undefined && isSettled(move.endedMs)) moves.delete(move);
    if (moves.size === 0) this.unsettled.delete(host);
  }

  /** If two hosts report a guest, the one that reported last has it. */
  private takeGuest({ sample: { host, atMs }, guests }: WatchedHost, sample: GuestSample): void {
    const { guest } = sample;
    const known = this.guests.get(guest);
    if (known?.host !== undefined && known.host !== host) this.hosts.get(known.host)?.guests.delete(guest);
    const watched: WatchedGuest = known ?? { sample, host, toldMs: atMs, busy: new History(), restsUntilMs: 0 };
    Object.assign(watched, { sample, host, toldMs: atMs });
    watched.busy.add(atMs, sample.busySlots, this.settings.longMs);
    this.guests.set(guest, watched);
    guests.add(guest);
  }

  /** A move has begun, by whomsoever it was wanted. */
  begun(guest: string, from: string, to: string): void {
    const move: Moving = {};
    this.moving.set(guest, move);
    for (const host of [from, to]) this.unsettled.set(host, (this.unsettled.get(host) ?? new Set()).add(move));
  }

  /** It has ended, well or not. */
  ended(guest: string, nowMs: number): void {
    const moving = this.moving.get(guest);
    if (moving) moving.endedMs = nowMs;
    this.moving.delete(guest);
    const watched = this.guests.get(guest);
    if (watched) watched.restsUntilMs = nowMs + this.settings.restMs;
  }

  view(nowMs: number): PoolView {
    const { lostMs, longMs } = this.settings;
    for (const host of this.unsettled.keys()) this.settle(host, endedMs => nowMs - endedMs >= lostMs);
    for (const [name, { sample, guests }] of this.hosts)
      if (nowMs - sample.atMs >= lostMs) {
        this.hosts.delete(name);
        for (const guest of guests) this.guests.get(guest)!.host = undefined;
      }
    for (const [guest, { host, toldMs }] of this.guests)
      if (host === undefined && nowMs - toldMs >= longMs) this.guests.delete(guest);
    const hosts = [...this.hosts.values()].map(host => this.hostView(host, nowMs));
    return { nowMs, hosts: hosts.sort((a, b) => byName(a.host, b.host)) };
  }

  private hostView({ sample, sinceMs, own, guests }: WatchedHost, nowMs: number): HostView {
    const { recentMs } = this.settings;
    const views = [...guests].map(guest => this.guestView(this.guests.get(guest)!, nowMs));
    views.sort((a, b) => byName(a.guest, b.guest));
    const { recentSlots, slots } = this.averages(own, nowMs);
    const aside =
      sample.aside ?? (nowMs - sinceMs < recentMs ? `it was watched for less than ${recentMs / 1000} s` : undefined);
    return {
      ...sample,
      ...(aside === undefined ? {} : { aside }),
      isCoordinator: sample.isCoordinator === true,
      receives: sample.receives !== false,
      isMoving: this.unsettled.has(sample.host),
      guests: views,
      recentSlots: views.reduce((sum, guest) => sum + guest.recentSlots, recentSlots),
      busySlots: views.reduce((sum, guest) => sum + guest.slots, slots),
    };
  }

  private guestView({ sample, busy, restsUntilMs }: WatchedGuest, nowMs: number): GuestView {
    return { ...sample, ...this.averages(busy, nowMs), rules: sample.rules ?? NO_RULES, restsUntilMs };
  }

  private averages(history: History, nowMs: number): { recentSlots: number; slots: number } {
    const { recentMs, longMs, recentWeight } = this.settings;
    const recentSlots = history.average(nowMs - recentMs);
    return { recentSlots, slots: recentWeight * recentSlots + (1 - recentWeight) * history.average(nowMs - longMs) };
  }
}

/** The same order everywhere, whatever its language. */
export const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
