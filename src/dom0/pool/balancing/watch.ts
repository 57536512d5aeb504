/** Keeps what hosts told in the last minute, and moves that go on. */
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
  host: string;
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
  /** Those that did not tell yet how they are after it. */
  hosts: Set<string>;
  endedMs?: number;
}

const NO_RULES: GuestRules = {};

export class Watch {
  private readonly settings: Settings;
  private readonly hosts = new Map<string, WatchedHost>();
  private readonly guests = new Map<string, WatchedGuest>();
  private readonly moving = new Map<string, Moving>();

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
    for (const told of guests) {
      guestSlots += told.busySlots;
      this.takeGuest(watched, told);
    }
    watched.own.add(atMs, Math.max(0, busy * slots - guestSlots), longMs);
    for (const guest of before)
      if (!watched.guests.has(guest) && this.guests.get(guest)?.host === host) this.guests.delete(guest);
    this.hosts.set(host, watched);
    for (const [guest, { hosts, endedMs }] of this.moving) {
      if (endedMs !== undefined && atMs >= endedMs) hosts.delete(host);
      if (hosts.size === 0) this.moving.delete(guest);
    }
  }

  /** Of two hosts that tell of a guest, the one that told last has it. */
  private takeGuest({ sample: { host, atMs }, guests }: WatchedHost, sample: GuestSample): void {
    const { guest } = sample;
    const known = this.guests.get(guest);
    if (known && known.host !== host) this.hosts.get(known.host)?.guests.delete(guest);
    const watched = known ?? { sample, host, busy: new History(), restsUntilMs: 0 };
    Object.assign(watched, { sample, host });
    watched.busy.add(atMs, sample.busySlots, this.settings.longMs);
    this.guests.set(guest, watched);
    guests.add(guest);
  }

  /** A move has begun, by whomsoever it was wanted. */
  begun(guest: string, from: string, to: string): void {
    this.moving.set(guest, { hosts: new Set([from, to]) });
  }

  /** It has ended, well or not. */
  ended(guest: string, nowMs: number): void {
    const moving = this.moving.get(guest);
    if (moving) moving.endedMs = nowMs;
    const watched = this.guests.get(guest);
    if (watched) watched.restsUntilMs = nowMs + this.settings.restMs;
  }

  view(nowMs: number): PoolView {
    const { lostMs } = this.settings;
    for (const [guest, { endedMs }] of this.moving)
      if (endedMs !== undefined && nowMs - endedMs >= lostMs) this.moving.delete(guest);
    for (const [name, { sample, guests }] of this.hosts)
      if (nowMs - sample.atMs >= lostMs) {
        this.hosts.delete(name);
        for (const guest of guests) this.guests.delete(guest);
      }
    const isMoving = new Set<string>();
    for (const { hosts } of this.moving.values()) for (const host of hosts) isMoving.add(host);
    const hosts = [...this.hosts.values()].map(host => this.hostView(host, isMoving.has(host.sample.host), nowMs));
    return { nowMs, hosts: hosts.sort((a, b) => byName(a.host, b.host)) };
  }

  private hostView({ sample, sinceMs, own, guests }: WatchedHost, isMoving: boolean, nowMs: number): HostView {
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
      isMoving,
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
