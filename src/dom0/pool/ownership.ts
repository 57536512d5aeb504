/**
 * Whose each guest of a pool is (leases/messages.ts): a host asks its pool's coordinator for a lease of each guest that runs here, renews it, and hands it over
 * with a guest that moves. The coordinator is the host that made the pool; it writes leases where all see them, so that the next one goes on with them.
 * A guest whose disks lie on its host goes on where it is while the coordinator is away: nobody else can start it. One that others can start (recovery) is paused
 * where nobody has confirmed for too long that it is this host's.
 */
import type { Later } from '../host/index.ts';
import type { CommandHost, Guest } from '../toolstack/index.ts';
import { Coordinator, type LeaseEngine, type Addressed } from './leases/coordinator.ts';
import { type Anew, type Effect, type HeldAs, Holder } from './leases/holder.ts';
import {
  type HandShake,
  isCopyKind,
  LEASE_TIMING,
  type LeaseAnswer,
  type LeaseRequest,
  readShake,
} from './leases/messages.ts';
import { Peers } from './peer.ts';
import type { Pool } from './pool.ts';
import { fields, isCount, isText } from './read.ts';
import type { SharedState } from './shared-state.ts';

/** Looks at what runs here, and at what is to be renewed, are so far apart. */
const LOOK_MS = 500;
/** A hand-over that nobody answers for this long was none. */
const HAND_OVER_MS = 10_000;
/** Who gives leases is known so soon after a host has come: each has what the others wrote. */
const SETTLED_MS = 3_000;

const WHAT = ['acquire', 'anew', 'renew', 'reclaim', 'hand-over', 'release', 'ask'];

export interface OwnershipParts {
  host: CommandHost;
  pool: Pool;
  state: SharedState;
  later: Later;
  /** By which this host gives leases: it must not run faster than the holders' clocks. */
  hostMs(): number;
  /** By which this host's own leases run out (leases/lease-clock.ts). */
  leaseMs(): number;
  epochMs(): number;
  /** Who decides in place of a coordinator (etcd). */
  engine?: LeaseEngine | undefined;
  /** Others can start it where this host is lost. */
  isGuarded(guest: Guest): boolean;
  say(sentence: string): void;
}

/** The highest number that the coordinator has heard of a host about a guest. */
interface HeardNumber {
  guest: string;
  number: number;
}

type Message =
  | { request: LeaseRequest }
  | { answer: LeaseAnswer }
  | { shake: HandShake }
  | { heard: HeardNumber }
  /** Said first on each channel: another process of the host knows nothing of the copies that this one has. */
  | { life: number };

/** Guests that are paused because no coordinator has confirmed their leases, whichever pool their host is in. */
const fenced = new WeakSet<Guest>();

export class Ownership {
  private readonly parts: OwnershipParts;
  private readonly holder: Holder;
  /** Here, while this host is the coordinator. */
  private coordinator: Coordinator | undefined;
  private readonly peers: Peers;
  private readonly waiting = new Set<() => void>();
  /** Guests that run elsewhere, too: those here are paused. */
  private readonly split = new Set<string>();
  /** Guests whose leases were taken, and which do not run yet. */
  private readonly beginning = new Set<string>();
  /** Called when a guest may be another host's from now on. */
  private readonly unsure = new Set<() => void>();
  /** Of this host, since it began to see to the pool, and of the others that are there. */
  private readonly life: number;
  private readonly lives = new Map<string, number>();
  /** By guests: what gives up hand-overs that wait for the coordinator, and the lives of the hosts that they go to. */
  private readonly handingOver = new Map<string, { cancel(): void; life: number | undefined }>();
  private isOver = false;
  private readonly cameMs: number;
  /** When this host was last seen to be awake. */
  private awakeMs: number;

