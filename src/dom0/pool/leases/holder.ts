/**
 * *Idea.* At most one host of a pool may run a guest, even if messages are lost, hosts die and clocks jump. A host may run a guest only under a lease
 * that it renews; it stops the guest well before anybody else could get the lease, measured from when it *sent* the last request that was confirmed,
 * so no message delay can make it late. `Holder` is one host's side of that. It has no timers and sends nothing: messages, ticks and commands go in,
 * and effects (`ask`, `shake`, `run`, `pause`, `drop`) come out. That is why all interleavings can be explored (explore:leases). Invariant: the
 * caller carries out the effects of one call, in order, before it makes the next.
 */
import type { CopyKind, HandShake, LeaseAnswer, LeaseRequest, LeaseTiming } from './messages.ts';

/**
 *   acquiring  to be started here, once the lease is
 *   running    by this lease
 *   fenced     paused: the lease is this host's, and nobody has confirmed that for too long
 *   sending    paused, with a copy on its way: since the copy may be whole, the guest goes on here by a new lease alone
 *   given      paused: another host has the lease, and is about to run its copy
 *   receiving  a whole copy, which is the guest once its lease is here
 */
export type HeldAs = 'acquiring' | 'running' | 'fenced' | 'sending' | 'given' | 'receiving';

export interface HeldGuest {
  as: HeldAs;
  /** Of the lease, as far as is known here, 0: of none; of a copy, that of the sender. */
  epoch: number;
  /** The first request about it: answers to earlier ones are about the guest as it was here before. */
  since: number;
  /** When the request was sent that was confirmed last; of a copy, when it was asked to be ready, which is before it can have been given the lease. */
  confirmedMs: number;
  /** When something was asked about it last, and by which request. */
  askedMs: number;
  asked: number;
  /** Its disks are on this host alone: nobody else can start it, so it goes on without a coordinator. */
  local?: true;
  /** Of one that is received (CopyKind). */
  isKept?: true | undefined;
  /** The one that moved has come, too, and takes the place of the one that was kept, whichever the lease will be for. */
  hasMoved?: true | undefined;
  /** The other host, of one that is sent, given or received. */
  peer?: string | undefined;
  /** A new lease is wanted of one that runs, which copies of it do not rest on. */
  anew?: Anew | undefined;
  /** Of one that is sent: it is to be the other's, or to go on here. */
  wanted?: 'hand-over' | 'reclaim' | undefined;
  /** Of one that is sent: its disks will be the other's alone. */
  localThere?: true | undefined;
  /** Of one that is sent: the other host can say that its copy is void (HandShake), and is the one to which it went. */
  canVoid?: true | undefined;
  /** It is asked to. */
  isVoiding?: true | undefined;
  /** Of one that runs, with disks that no other host reaches: the copy of this host is void, but its lease may have been handed over to that. */
  unsettled?: string | undefined;
}

/**
 * `isCopied`: another host is to have a copy, and may take the lease with it where this one is lost, nobody else; so what runs here stops where nobody confirms.
 * `local`: as in HeldGuest.
 */
export interface Anew {
  isCopied?: true;
  local?: true;
}

export type Effect =
  | { do: 'ask'; request: LeaseRequest }
  | { do: 'shake'; to: string; message: HandShake }
  /** A disk that knows of epochs is opened with this one first: it takes nothing of an older one from then on. Others are used where `isSure`. */
  | { do: 'run'; guest: string; epoch: number }
  | { do: 'pause'; guest: string }
  /** What is here is not the guest any more. */
  | { do: 'drop'; guest: string };

type Without<Message, Key extends string> = Message extends unknown ? Omit<Message, Key> : never;

export interface HolderState {
  guests: [string, HeldGuest][];
  nextNumber: number;
  /** When requests were sent that were not answered yet, by number. */
  sentMs: [number, number][];
}

/** Guests of which is remembered what became of their copies. */
const MOST_NOTED = 1000;

export class Holder {
  private readonly me: string;
  private readonly timing: LeaseTiming;
  private readonly guests: Map<string, HeldGuest>;
  private nextNumber: number;
  private readonly sentMs: Map<number, number>;
  /** Guests that others have: what is here of them is paused, and their disks are the others'. */
  private readonly lost = new Set<string>();
  /** Copies that are not to run here, though they come later; and guests that ran here, and ended: by the last epochs of both. */
  private readonly voided = new Map<string, number>();
  private readonly ended = new Map<string, number>();

