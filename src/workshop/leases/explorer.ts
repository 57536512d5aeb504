/**
 * Goes through all that can happen to a guest among hosts of a pool: every order of messages, losses, crashes, sleeps, moves and take-overs within what it is
 * given. It runs the protocol's own code, and checks after each step that no two hosts run the guest, that what runs is the guest and no earlier copy, and
 * that from there on, once nothing more fails, it runs again.
 */
import {
  Coordinator,
  type CoordinatorState,
  type Effect,
  type HandShake,
  type HeldGuest,
  Holder,
  type HolderState,
  type LeaseAnswer,
  type LeaseRequest,
  type LeaseTiming,
} from '../../dom0/pool/leases/index.ts';
import { HashSet } from './hash-set.ts';

const GUEST = 'g';
/** In steps of the clock. A smaller fence than these would stop the guest at each. */
const TIMING: LeaseTiming = { renewMs: 1, fenceMs: 1, takeOverMs: 2 };

/** How much of each may happen. */
export interface Budget {
  hosts: number;
  /** Migrations begun, and those given up. */
  moves: number;
  cancels: number;
  declines: number;
  /** Messages that never arrive. A step is never made to wait for a message, so that whatever can happen without one happens while it is on its way, too: only
   * that the guest runs again is tried without them. */
  losses: number;
  /** Hosts that end, the coordinator's among them, and lose what they have. */
  crashes: number;
  sleeps: number;
  /** Starts on another host, of a guest that was lost. */
  takeOvers: number;
  /** New leases of a guest that runs, on which copies of it rest from then on, or do not any more (Remus). */
  anews: number;
  /** Copies of it that other hosts keep, to go on with it where its own is lost. */
  copies: number;
  ticks: number;
}

type Message = { from: number; to: number } & (
  | { kind: 'request'; request: LeaseRequest }
  | { kind: 'answer'; answer: LeaseAnswer }
  | { kind: 'shake'; shake: HandShake }
  | { kind: 'copy'; epoch: number; version: number }
  | { kind: 'checkpoint'; epoch: number }
);

/** A copy that is kept for the case that its host is lost, and the lease that it rests on. */
interface KeptCopy {
  from: number;
  epoch: number;
}

interface HostState {
  holder: HolderState;
  /** By which epoch it runs the guest; absent: it does not. */
  runs?: number;
  /** It has what a copy needs not yet: it may still be given back. */
  starting?: true;
  asleep?: true;
  /** Of the copy that it has: how often the guest had been set running then. */
  version: number;
  /** Another host may have a copy by the lease by which it runs. */
  isCopied?: true;
  kept?: KeptCopy;
  /** It has such a copy, which rests on the lease of this epoch, and is to go on with it. */
  takesUp?: number;
}

/** Of everything. The coordinator is host 0's, and has its fate. */
interface World {
  now: number;
  coordinator: CoordinatorState;
  hosts: HostState[];
  messages: Message[];
  /** How often the guest was set running: only a copy of the last time is the guest. */
  version: number;
  /** The disk takes nothing of an older epoch. */
  fence: number;
  left: Omit<Budget, 'hosts'>;
}

export interface Explored {
  worlds: number;
  /** What led to a world where something is wrong. */
  problem?: { sentence: string; steps: string[] };
}

/** A world that is wrong. */
class Broken extends Error {}

/** What can happen in a world. */
class Events {
  readonly world: World;
  private readonly timing: LeaseTiming;

  constructor(world: World, timing: LeaseTiming) {
    this.world = world;
    this.timing = timing;
  }

  private with(index: number, act: (holder: Holder) => Effect[]): Effect[] {
    const host = this.world.hosts[index];
    const holder = new Holder(String(index), this.timing, host.holder);
    const effects = act(holder);
    host.holder = holder.state();
    for (const effect of effects) this.carryOut(index, effect);
    return effects;
  }