  constructor(parts: OwnershipParts) {
    this.parts = parts;
    this.cameMs = parts.hostMs();
    this.awakeMs = parts.leaseMs();
    const { pool, state, later, say, hostMs, epochMs } = parts;
    this.life = Math.floor(epochMs());
    // A host that is started again goes on above the numbers that it had; where its clock was set back it hears how far those went.
    this.holder = new Holder(pool.me, LEASE_TIMING, { guests: [], nextNumber: Math.floor(epochMs()), sentMs: [] });
    this.peers = new Peers('leases', {
      pool,
      later,
      say,
      hostMs,
      doing: 'Leases of guests do not reach',
      came: (name, peer) => {
        peer.send(encode({ life: this.life }));
        // What was asked before has not come there.
        if (name === this.coordinatorName) queueMicrotask(() => this.do(this.holder.again(parts.leaseMs())));
        return message => this.hear(name, message);
      },
      went: name => void this.lives.delete(name),
    });
    if (pool.role !== 'viewer' && pool.taking.length === 1) state.setCoordinator(pool.me, 1);
    state.onChange(() => this.settle());
    pool.onChange(() => {
      if (this.isLostCoordinator) for (const { cancel } of this.handingOver.values()) cancel();
    });
    this.settle();
    this.look();
  }

  /**
   * A guest that is paused here goes to another host, which has all of it. `offer` has that one wait for the lease after this epoch; `lost` settles where it can
   * be heard no more: it goes on here then, unless it was handed over before; true: that one has refused it, and waits for no lease, so that none is asked back. True: the other has it, and runs it. False: it goes on here. Resolves when that is
   * known. @throws Error with a sentence: neither is so, and nothing has changed
   */
  async handOver(
    guest: Guest,
    to: string,
    offer: (epoch: number) => Promise<void>,
    lost: Promise<unknown>,
  ): Promise<boolean> {
    const { holder, parts } = this;
    const { uuid } = guest;
    const epoch = await this.held(uuid);
    const life = this.lives.get(to);
    this.do(holder.send(uuid, to, this.isLocal(guest), life === undefined ? undefined : true));
    const cancel = (): void => this.do(holder.cancel(uuid, parts.leaseMs()));
    void lost.then(isRefused => (isRefused === true ? this.do(holder.refused(uuid, parts.leaseMs())) : cancel()));
    // Without an answer it is asked back: that is answered with what became of it.
    const cancelLate = parts.later(HAND_OVER_MS, cancel);
    this.handingOver.set(uuid, { cancel, life });
    if (this.isLostCoordinator) cancel();
    await offer(epoch).catch(() => void lost.then(cancel));
    let isGiven = false;
    const as = await this.becomes(uuid, each => {
      isGiven ||= each === 'given';
      return each === 'running' || each === undefined;
    });
    cancelLate();
    this.handingOver.delete(uuid);
    if (as === undefined && !isGiven)
      throw new Error(`${parts.state.leases.get(uuid)?.owner ?? 'Another host'} has the lease of ${guest.name}.`);
    return as === undefined;
  }

  /** A guest that was given to a host which is gone permanently: it goes on here once its lease has run out. `handOver` resolves then. */
  takeBack(guest: string): void {
    const held = this.holder.of(guest);
    if (held?.as === 'given')
      this.do(this.holder.takeUp(guest, held.peer!, held.epoch, this.parts.leaseMs(), held.local));
  }

  /** A whole copy is here of another host's guest, by the lease of this epoch. True: it is the guest, now. False: it is not. Resolves when that is known. */
  async receive(guest: Guest, from: string, epoch: number): Promise<boolean> {
    const { holder, parts } = this;
    const { uuid } = guest;
    const received = holder.received(uuid, from, epoch, parts.leaseMs(), this.isLocal(guest));
    if (received.length === 0) return false;
    this.beginning.add(uuid);
    this.do(received);
    return this.mayBegin(uuid);
  }

  /** What was received could run now. False: another host has the lease by now. Resolves when that is known: nobody may have confirmed it for too long. */
  async isStill(guest: string): Promise<boolean> {
    const isKnown = (as: HeldAs | undefined): boolean =>
      as === undefined || (as === 'running' && this.holder.isSure(guest, this.parts.leaseMs()));
    return (await this.becomes(guest, isKnown)) === 'running';
  }

  /** What was received cannot run here: its sender has it again. */
  decline(guest: string): void {
    this.beginning.delete(guest);
    this.do(this.holder.decline(guest, this.parts.leaseMs()));
  }

  private isLocal(guest: Guest): true | undefined {
    return this.parts.isGuarded(guest) ? undefined : true;
  }