  constructor(me: string, timing: LeaseTiming, state: HolderState = { guests: [], nextNumber: 1, sentMs: [] }) {
    this.me = me;
    this.timing = timing;
    this.guests = new Map(state.guests.map(([guest, held]) => [guest, { ...held }]));
    this.nextNumber = state.nextNumber;
    this.sentMs = new Map(state.sentMs);
  }

  state(): HolderState {
    const guests = [...this.guests].map(([guest, held]): [string, HeldGuest] => [guest, { ...held }]);
    return { guests, nextNumber: this.nextNumber, sentMs: [...this.sentMs] };
  }

  of(guest: string): Readonly<HeldGuest> | undefined {
    return this.guests.get(guest);
  }

  /** Whether nobody else can have a guest by now, even if `tick` has not been called since this host slept. One that is to be started is nobody's. */
  isSure(guest: string, nowMs: number): boolean {
    const held = this.guests.get(guest);
    if (!held) return !this.lost.has(guest);
    return held.as === 'acquiring' || (held.as === 'running' && this.isConfirmed(held, nowMs));
  }

  // ---- what the host wants

  /** To start a guest that does not run. It runs once the lease is here. */
  acquire(guest: string, nowMs: number, local?: true): Effect[] {
    if (this.guests.has(guest)) return [];
    return [this.askAgain(guest, this.hold(guest, 'acquiring', 0, nowMs, local ? { local } : {}), nowMs)];
  }

  /** A copy of a guest that runs here counts no more, or is to; it is so once its lease has another epoch. */
  renewAnew(guest: string, anew: Anew, nowMs: number): Effect[] {
    const held = this.guests.get(guest);
    if (held?.as !== 'running' && held?.as !== 'fenced') return [];
    held.anew = anew;
    return [this.askAgain(guest, held, nowMs)];
  }

  /** The last of a copy goes to another host; `localThere`: nobody else reaches its disks there; `canVoid`: see HeldGuest. */
  send(guest: string, peer: string, localThere?: true, canVoid?: true): Effect[] {
    const held = this.guests.get(guest);
    if (held?.as !== 'running') return [];
    Object.assign(held, { as: 'sending', peer, wanted: undefined, localThere, canVoid });
    return [{ do: 'pause', guest }];
  }

  /** A copy that is whole here, of the lease that its sender has. Where one was kept of that lease, this one is later. */
  received(guest: string, peer: string, epoch: number, nowMs: number, local?: true): Effect[] {
    if ((this.voided.get(guest) ?? -1) >= epoch) return [];
    const held = this.guests.get(guest);
    const isLater = held?.as === 'receiving' && held.isKept && held.peer === peer && held.epoch === epoch;
    if (isLater) held.hasMoved = true;
    else if (!this.receive(guest, epoch, nowMs, { peer, ...(local ? { local } : {}) })) return [];
    return [this.tell(peer, 'ready', guest, epoch)];
  }

  /** A copy that was kept here of a guest of a host that may be lost, by the lease that this one had: it is the guest once that has run out. */
  takeUp(guest: string, peer: string, epoch: number, nowMs: number, local?: true): Effect[] {
    const held = this.receive(guest, epoch, nowMs, { peer, isKept: true, ...(local ? { local } : {}) });
    return held ? [this.askAgain(guest, held, nowMs)] : [];
  }

  /** It is to go on here: the copy cannot be finished, or is not wanted. One that was given away can only be made void. */
  cancel(guest: string, nowMs: number): Effect[] {
    const held = this.guests.get(guest);
    if (held?.as === 'given') return this.tellVoid(guest, held, true);
    if (held?.as !== 'sending') return [];
    held.wanted = 'reclaim';
    return [this.askAgain(guest, held, nowMs), ...this.tellVoid(guest, held, true)];
  }

  /**
   * Asked until it is answered. Where others reach its disks one of them may have its lease as soon as its copy is void: the coordinator has to say whose it is.
   * One that was given meanwhile rests on the lease before.
   */
  private tellVoid(guest: string, held: HeldGuest, begins = false): Effect[] {
    const { as, local, canVoid, peer, epoch } = held;
    if (begins && local && canVoid) held.isVoiding = true;
    if (!held.isVoiding || !(as === 'sending' || as === 'given')) return [];
    return [this.tell(peer!, 'void', guest, as === 'given' ? epoch - 1 : epoch)];
  }