  private carryOut(index: number, effect: Effect): void {
    const { messages, hosts } = this.world;
    const host = hosts[index];
    if (effect.do === 'ask') messages.push({ from: index, to: 0, kind: 'request', request: effect.request });
    else if (effect.do === 'shake')
      messages.push({ from: index, to: Number(effect.to), kind: 'shake', shake: effect.message });
    else if (effect.do === 'run') this.run(index, effect.epoch);
    else {
      delete host.runs;
      if (effect.do !== 'drop') return;
      delete host.isCopied;
      delete host.takesUp;
      delete host.starting;
      host.version = 0;
    }
  }

  private run(index: number, epoch: number): void {
    const { world } = this;
    const host = world.hosts[index];
    if (host.version !== 0 && host.version !== world.version) throw new Broken(`host ${index} runs an outdated copy`);
    if (epoch < world.fence)
      throw new Broken(`host ${index} runs by epoch ${epoch}, and the disk is at ${world.fence}`);
    // What its host sends waits for the copy: the guest may have run on by that lease, and by no later one.
    if (host.takesUp !== undefined && host.takesUp !== world.fence)
      throw new Broken(`host ${index} goes on with a copy that counts no more`);
    delete host.takesUp;
    host.runs = epoch;
    world.fence = epoch;
    if (heldBy(host)?.peer !== undefined) host.starting = true;
    else host.version = ++world.version;
  }

  deliver(index: number): void {
    const { world } = this;
    const [message] = world.messages.splice(index, 1);
    const { from, to } = message;
    if (message.kind === 'request') this.ask(String(from), message.request);
    else if (message.kind === 'answer') this.with(to, holder => holder.answered(message.answer, world.now));
    else if (message.kind === 'shake') this.with(to, holder => holder.heard(String(from), message.shake, world.now));
    else if (message.kind === 'checkpoint') world.hosts[to].kept = { from, epoch: message.epoch };
    else {
      const { epoch, version } = message;
      const taken = this.with(to, holder => holder.received(GUEST, String(from), epoch, world.now));
      if (taken.length === 0) return;
      world.hosts[to].version = version;
      // It takes the place of one that was kept.
      delete world.hosts[to].takesUp;
    }
  }

  private ask(from: string, request: LeaseRequest): void {
    const { world } = this;
    const coordinator = new Coordinator(this.timing, world.coordinator);
    for (const { to, answer } of coordinator.receive(from, request, world.now))
      world.messages.push({ from: 0, to: Number(to), kind: 'answer', answer });
    world.coordinator = coordinator.keep();
  }

  /** `sleepers` hear nothing of it until they wake. A sleep in which no time passes is a message that is late. */
  tick(sleepers: readonly number[] = []): void {
    this.world.now++;
    for (const index of sleepers) this.world.hosts[index].asleep = true;
    this.world.hosts.forEach((host, index) => {
      if (!host.asleep) this.with(index, holder => holder.tick(this.world.now));
    });
  }

  crash(index: number): void {
    const { world } = this;
    // Numbers are not used again.
    const nextNumber = Math.ceil(world.hosts[index].holder.nextNumber / 100 + 1) * 100;
    world.hosts[index] = { holder: { guests: [], sentMs: [], nextNumber }, version: 0 };
    // The line by which copies come to it has broken.
    world.messages = world.messages.filter(({ kind, to }) => kind !== 'checkpoint' || to !== index);
    if (index === 0) this.restartCoordinator();
  }

  private restartCoordinator(): void {
    const coordinator = new Coordinator(this.timing, this.world.coordinator);
    coordinator.renewAll(this.world.now);
    this.world.coordinator = coordinator.keep();
  }

  wake(index: number): void {
    delete this.world.hosts[index].asleep;
    if (index === 0) this.restartCoordinator();
    this.with(index, holder => holder.tick(this.world.now));
  }

  acquire(index: number): void {
    this.with(index, holder => holder.acquire(GUEST, this.world.now));
  }

  move(from: number, to: number): void {
    const { world } = this;
    const host = world.hosts[from];
    const { epoch } = heldBy(host)!;
    this.with(from, holder => holder.send(GUEST, String(to)));
    world.messages.push({ from, to, kind: 'copy', epoch, version: host.version });
  }