  /** The epoch of a lease that is this host's: one that has just come may have it on the way. @throws Error with a sentence */
  async held(guest: string): Promise<number> {
    await this.becomes(guest, as => as === 'running', HAND_OVER_MS);
    const held = this.holder.of(guest);
    if (held?.as !== 'running') throw this.notSaid();
    return held.epoch;
  }

  /** As `held`, and who gives leases answers: a move, or a copy, would wait for that one. @throws Error with a sentence */
  async confirmed(guest: string): Promise<number> {
    const epoch = await this.held(guest);
    const { engine } = this.parts;
    if (this.isLostCoordinator)
      throw new Error(
        `${this.coordinatorName}, which gives leases, is not there, and without it no guest can get another host's. If it is gone permanently, have another host grant them: pool emergency.`,
      );
    const askedMs = this.parts.leaseMs();
    const isConfirmed = (): boolean => {
      const held = this.holder.of(guest);
      return held === undefined || (held.confirmedMs >= askedMs && held.unsettled === undefined);
    };
    this.do(this.holder.again(askedMs, guest));
    await this.becomes(guest, isConfirmed, HAND_OVER_MS);
    if (!isConfirmed())
      throw new Error(
        `${engine ? 'etcd' : this.coordinatorName}, which gives leases, has not answered for ${HAND_OVER_MS / 1000} s, and without it no guest can get another host's. Try again${engine ? '' : ', or if it is gone permanently have another host grant them: pool emergency'}.`,
      );
    return this.holder.of(guest)?.epoch ?? epoch;
  }

  private get isLostCoordinator(): boolean {
    const { pool, engine, state } = this.parts;
    const name = state.coordinator?.name;
    return !engine && name !== undefined && !pool.inOrder.includes(name);
  }

  /** Of the lease of a guest that runs here, or did; undefined: it never had one here. */
  epochOf(guest: string): number | undefined {
    return this.holder.of(guest)?.epoch;
  }

  private notSaid(): Error {
    const who = this.parts.engine ? 'etcd' : `The pool's coordinator (${this.coordinatorName})`;
    return new Error(`${who} has not said yet whose the guest is. Try again.`);
  }

  /** Whether this host has the guest's lease. */
  holds(guest: string): boolean {
    return this.holder.of(guest)?.as === 'running';
  }

  /** Whether nobody else can have the guest by now. A host that slept has not heard of that. */
  isSure(guest: string): boolean {
    return this.holder.isSure(guest, this.parts.leaseMs());
  }

  /** Calls back where a guest of this host may be another's from now on: what it sent and has not left is to stay here. */
  onUnsure(listener: () => void): void {
    this.unsure.add(listener);
  }

  /** The lease of a guest that does not run here, and will; `begun` is called then, or where it does not. False: another host has it, or nobody answers. */
  async take(guest: string): Promise<boolean> {
    this.beginning.add(guest);
    this.do(this.holder.acquire(guest, this.parts.leaseMs()));
    return this.mayBegin(guest, HAND_OVER_MS);
  }

  /** As `take`, of a guest that this host has a copy of: that is the guest where the lease of its host has run out, and it may not go on there then. */
  async takeCopy(guest: string, isGuarded: boolean): Promise<boolean> {
    const lease = this.parts.state.leases.get(guest);
    if (lease?.owner === undefined || lease.owner === this.parts.pool.me) return this.take(guest);
    return this.takeCopyOf(guest, { from: lease.owner, epoch: lease.epoch }, isGuarded);
  }

  /** As `takeCopy`, of a copy that rests on this lease of its host's. False: that has another one by now, or the guest has moved here. */
  async takeCopyOf(
    guest: string,
    { from, epoch }: { from: string; epoch: number },
    isGuarded: boolean,
  ): Promise<boolean> {
    this.beginning.add(guest);
    this.do(this.holder.takeUp(guest, from, epoch, this.parts.leaseMs(), isGuarded ? undefined : true));
    if (!(await this.mayBegin(guest))) return false;
    // The guest itself may have come meanwhile, and been handed over.
    return !this.parts.host.toolstack.ownerOf(guest);
  }

  /** Another host is to have a copy of a guest of this one, and may go on with it, nobody else: the epoch on which it rests. @throws Error with a sentence */
  async copied(guest: string): Promise<number> {
    await this.confirmed(guest);
    if (!(await this.anew(guest, { isCopied: true }))) throw this.notSaid();
    return this.holder.of(guest)!.epoch;
  }