  /** The host that was to have the copy takes none, and has not said that it was ready: the lease is for what is here as before. */
  refused(guest: string, nowMs: number): Effect[] {
    const held = this.guests.get(guest);
    return held?.as === 'sending' && held.wanted === undefined ? this.run(guest, held, held.epoch, nowMs) : [];
  }

  /** A copy that was to run, and could not be started: it has not run, so the sender's is the guest. */
  decline(guest: string, nowMs: number): Effect[] {
    const held = this.guests.get(guest);
    if ((held?.as !== 'running' && held?.as !== 'fenced') || held.peer === undefined) return [];
    Object.assign(held, { as: 'sending', wanted: 'hand-over', localThere: held.local });
    return [this.askAgain(guest, held, nowMs)];
  }

  /** A copy runs: its sender need not keep it. */
  started(guest: string): Effect[] {
    const held = this.guests.get(guest);
    const peer = held?.as === 'running' ? held.peer : undefined;
    if (!held || peer === undefined) return [];
    held.peer = undefined;
    return [this.tell(peer, 'started', guest, held.epoch)];
  }

  /** It has ended. */
  release(guest: string, nowMs: number): Effect[] {
    const held = this.guests.get(guest);
    if (held?.as !== 'running' && held?.as !== 'fenced') return [];
    this.guests.delete(guest);
    this.note(this.ended, guest, held.epoch);
    return [this.ask({ what: 'release', guest, epoch: held.epoch }, nowMs)];
  }

  // ---- what comes

  /** Time has passed. After a sleep this is the first that is called. */
  tick(nowMs: number): Effect[] {
    const { renewMs, takeOverMs } = this.timing;
    for (const [number, atMs] of this.sentMs) if (nowMs - atMs >= takeOverMs) this.sentMs.delete(number);
    const effects: Effect[] = [];
    for (const [guest, held] of this.guests) {
      if (held.as === 'running' && !this.isConfirmed(held, nowMs)) {
        held.as = 'fenced';
        effects.push({ do: 'pause', guest });
      }
      if (nowMs - held.askedMs < renewMs) continue;
      effects.push(this.askAgain(guest, held, nowMs), ...this.tellVoid(guest, held));
      if (held.as === 'given') effects.push(this.tell(held.peer!, 'go', guest, held.epoch));
    }
    return effects;
  }

  /** The coordinator can be reached again: what was asked may be lost. `only`: of one guest, which wants to be confirmed. */
  again(nowMs: number, only?: string): Effect[] {
    return [...this.guests].flatMap(([guest, held]) =>
      only === undefined || only === guest ? [this.askAgain(guest, held, nowMs)] : [],
    );
  }

  heard(from: string, { what, guest, epoch }: HandShake, nowMs: number): Effect[] {
    const held = this.guests.get(guest);
    // Its sender has not heard that it runs.
    if (what === 'go' && held?.as === 'running' && held.peer === undefined && held.epoch === epoch)
      return [this.tell(from, 'started', guest, epoch)];
    if (what === 'void') return this.makeVoid(from, guest, epoch, held);
    if (!held || held.peer !== from) return [];
    const restsOn = held.as === 'given' ? held.epoch - 1 : held.epoch;
    if (what === 'voided' && held.isVoiding && restsOn === epoch) return this.goOnUnsettled(guest, held, nowMs);
    if (what === 'ready' && held.as === 'sending' && held.epoch === epoch && held.wanted === undefined) {
      held.wanted = 'hand-over';
      return [this.askAgain(guest, held, nowMs)];
    }
    const isAwaited = (held.as === 'receiving' && isMoved(held)) || held.as === 'given';
    if (what === 'go' && isAwaited && epoch === held.epoch + 1) return this.run(guest, held, epoch, nowMs);
    const isThere =
      (held.as === 'given' && epoch === held.epoch) || (held.as === 'sending' && epoch === held.epoch + 1);
    return what === 'started' && isThere ? this.drop(guest) : [];
  }