  /** A copy of a guest that runs counts from now on (`isCopied`), or does no more, once its lease has another epoch. */
  anew(index: number, isCopied: boolean): void {
    const host = this.world.hosts[index];
    delete host.isCopied;
    if (isCopied) host.isCopied = true;
    this.with(index, holder => holder.renewAnew(GUEST, isCopied ? { isCopied } : {}, this.world.now));
  }

  checkpoint(from: number, to: number): void {
    const { messages, hosts } = this.world;
    messages.push({ from, to, kind: 'checkpoint', epoch: heldBy(hosts[from])!.epoch });
  }

  /** The host of a copy that is kept here is lost, as far as that can be seen from here. */
  takeUp(index: number): void {
    const host = this.world.hosts[index];
    const { from, epoch } = host.kept!;
    delete host.kept;
    const taken = this.with(index, holder => holder.takeUp(GUEST, String(from), epoch, this.world.now));
    if (taken.length > 0) host.takesUp = epoch;
  }

  cancel(index: number): void {
    this.with(index, holder => holder.cancel(GUEST, this.world.now));
  }

  decline(index: number): void {
    const host = this.world.hosts[index];
    delete host.starting;
    delete host.runs;
    this.with(index, holder => holder.decline(GUEST, this.world.now));
  }

  /** A copy runs its first instruction. */
  start(index: number): void {
    const host = this.world.hosts[index];
    delete host.starting;
    host.version = ++this.world.version;
    this.with(index, holder => holder.started(GUEST));
  }

  /** Takes away what changes nothing any more, whenever it comes: late requests and answers, and what was asked and will not be answered. */
  tidy(): void {
    const { world } = this;
    const heard = new Map(heardBy(world.coordinator));
    world.messages = world.messages.filter(message => {
      if (message.kind === 'request') return message.request.number > (heard.get(String(message.from)) ?? 0);
      const held = heldBy(world.hosts[message.to]);
      // Epochs grow: one that comes to nothing now does so ever after.
      if (message.kind === 'shake') {
        const { what, epoch } = message.shake;
        const isNext = what === 'go' && held?.as !== 'running' && held?.as !== 'fenced';
        return held !== undefined && epoch >= held.epoch + (isNext ? 1 : 0);
      }
      if (!('answer' in message)) return true;
      const { number, epoch, owner } = message.answer;
      if (!held) return owner === String(message.to);
      return epoch >= held.epoch && (number === 0 || number >= held.since);
    });
    world.hosts.forEach((host, index) => {
      const isOpen = (number: number): boolean =>
        world.messages.some(
          message =>
            (message.kind === 'request' && message.from === index && message.request.number === number) ||
            (message.kind === 'answer' && message.to === index && message.answer.number === number),
        );
      host.holder = { ...host.holder, sentMs: host.holder.sentMs.filter(([number]) => isOpen(number)) };
    });
  }

  check(): void {
    const running = this.world.hosts.flatMap(({ runs, asleep }, index) =>
      runs !== undefined && !asleep ? [index] : [],
    );
    if (running.length > 1) throw new Broken(`hosts ${running.join(' and ')} run the guest`);
  }
}

/** What events change is copied; messages, leases and what holders tell of themselves are replaced by them. */
const copyOf = (world: World): World => ({
  ...world,
  hosts: world.hosts.map(host => ({ ...host })),
  messages: [...world.messages],
  left: { ...world.left },
});

const heldBy = ({ holder }: HostState): HeldGuest | undefined => holder.guests[0]?.[1];

/** Of each host, the last request about the guest. */
const heardBy = ({ heard }: CoordinatorState): [string, number][] =>
  heard.map(([host, [[, number]]]) => [host, number]);

type Happening = readonly [name: string, happen: (events: Events) => void];

const wordsOf = (message: Message): string =>
  `${message.kind} ${JSON.stringify(Object.values(message).slice(3))} of ${message.from} to ${message.to}`;