  /** That copy counts no more. False: it is the guest by now. Resolves when that is known. */
  notCopied(guest: Guest): Promise<boolean> {
    return this.anew(guest.uuid, this.parts.isGuarded(guest) ? {} : { local: true });
  }

  private async anew(guest: string, anew: Anew): Promise<boolean> {
    this.do(this.holder.renewAnew(guest, anew, this.parts.leaseMs()));
    const as = await this.becomes(guest, () => this.holder.of(guest)?.anew === undefined);
    return as === 'running' || as === 'fenced';
  }

  private async mayBegin(guest: string, mostMs?: number): Promise<boolean> {
    const as = await this.becomes(guest, each => each === 'running' || each === undefined, mostMs);
    if (as !== 'running') this.beginning.delete(guest);
    return as === 'running';
  }

  /** It runs here now, or does not: then its lease is given back. */
  begun(guest: string): void {
    this.beginning.delete(guest);
    this.do(this.holder.started(guest));
  }

  /** By hand, where the coordinator is gone permanently. */
  takeOver(): void {
    const { state, pool } = this.parts;
    state.setCoordinator(pool.me, (state.coordinator?.term ?? 0) + 1);
  }

  get coordinatorName(): string {
    return this.parts.state.coordinator?.name ?? 'none yet';
  }

  /** The next coordinator goes on with what is written. */
  passOn(): void {
    const { state, pool } = this.parts;
    const [next] = pool.taking.filter(name => name !== pool.me);
    if (this.coordinator && next !== undefined) state.setCoordinator(next, state.coordinator!.term + 1);
  }

  /** The pool is left in order: guests are this host's, whatever becomes of their leases. */
  leave(): void {
    const now = this.parts.leaseMs();
    for (const [guest] of this.holder.state().guests) this.do(this.holder.release(guest, now));
    this.passOn();
    this.end();
  }

  /** Another pool is joined, which sees to it from now on. */
  end(): void {
    this.isOver = true;
  }

  // ---- what happens

  /** Who the coordinator is may have changed. */
  private settle(): void {
    const { state, pool, hostMs } = this.parts;
    if (state.coordinator?.name !== pool.me || this.parts.engine) {
      this.coordinator = undefined;
      return;
    }
    if (this.coordinator) return;
    const written = [...state.leases];
    const leases = written.map(
      ([guest, lease]) => [guest, { ...lease, renewedMs: 0 }] as [string, typeof lease & { renewedMs: number }],
    );
    this.coordinator = new Coordinator(LEASE_TIMING, { leases, heard: [] });
    this.coordinator.renewAll(hostMs());
    // What a coordinator before it has written is in that one's document.
    for (const [guest, lease] of written) state.setLease(guest, lease);
  }

  /** Guests that have come or gone, and what is to be renewed. */
  private look(): void {
    const { host, pool, later, hostMs, leaseMs, state } = this.parts;
    const now = leaseMs();
    this.wake();
    if (this.isOver) return;
    if (pool.left !== undefined) return this.lookAlone(now);
    // All came at once, so that none was alone and begun to give leases.
    if (!state.coordinator && hostMs() - this.cameMs >= SETTLED_MS && pool.role !== 'viewer' && pool.first === pool.me)
      state.setCoordinator(pool.me, 1);
    const here = new Map([...host.toolstack.members.values()].map(member => [member.uuid, member]));
    for (const uuid of this.split) if (!here.has(uuid)) this.split.delete(uuid);
    for (const [uuid, member] of here) {
      const { ending, name } = member;
      if (!ending && !this.split.has(uuid) && !isMoving(name))
        this.do(this.holder.acquire(uuid, now, this.isLocal(member)));
    }
    for (const [uuid, held] of this.holder.state().guests) {
      if (here.has(uuid) || this.beginning.has(uuid)) continue;
      if (held.as === 'running') this.do(this.holder.release(uuid, now));
      // What is left of one that was given is gone: its move is over.
      else if (held.as === 'given')
        this.do(this.holder.heard(held.peer!, { what: 'started', guest: uuid, epoch: held.epoch }, now));
    }
    if (state.coordinator || this.parts.engine) this.do(this.holder.tick(now));
    later(LOOK_MS, () => this.look());
  }