  /** The sender of a copy wants the guest back: it is given the copy's promise, or hears that it runs here, or did. */
  private makeVoid(from: string, guest: string, epoch: number, held: HeldGuest | undefined): Effect[] {
    const isVoided = [this.tell(from, 'voided', guest, epoch)];
    if (!held) {
      if ((this.ended.get(guest) ?? -1) > epoch) return [this.tell(from, 'started', guest, epoch + 1)];
      this.note(this.voided, guest, epoch);
      return isVoided;
    }
    const { as, peer, isKept, wanted } = held;
    if (as === 'running' && peer === undefined && held.epoch === epoch + 1)
      return [this.tell(from, 'started', guest, held.epoch)];
    if (peer !== from) return [];
    // It could not be started here, and has not run.
    if (as === 'sending' && wanted === 'hand-over' && held.epoch === epoch + 1) return isVoided;
    if (as !== 'receiving' || isKept || held.epoch !== epoch) return [];
    this.note(this.voided, guest, epoch);
    return [...this.drop(guest), ...isVoided];
  }

  /** Its only copy is void, and nobody else reaches its disks: it goes on, and the coordinator hears of it once it answers. */
  private goOnUnsettled(guest: string, held: HeldGuest, nowMs: number): Effect[] {
    const unsettled = held.peer;
    const settled = { wanted: undefined, peer: undefined, localThere: undefined, isVoiding: undefined };
    Object.assign(held, { as: 'running', unsettled, ...settled });
    return [{ do: 'run', guest, epoch: held.epoch }, this.askAgain(guest, held, nowMs)];
  }

  private note(epochs: Map<string, number>, guest: string, epoch: number): void {
    epochs.delete(guest);
    epochs.set(guest, epoch);
    if (epochs.size > MOST_NOTED) epochs.delete(epochs.keys().next().value!);
  }

  answered({ number, guest, owner, epoch, ofCopy }: LeaseAnswer, nowMs: number): Effect[] {
    const sentMs = this.sentMs.get(number);
    this.sentMs.delete(number);
    const held = this.guests.get(guest);
    const isMine = owner === this.me;
    // A lease that came too late for what it was asked for is of no use to anybody.
    if (!held) {
      // That of a copy that is void runs out: its sender asks for it by this epoch.
      const isVoid = this.voided.get(guest) === epoch - 1 && ofCopy === 'moved';
      return isMine && !isVoid ? [this.ask({ what: 'release', guest, epoch }, nowMs)] : [];
    }
    if (epoch < held.epoch || (number > 0 && number < held.since)) return [];
    if (isMine && sentMs !== undefined) held.confirmedMs = Math.max(held.confirmedMs, sentMs);
    if (epoch > held.epoch && held.unsettled !== undefined) {
      if (isMine) return this.run(guest, held, epoch, nowMs);
      if (owner !== undefined && owner !== held.unsettled) return this.drop(guest);
      // The void copy's it was, or still is until it runs out: by that epoch it is asked for.
      held.epoch = epoch;
      return [];
    }
    if (epoch > held.epoch && isMine) {
      if (isGuest(held, epoch, ofCopy)) return this.run(guest, held, epoch, nowMs);
      // The lease is of a guest that was here before, and is lost.
      return [...this.drop(guest), this.ask({ what: 'release', guest, epoch }, nowMs)];
    }
    if (epoch > held.epoch) {
      // The request after the one that was refused may not be.
      if (held.as === 'acquiring' && number < held.asked) return [];
      const isGiven = held.as === 'sending' && owner === held.peer && ofCopy === 'moved' && epoch === held.epoch + 1;
      return isGiven ? this.giveTo(guest, held, epoch) : this.drop(guest);
    }
    return held.as === 'fenced' && isMine ? this.run(guest, held, epoch, nowMs) : [];
  }

  /**
   * The coordinator has heard this number about the guest, and takes no lower one: this host was started again with its clock set back, and counts from there on. What
   * was asked here before comes by another connection, which has ended.
   */
  outnumbered(guest: string, number: number, nowMs: number): Effect[] {
    if (number < this.nextNumber) return [];
    this.nextNumber = number + 1;
    const held = this.guests.get(guest);
    return held ? [this.askAgain(guest, held, nowMs)] : [];
  }

  // ---- what becomes of it

  /** Undefined: something of the guest is here. One that was given away may come back. */
  private receive(guest: string, epoch: number, nowMs: number, more: Partial<HeldGuest>): HeldGuest | undefined {
    const held = this.guests.get(guest);
    if (held && !(held.as === 'given' && epoch >= held.epoch)) return undefined;
    return this.hold(guest, 'receiving', epoch, nowMs, more);
  }

  private hold(guest: string, as: HeldAs, epoch: number, nowMs: number, more: Partial<HeldGuest>): HeldGuest {
    const held = { as, epoch, confirmedMs: nowMs, askedMs: nowMs, asked: 0, since: this.nextNumber, ...more };
    this.guests.set(guest, held);
    this.lost.delete(guest);
    return held;
  }

