/** A pool of simulated hosts under the real balancer: guests want slots, get what there is, and move as the balancer says. */
import {
  Balancer,
  brokenPairs,
  copyTimes,
  DEFAULTS,
  energyOf,
  type GuestRules,
  type GuestSample,
  type HostSample,
  type Mode,
  type Move,
  type Settings,
} from '../../dom0/pool/balancing/index.ts';
import { type Draw, drawing } from '../harness/pick.ts';
import { type Load, type LoadKind, LOADS } from './loads.ts';

const MIB = 2 ** 20;
export const SLOTS = 4;
const HOST_BYTES = 1024 * MIB;
/** What a node hub carried between two WebSockets on one machine, 64 KiB a message. */
const LINK_BYTES = 20 * MIB;
export const GUESTS_A_HOST = 5;
/** Of guests, in MiB. */
const MEMORIES = [16, 32, 32, 64, 64, 128, 256];
/** What Domain 0 does for itself, in slots. */
const OWN_SLOTS = 0.1;
/** A host tells how it is this often. */
export const PRESENCE_MS = 2000;
const DECIDE_MS = DEFAULTS.recentMs;
const MINUTE_MS = 60_000;

interface Guest {
  name: string;
  load: Load;
  memoryBytes: number;
  dirtyBytesPerSecond: number;
  rules: GuestRules;
  /** Where it was before its last move, which ended then. */
  came?: { from: string; atMs: number };
}

interface Host {
  name: string;
  guests: Set<Guest>;
  /** Copies that come or go. */
  copies: number;
  wasCritical: boolean;
}

interface Going {
  guest: Guest;
  from: Host;
  to: Host;
  endsMs: number;
}

export interface Scenario {
  hosts: number;
  load: LoadKind;
  mode: Mode;
  minutes: number;
  seed: number;
}

export interface Outcome {
  moves: number;
  /** Host seconds above critical. */
  criticalSeconds: number;
  /** Slot seconds that guests wanted and did not get. */
  missedSlotSeconds: number;
  /** Pairs of guests that are not as rules want them, at the beginning and at the end. */
  brokenBefore: number;
  brokenAfter: number;
  /** Moves of a guest back to where it had come from, within its rest, and within five of them. */
  backInRest: number;
  backInFiveRests: number;
  /** From when on no host is critical and nothing moves, for at least a minute. */
  calmSeconds: number | undefined;
  emptyHosts: number;
  savedWatts: number;
  /** What a host tells of itself, on average. */
  sampleBytes: number;
  /** Of one look at the pool, the longest; by `clock`. */
  decideMs: number;
}

export class World {
  private readonly balancer: Balancer;
  private readonly scenario: Scenario;
  private readonly draw: Draw;
  private readonly hosts: Host[];
  private readonly byName: Map<string, Host>;
  private readonly guests = new Map<string, Guest>();
  private going: Going[] = [];
  private unrestMs = 0;
  private readonly outcome: Outcome = {
    moves: 0,
    criticalSeconds: 0,
    missedSlotSeconds: 0,
    brokenBefore: 0,
    brokenAfter: 0,
    backInRest: 0,
    backInFiveRests: 0,
    calmSeconds: undefined,
    emptyHosts: 0,
    savedWatts: 0,
    sampleBytes: 0,
    decideMs: 0,
  };
  /** Moves as they begin. */
  readonly begun: { guest: string; from: string; to: string; atMs: number }[] = [];

  constructor(scenario: Scenario, settings: Partial<Settings> = {}) {
    this.scenario = scenario;
    this.draw = drawing(scenario.seed);
    this.balancer = new Balancer({ ...settings, mode: scenario.mode, automatic: true });
    this.hosts = Array.from({ length: scenario.hosts }, (_each, index) => ({
      name: `h${index}`,
      guests: new Set<Guest>(),
      copies: 0,
      wasCritical: false,
    }));
    this.byName = new Map(this.hosts.map(host => [host.name, host]));
    for (let index = 0; index < scenario.hosts * GUESTS_A_HOST; index++) this.makeGuest(index);
  }

  private makeGuest(index: number): void {
    const { draw } = this;
    const memoryBytes = MEMORIES[Math.floor(draw() * MEMORIES.length)] * MIB;
    const at = this.roomFor(memoryBytes);
    const guest: Guest = {
      name: `g${index}`,
      load: LOADS[this.scenario.load](draw, at < this.hosts.length / 2 ? 0 : 1),
      memoryBytes,
      dirtyBytesPerSecond: draw() ** 4 * 30 * MIB,
      rules: this.someRules(String(Math.floor(index / 24))),
    };
    this.guests.set(guest.name, guest);
    this.hosts[at].guests.add(guest);
  }

  /** The first hosts get more guests than the last: somebody has to begin badly. */
  private roomFor(memoryBytes: number): number {
    const { hosts } = this;
    let at = Math.floor(this.draw() ** 1.5 * hosts.length);
    const needed = memoryBytes + DEFAULTS.free.high * HOST_BYTES;
    for (let tries = 0; tries < hosts.length && freeBytesOf(hosts[at]) < needed; tries++) at = (at + 1) % hosts.length;
    return at;
  }