  /** While the coordinator slept, or all others have vanished at once with the hub, nobody can renew. */
  private wake(): void {
    const { hostMs, leaseMs, pool } = this.parts;
    const nowMs = leaseMs();
    if (pool.away !== undefined || nowMs - this.awakeMs >= LEASE_TIMING.fenceMs) this.coordinator?.renewAll(hostMs());
    this.awakeMs = nowMs;
  }

  /** The others are lost, and may start what they can: etcd may still answer. */
  private lookAlone(now: number): void {
    this.do(this.holder.tick(now));
    const isHeld = [...this.holder.state().guests].some(([, { as, local }]) => as === 'running' && !local);
    if (isHeld || this.parts.engine) this.parts.later(LOOK_MS, () => this.look());
  }

  private do(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.do === 'ask') this.ask(effect.request);
      else if (effect.do === 'shake') this.send(effect.to, { shake: effect.message });
      else if (effect.do === 'drop') this.drop(effect.guest);
      else if (effect.do === 'pause') this.fence(effect.guest);
      else if (effect.do === 'run') this.letGo(effect.guest);
    }
    for (const look of this.waiting) look();
  }

  /** Nobody has confirmed for too long that it is this host's: another may start it soon. One that is sent is held still by who sends it. */
  private fence(guest: string): void {
    const { host, say, engine } = this.parts;
    this.tellUnsure();
    const member = host.toolstack.ownerOf(guest);
    if (!member || member.paused || this.holder.of(guest)?.as !== 'fenced') return;
    fenced.add(member);
    host.toolstack.setPaused(member, true);
    const who = engine ? 'etcd' : this.coordinatorName;
    say(
      `${member.name} is paused: ${who} has not confirmed for ${LEASE_TIMING.fenceMs / 1000} s that it is this host's. It goes on once that is confirmed.`,
    );
  }

  private tellUnsure(): void {
    for (const listener of this.unsure) listener();
  }

  private letGo(guest: string): void {
    const { toolstack } = this.parts.host;
    const member = toolstack.ownerOf(guest);
    if (!member || !fenced.delete(member) || !member.paused) return;
    toolstack.setPaused(member, false);
  }

  /** Another host's is the guest: what runs here is paused, and somebody looks. */
  private drop(guest: string): void {
    const { host, state, say } = this.parts;
    const member = host.toolstack.ownerOf(guest);
    const owner = state.leases.get(guest)?.owner;
    // What becomes of a copy that moves is seen to by who moves it.
    if (!member || this.split.has(guest) || isMoving(member.name)) return;
    this.split.add(guest);
    host.toolstack.setPaused(member, true);
    this.tellUnsure();
    say(
      `${member.name} runs on ${owner ?? 'another host'}, too, which has the newer lease: the one here is paused. Destroy it, or the other.`,
    );
  }

  /** How the guest is held, once that is so, or it has been too long. */
  private becomes(
    guest: string,
    isSo: (as: HeldAs | undefined) => boolean,
    mostMs = Infinity,
  ): Promise<HeldAs | undefined> {
    return new Promise(resolve => {
      let isLate = false;
      const look = (): void => {
        const as = this.holder.of(guest)?.as;
        if (!isLate && !isSo(as)) return;
        this.waiting.delete(look);
        resolve(as);
      };
      this.waiting.add(look);
      if (mostMs < Infinity)
        this.parts.later(mostMs, () => {
          isLate = true;
          look();
        });
      look();
    });
  }

  // ---- messages

  private ask(request: LeaseRequest): void {
    const { pool } = this.parts;
    const { engine } = this.parts;
    // Where it cannot be reached now, it is asked again.
    if (engine)
      return void engine.receive(pool.me, request).then(
        told => this.tell(told),
        () => {},
      );
    if (this.coordinator) return this.decide(pool.me, request);
    this.send(this.coordinatorName, { request });
  }

  private send(to: string, message: Message): void {
    this.peers.send(to, encode(message));
  }

  /** A decision is written before it is sent to anybody. */
  private decide(from: string, request: LeaseRequest): void {
    const { state, hostMs } = this.parts;
    this.wake();
    const answers = this.coordinator!.receive(from, request, hostMs());
    for (const { answer } of answers) {
      const lease = this.coordinator!.lease(answer.guest);
      if (lease) state.setLease(answer.guest, lease);
    }
    // Of what comes late, and of a host that was started again with its clock set back, which hears that it must count from higher on.
    if (answers.length === 0) this.sendHeard(from, request.guest);
    this.tell(answers);
  }

  private sendHeard(to: string, guest: string): void {
    const number = this.coordinator!.heardOf(to, guest);
    if (to === this.parts.pool.me) queueMicrotask(() => this.heard({ guest, number }));
    else this.send(to, { heard: { guest, number } });
  }

  private heard({ guest, number }: HeardNumber): void {
    this.do(this.holder.outnumbered(guest, number, this.parts.leaseMs()));
  }

  private tell(answers: readonly Addressed[]): void {
    const { pool } = this.parts;
    for (const { to, answer } of answers)
      if (to === pool.me) queueMicrotask(() => this.answered(answer));
      else this.send(to, { answer });
  }

  private answered(answer: LeaseAnswer): void {
    const { holder } = this;
    const { engine, state } = this.parts;
    const { guest, epoch, owner } = answer;
    if (engine) state.setLease(guest, { epoch, ...(owner === undefined ? {} : { owner }) });
    this.do(holder.answered(answer, this.parts.leaseMs()));
  }

  /** @throws Error: no host says that */
  private hear(from: string, message: Uint8Array): void {
    const { engine } = this.parts;
    const { request, answer, shake, heard, life } = fields(JSON.parse(new TextDecoder().decode(message)));
    if (request !== undefined) {
      const read = readRequest(request);
      // The coordinator may have changed while it was on its way: it is asked again.
      if (this.coordinator) this.decide(from, read);
    } else if (answer !== undefined && (engine || from === this.coordinatorName)) this.answered(readAnswer(answer));
    else if (heard !== undefined && from === this.coordinatorName) this.heard(readHeard(heard));
    else if (shake !== undefined) this.shaken(from, readShake(shake));
    else if (isCount(life)) this.lives.set(from, life);
  }

  private shaken(from: string, shake: HandShake): void {
    // Another process of that host cannot know whether the copy has run.
    const isOther = this.lives.get(from) !== this.handingOver.get(shake.guest)?.life;
    if (shake.what === 'voided' && isOther) return;
    this.do(this.holder.heard(from, shake, this.parts.leaseMs()));
  }
}