/** All that can happen next. `name`: with words, which only their reader needs. */
function* happenings({ hosts, messages, left }: World, name: boolean): Generator<Happening> {
  const once = (what: keyof World['left'], happen: (events: Events) => void) => (events: Events) => {
    events.world.left[what]--;
    happen(events);
  };
  for (const [index, message] of messages.entries())
    if (!hosts[message.to].asleep) yield [name ? wordsOf(message) : '', events => events.deliver(index)];
  for (const [index, host] of hosts.entries()) {
    if (host.asleep) {
      yield [`${index} wakes`, events => events.wake(index)];
      continue;
    }
    const held = heldBy(host);
    // One that has nothing loses nothing.
    if (left.crashes > 0 && (held || index === 0))
      yield [`${index} ends`, once('crashes', events => events.crash(index))];
    if (!held && left.takeOvers > 0) yield [`${index} asks for it`, once('takeOvers', events => events.acquire(index))];
    if (!held && host.kept) yield [`${index} goes on with its copy`, events => events.takeUp(index)];
    yield* copied(index, hosts, left, once);
    if (host.starting && host.runs !== undefined) {
      yield [`${index} starts its copy`, events => events.start(index)];
      if (left.declines > 0) yield [`${index} gives it back`, once('declines', events => events.decline(index))];
    } else if (held?.as === 'running' && left.moves > 0)
      for (const to of hosts.keys())
        if (to !== index) yield [`${index} moves it to ${to}`, once('moves', events => events.move(index, to))];
    if (held?.as === 'sending' && held.wanted !== 'reclaim' && left.cancels > 0)
      yield [`${index} gives the move up`, once('cancels', events => events.cancel(index))];
  }
  if (left.ticks > 0)
    for (const sleepers of subsets(awake(hosts), left.sleeps))
      yield [
        `time passes${sleepers.length > 0 ? `, ${sleepers.join(' and ')} asleep` : ''}`,
        once('ticks', events => {
          events.world.left.sleeps -= sleepers.length;
          events.tick(sleepers);
        }),
      ];
}

type Once = (what: keyof World['left'], happen: (events: Events) => void) => (events: Events) => void;

/** What a host that runs the guest can do with copies of it. */
function* copied(index: number, hosts: readonly HostState[], left: World['left'], once: Once): Generator<Happening> {
  const host = hosts[index];
  const held = heldBy(host);
  if (held?.as !== 'running' || host.starting || host.runs === undefined) return;
  if (left.anews > 0 && held.anew === undefined)
    for (const isCopied of host.isCopied ? [false] : [true])
      yield [
        `${index} wants ${isCopied ? 'copies' : 'no copies'}`,
        once('anews', events => events.anew(index, isCopied)),
      ];
  if (left.copies > 0 && host.isCopied && held.anew === undefined)
    for (const to of hosts.keys())
      if (to !== index)
        yield [`${index} has ${to} keep a copy`, once('copies', events => events.checkpoint(index, to))];
}

const awake = (hosts: readonly HostState[]): number[] => [...hosts.keys()].filter(index => !hosts[index].asleep);

/** Of at most `most` of them, that of none first. */
function* subsets<Each>(of: readonly Each[], most: number, from = 0): Generator<Each[]> {
  yield [];
  if (most > 0)
    for (let at = from; at < of.length; at++) for (const more of subsets(of, most - 1, at + 1)) yield [of[at], ...more];
}

/** From here on nothing fails. @throws Broken where the guest does not run again then */
function settle(world: World, timing: LeaseTiming, crashed: boolean): void {
  const events = new Events(copyOf(world), timing);
  const { hosts, messages } = events.world;
  const each = (act: (host: HostState, index: number) => void): void =>
    [...hosts.keys()].forEach(i => act(hosts[i], i));
  each((host, index) => host.asleep && events.wake(index));
  for (let round = 0; round < 14; round++) {
    if (round > 0) events.tick();
    while (messages.length > 0) events.deliver(0);
    each((host, index) => {
      if (host.starting && host.runs !== undefined) events.start(index);
      // The sender of a copy notices that it does not go on.
      if (round === 5 && heldBy(host)?.as === 'sending' && !heldBy(host)!.wanted) events.cancel(index);
      const isLost = crashed && !hosts.some(({ runs }) => runs !== undefined) && !heldBy(host);
      if (round === 8 && isLost && host.kept) events.takeUp(index);
      else if (round >= 8 && isLost) events.acquire(index);
    });
    events.check();
  }
  if (!hosts.some(({ runs }) => runs !== undefined)) throw new Broken('the guest does not run any more');
}