  /** Of a hundred guests five are pinned, five are one of a couple, ten one of a few that are to be apart. */
  private someRules(group: string): GuestRules {
    const kind = this.draw();
    if (kind < 0.05) return { pinned: this.hosts[Math.floor(this.draw() * this.hosts.length)].name };
    if (kind < 0.1) return { together: [group] };
    return kind < 0.2 ? { apart: [group] } : {};
  }

  run(clock: () => number): Outcome {
    const { scenario, outcome } = this;
    const endMs = scenario.minutes * MINUTE_MS;
    let samples = 0;
    for (let nowMs = 0; nowMs <= endMs; nowMs += PRESENCE_MS) {
      this.finish(nowMs);
      for (const host of this.hosts) {
        const sample = this.tell(host, nowMs);
        // A hundred tell well enough how long they are.
        if (samples++ < 100) outcome.sampleBytes += JSON.stringify(sample).length / 100;
        this.balancer.take(sample);
      }
      if (nowMs === 0) outcome.brokenBefore = brokenPairs(this.balancer.view(nowMs).hosts);
      if (nowMs % DECIDE_MS !== 0) continue;
      const began = clock();
      const decisions = this.balancer.decide(nowMs);
      outcome.decideMs = Math.max(outcome.decideMs, clock() - began);
      for (const decision of decisions) if (decision.kind === 'move') this.begin(decision, nowMs);
    }
    const { hosts } = this.balancer.view(endMs);
    outcome.brokenAfter = brokenPairs(hosts);
    const { emptyHosts, savedWatts } = energyOf(hosts);
    const calmSeconds = endMs - this.unrestMs >= MINUTE_MS ? this.unrestMs / 1000 : undefined;
    return { ...outcome, emptyHosts, savedWatts, calmSeconds };
  }

  /** How a host is over the next two seconds, in which nothing changes. */
  private tell(host: Host, nowMs: number): HostSample {
    const { outcome } = this;
    const own = OWN_SLOTS + host.copies * DEFAULTS.copySlots;
    const wants = [...host.guests].map((guest): [Guest, number] => [guest, guest.load(nowMs)]);
    const wanted = wants.reduce((sum, [, slots]) => sum + slots, 0);
    // Domain 0 comes first, and guests share the rest in proportion.
    const share = Math.min(1, (SLOTS - own) / Math.max(wanted, 1e-9));
    const busy = (own + wanted * share) / SLOTS;
    outcome.missedSlotSeconds += (wanted * (1 - share) * PRESENCE_MS) / 1000;
    if (busy >= DEFAULTS.busy.critical) {
      outcome.criticalSeconds += PRESENCE_MS / 1000;
      this.unrestMs = nowMs + PRESENCE_MS;
    }
    return {
      host: host.name,
      atMs: nowMs,
      slots: SLOTS,
      busy,
      totalBytes: HOST_BYTES,
      freeBytes: freeBytesOf(host),
      bytesPerSecond: LINK_BYTES,
      ...(host === this.hosts[0] ? { isCoordinator: true } : {}),
      guests: wants.map(([guest, slots]) => guestSample(guest, slots * share)),
    };
  }

  private begin({ guest: name, from, to }: Move, nowMs: number): void {
    const { outcome } = this;
    const guest = this.guests.get(name)!;
    const [source, target] = [this.byName.get(from.host)!, this.byName.get(to.host)!];
    const { copyMs } = copyTimes(guest.memoryBytes, guest.dirtyBytesPerSecond, LINK_BYTES);
    this.going.push({ guest, from: source, to: target, endsMs: nowMs + copyMs });
    this.begun.push({ guest: name, from: from.host, to: to.host, atMs: nowMs });
    source.copies++;
    target.copies++;
    this.balancer.begun(name, from.host, to.host);
    outcome.moves++;
    this.unrestMs = nowMs + copyMs;
    const { came } = guest;
    if (came?.from !== to.host) return;
    if (nowMs - came.atMs < DEFAULTS.restMs) outcome.backInRest++;
    if (nowMs - came.atMs < 5 * DEFAULTS.restMs) outcome.backInFiveRests++;
  }

  private finish(nowMs: number): void {
    const ended = this.going.filter(({ endsMs }) => endsMs <= nowMs);
    if (ended.length === 0) return;
    this.going = this.going.filter(({ endsMs }) => endsMs > nowMs);
    for (const { guest, from, to, endsMs } of ended) {
      from.copies--;
      to.copies--;
      from.guests.delete(guest);
      to.guests.add(guest);
      guest.came = { from: from.name, atMs: endsMs };
      this.balancer.ended(guest.name, endsMs);
    }
  }
}

function freeBytesOf({ guests }: Host): number {
  let free = HOST_BYTES;
  for (const { memoryBytes } of guests) free -= memoryBytes;
  return free;
}

const guestSample = ({ name, memoryBytes, dirtyBytesPerSecond, rules }: Guest, busySlots: number): GuestSample => ({
  guest: name,
  busySlots,
  memoryBytes,
  dirtyBytesPerSecond,
  rules,
});