const encode = (message: Message): Uint8Array => new TextEncoder().encode(JSON.stringify(message));

/** Names that xl gives to both copies of a guest that moves: one waits for its lease, the other has given it. */
const isMoving = (name: string): boolean => /--(incoming|migratedaway)$/.test(name);

/** @throws Error */
function readRequest(value: unknown): LeaseRequest {
  const { number, guest, what, epoch, to, isKept, local } = fields(value);
  const needsEpoch = what !== 'acquire' && what !== 'ask';
  if (
    !isCount(number) ||
    !isText(guest) ||
    !WHAT.includes(what as string) ||
    !(isCount(epoch) || (!needsEpoch && epoch === undefined)) ||
    (what === 'hand-over' && !isText(to))
  )
    throw new Error('no request for a lease');
  return {
    number,
    guest,
    what,
    epoch,
    ...(isText(to) ? { to } : {}),
    ...(isKept === true ? { isKept } : {}),
    ...(local === true ? { local } : {}),
  } as LeaseRequest;
}

/** @throws Error */
function readAnswer(value: unknown): LeaseAnswer {
  const { number, guest, owner, epoch, ofCopy } = fields(value);
  if (!isCount(number) || !isText(guest) || !isCount(epoch) || !(owner === undefined || isText(owner)))
    throw new Error('no answer about a lease');
  return { number, guest, epoch, ...(owner === undefined ? {} : { owner }), ...(isCopyKind(ofCopy) ? { ofCopy } : {}) };
}

/** @throws Error */
function readHeard(value: unknown): HeardNumber {
  const { guest, number } = fields(value);
  // Numbers above it must be left.
  if (!isText(guest) || !isCount(number) || number > Number.MAX_SAFE_INTEGER / 2)
    throw new Error('no number that was heard');
  return { guest, number };
}