/**
 * Nothing is on its way but what may be lost. All others lead to such worlds by what can happen in them without time: messages that arrive, hosts that wake, copies
 * that start.
 */
const isStill = ({ messages, hosts }: World, losses: number): boolean =>
  messages.length <= losses && !hosts.some(({ asleep, starting, runs }) => asleep || (starting && runs !== undefined));

/** Longer ago makes no difference. */
const OLD = 4;
const NOTHING_LEFT = {} as World['left'];

/** Host 0 runs the guest at first. `seen`: called now and then with the number of worlds. */
export function explore(
  { hosts, ...left }: Budget,
  { timing = TIMING, seen = () => {} }: { timing?: LeaseTiming; seen?: (worlds: number) => void } = {},
): Explored {
  const first: World = {
    now: 0,
    coordinator: { leases: [], heard: [] },
    hosts: Array.from({ length: hosts }, () => ({ holder: { guests: [], sentMs: [], nextNumber: 1 }, version: 0 })),
    messages: [],
    version: 0,
    fence: 0,
    left,
  };
  const begin = new Events(first, timing);
  begin.acquire(0);
  while (first.messages.length > 0) begin.deliver(0);
  const known = new HashSet();
  known.add(keyOf(first));
  /** From which of them the guest comes to run, whatever more could happen. */
  const settled = new HashSet();
  const settleFrom = (world: World): void => {
    if (!isStill(world, left.losses)) return;
    const crashed = world.left.crashes < left.crashes;
    const events = new Events({ ...copyOf(world), messages: [], left: NOTHING_LEFT }, timing);
    events.tidy();
    if (settled.add(keyOf(events.world) + String(crashed))) settle(events.world, timing, crashed);
  };
  const stack: { world: World; steps: Steps | undefined }[] = [{ world: first, steps: undefined }];
  for (let top = stack.pop(); top; top = stack.pop()) {
    let at = -1;
    for (const [, happen] of happenings(top.world, false)) {
      const events = new Events(copyOf(top.world), timing);
      const steps = { world: top.world, at: ++at, before: top.steps };
      try {
        happen(events);
        events.check();
        events.tidy();
        if (!known.add(keyOf(events.world))) continue;
        settleFrom(events.world);
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        return { worlds: known.size, problem: { sentence: error.message, steps: listOf(steps) } };
      }
      if (known.size % 10_000 === 0) seen(known.size);
      stack.push({ world: events.world, steps });
    }
  }
  return { worlds: known.size };
}

/** The `at`th of what could happen in a world. */
interface Steps {
  world: World;
  at: number;
  before: Steps | undefined;
}

function listOf(last: Steps | undefined): string[] {
  const names: string[] = [];
  for (let step = last; step; step = step.before) {
    const [[name]] = [...happenings(step.world, true)].slice(step.at);
    names.unshift(name);
  }
  return names;
}

/**
 * The same for worlds that differ by nothing that matters: times count from now on, epochs from that of the lease, requests of a host by their order alone, and
 * messages have none; a copy is current or earlier; and hosts other than the coordinator's are as good as each other.
 */
function keyOf(world: World): string {
  const others = [...world.hosts.keys()].slice(1);
  const signs = new Map(others.map(index => [index, signOf(world, index)]));
  others.sort((a, b) => (signs.get(a)! < signs.get(b)! ? -1 : signs.get(a) === signs.get(b) ? 0 : 1));
  let least = '';
  for (const order of alike(others, index => signs.get(index)!)) {
    const key = keyInOrder(world, [0, ...order]);
    if (least === '' || key < least) least = key;
  }
  return least;
}

/** What a host is like, whatever it and the others are called. */
function signOf({ hosts, messages }: World, index: number): string {
  const host = hosts[index];
  const held = heldBy(host);
  let [sent, comes] = [0, 0];
  for (const { from, to } of messages) {
    if (from === index) sent++;
    if (to === index) comes++;
  }
  return [held?.as, held?.epoch, held?.wanted, host.runs, host.starting, host.asleep, host.version, sent, comes].join();
}