  private isConfirmed({ confirmedMs, local }: HeldGuest, nowMs: number): boolean {
    return local === true || nowMs - confirmedMs < this.timing.fenceMs;
  }

  /** The lease is here. What was confirmed too long ago waits until it is confirmed again. */
  private run(guest: string, held: HeldGuest, epoch: number, nowMs: number): Effect[] {
    const { as, peer, anew } = held;
    // Not by a late word about the lease that it has, and not by one that a move which was given up brings: the coordinator has not heard `local` then.
    if (anew && epoch > held.epoch && (as === 'running' || as === 'fenced')) {
      if (anew.local) held.local = true;
      else delete held.local;
      held.anew = undefined;
    }
    const isConfirmed = this.isConfirmed(held, nowMs);
    // Of a copy that has not run yet, its sender may have it back.
    const sender = as === 'receiving' || as === 'fenced' ? peer : undefined;
    Object.assign(held, {
      as: isConfirmed ? 'running' : 'fenced',
      epoch,
      wanted: undefined,
      peer: sender,
      isKept: undefined,
      hasMoved: undefined,
      localThere: undefined,
      canVoid: undefined,
      isVoiding: undefined,
      unsettled: undefined,
    });
    if (isConfirmed) return [{ do: 'run', guest, epoch }];
    return as === 'running' ? [{ do: 'pause', guest }] : [];
  }

  private giveTo(guest: string, held: HeldGuest, epoch: number): Effect[] {
    Object.assign(held, { as: 'given', epoch, wanted: undefined });
    return [this.tell(held.peer!, 'go', guest, epoch)];
  }

  private drop(guest: string): Effect[] {
    this.guests.delete(guest);
    this.lost.add(guest);
    return [{ do: 'drop', guest }];
  }

  /** What there is to ask about a guest, as it is. */
  private askAgain(guest: string, held: HeldGuest, nowMs: number): Effect {
    const { as, epoch, wanted, peer, local, isKept, anew, localThere, unsettled } = held;
    held.askedMs = nowMs;
    held.asked = this.nextNumber;
    const ofDisks = local ? { local } : {};
    if (as === 'acquiring') return this.ask({ what: 'acquire', guest, ...ofDisks }, nowMs);
    if (unsettled !== undefined && as === 'running')
      return this.ask({ what: 'acquire', guest, epoch, ...ofDisks }, nowMs);
    if (anew && (as === 'running' || as === 'fenced'))
      return this.ask({ what: 'anew', guest, epoch, ...(anew.isCopied || anew.local ? { local: true } : {}) }, nowMs);
    if (as === 'given') return this.ask({ what: 'ask', guest }, nowMs);
    if (as === 'receiving')
      return this.ask({ what: 'acquire', guest, epoch, ...(isKept ? { isKept } : {}), ...ofDisks }, nowMs);
    if (as === 'sending' && wanted === 'hand-over')
      return this.ask(
        { what: 'hand-over', guest, epoch, to: peer!, ...(localThere ? { local: localThere } : {}) },
        nowMs,
      );
    return this.ask({ what: as === 'sending' && wanted === 'reclaim' ? wanted : 'renew', guest, epoch }, nowMs);
  }

  private ask(request: Without<LeaseRequest, 'number'>, nowMs: number): Effect {
    const number = this.nextNumber++;
    this.sentMs.set(number, nowMs);
    return { do: 'ask', request: { ...request, number } as LeaseRequest };
  }

  private tell(to: string, what: HandShake['what'], guest: string, epoch: number): Effect {
    return { do: 'shake', to, message: { what, guest, epoch } };
  }
}

/** Whether the copy here is the last of all. */
const isMoved = ({ isKept, hasMoved }: HeldGuest): boolean => !isKept || hasMoved === true;

/** Whether what is here is the guest that a new lease is for. */
function isGuest(held: HeldGuest, leased: number, ofCopy: CopyKind | undefined): boolean {
  const { as, epoch, isKept } = held;
  if (as === 'receiving' || as === 'given')
    return ((ofCopy === 'moved' && isMoved(held)) || (isKept === true && ofCopy === 'kept')) && leased === epoch + 1;
  // The other had the lease meanwhile, and gave it back before its copy ran.
  return !ofCopy || (as === 'sending' && ofCopy === 'moved' && leased === epoch + 2);
}