/** All orders in which those that are signed alike, and are next to each other, can be. */
function* alike(sorted: readonly number[], sign: (index: number) => string): Generator<number[]> {
  if (sorted.length === 0) {
    yield [];
    return;
  }
  for (const first of sorted.filter(index => sign(index) === sign(sorted[0])))
    for (const rest of alike(
      sorted.filter(index => index !== first),
      sign,
    ))
      yield [first, ...rest];
}

/** `order`: hosts, as they are to be called 0, 1, 2 … */
function keyInOrder(
  { now, messages, coordinator, hosts, version, fence, left }: World,
  order: readonly number[],
): string {
  const name = (index: number | string | undefined): number =>
    index === undefined ? -1 : order.indexOf(Number(index));
  const since = (ms: number): number => Math.max(ms - now, -OLD);
  const base = coordinator.leases[0]?.[1].epoch ?? 0;
  const copyAge = (of: number): number => (of === 0 ? 0 : of === version ? 1 : 2);
  const ranks = hosts.map((_host, index) => ranksOf(index, hosts, messages, coordinator));
  const parts: unknown[] = [Object.values(left), fence - base];
  for (const [, lease] of coordinator.leases)
    parts.push([name(lease.owner), since(lease.renewedMs), lease.local, lease.ofCopy]);
  const heard = new Map(heardBy(coordinator));
  for (const index of order) {
    const { holder, runs, starting, asleep, version: of, isCopied, kept, takesUp } = hosts[index];
    const rank = (number: number): number => ranks[index].indexOf(number);
    parts.push([
      rank(heard.get(String(index)) ?? 0),
      runs === undefined ? '' : runs - base,
      starting,
      asleep,
      copyAge(of),
      isCopied,
      kept && [name(kept.from), kept.epoch - base],
      takesUp === undefined ? '' : takesUp - base,
      holder.sentMs.map(([number, ms]) => [rank(number), since(ms)]),
      holder.guests.map(([, held]) => [
        held.as,
        held.epoch === 0 ? '' : held.epoch - base,
        rank(held.since),
        held.as === 'acquiring' ? rank(held.asked) : 0,
        since(held.confirmedMs),
        since(held.askedMs),
        held.local,
        held.isKept,
        held.hasMoved,
        name(held.peer),
        held.wanted,
        held.anew?.isCopied ?? (held.anew && 'none'),
      ]),
    ]);
  }
  const bare = ({ from, to, ...message }: Message): unknown => {
    if (message.kind === 'request') {
      const { number, epoch, ...request } = { epoch: undefined, ...message.request };
      const named = 'to' in request ? { ...request, to: name(request.to) } : request;
      return [name(from), ranks[from].indexOf(number), epoch === undefined ? '' : epoch - base, named];
    }
    if (message.kind === 'answer') {
      const { number, epoch, owner, ofCopy } = message.answer;
      return [name(to), 'answer', number === 0 ? -1 : ranks[to].indexOf(number), epoch - base, name(owner), ofCopy];
    }
    if (message.kind === 'shake') return [name(from), name(to), message.shake.what, message.shake.epoch - base];
    const age = message.kind === 'copy' ? copyAge(message.version) : '';
    return [message.kind, name(from), name(to), message.epoch - base, age];
  };
  parts.push(messages.map(message => JSON.stringify(bare(message))).sort());
  return JSON.stringify(parts);
}

/** Numbers of a host's requests that still matter, in their order. */
function ranksOf(index: number, hosts: HostState[], messages: Message[], coordinator: CoordinatorState): number[] {
  const { holder } = hosts[index];
  const numbers = new Set([0]);
  for (const [number] of holder.sentMs) numbers.add(number);
  for (const [host, number] of heardBy(coordinator)) if (Number(host) === index) numbers.add(number);
  for (const [, held] of holder.guests) numbers.add(held.since).add(held.asked);
  for (const message of messages)
    if (message.kind === 'request' && message.from === index) numbers.add(message.request.number);
    else if (message.kind === 'answer' && message.to === index) numbers.add(message.answer.number);
  return [...numbers].sort((a, b) => a - b);
}
