/** The host that keeps the pool's leases. It writes down each decision before it sends it to anybody, so that it survives its end; times are its own clock's. */
import type { CopyKind, LeaseAnswer, LeaseRequest, LeaseTiming } from './messages.ts';

/** Whose a guest is. */
export interface Owned {
  owner?: string;
  /** See LeaseRequest. */
  local?: true;
  /** See LeaseAnswer. */
  ofCopy?: CopyKind;
}

export interface LeaseRecord extends Owned {
  epoch: number;
  /** When it was asked for or renewed last. */
  renewedMs: number;
}

export interface CoordinatorState {
  leases: [string, LeaseRecord][];
  heard: [host: string, numbers: [guest: string, number: number][]][];
}

export interface Addressed {
  to: string;
  answer: LeaseAnswer;
}

/** What decides who owns a guest: a coordinator, or etcd (etcd.ts). Holders cannot tell which. */
export interface LeaseEngine {
  /** What a host's request comes to, and which hosts get a message. Rejects where that cannot be known now: the host asks again. */
  receive(from: string, request: LeaseRequest): Promise<Addressed[]>;
}

export const engineOf = (coordinator: Coordinator, clockMs: () => number): LeaseEngine => ({
  receive: async (from, request) => coordinator.receive(from, request, clockMs()),
});

/** Whose a guest is after a request; undefined: whose it was. `hasRunOut`: its owner has not renewed the lease for this long that another may take it. */
export function decide(
  from: string,
  request: LeaseRequest,
  { owner, epoch, local }: Owned & { epoch: number },
  hasRunOut: boolean,
): Owned | undefined {
  const given = (to: string, isLocal: true | undefined, ofCopy?: CopyKind): Owned => ({
    owner: to,
    ...(isLocal ? { local: true } : {}),
    ...(ofCopy ? { ofCopy } : {}),
  });
  if (request.what === 'ask') return undefined;
  if (request.what === 'acquire') {
    if (request.epoch !== undefined && request.epoch !== epoch) return undefined;
    const hasCopy = request.epoch !== undefined;
    const isFree = owner === undefined || owner === from || ((hasCopy || !local) && hasRunOut);
    const ofCopy = request.isKept ? 'kept' : 'moved';
    return isFree ? given(from, request.local, hasCopy ? ofCopy : undefined) : undefined;
  }
  if (owner !== from || request.epoch !== epoch || request.what === 'renew') return undefined;
  if (request.what === 'release') return {};
  if (request.what === 'anew') return given(from, request.local);
  return request.what === 'hand-over' ? given(request.to, request.local, 'moved') : given(from, local);
}

export class Coordinator {
  private readonly timing: LeaseTiming;
  private readonly leases: Map<string, LeaseRecord>;
  /** Of each host and guest, the last request that was heard: what was sent before is not wanted any more. */
  private readonly heard: Map<string, Map<string, number>>;

  /** `kept`: as a coordinator before it had written it down. */
  constructor(timing: LeaseTiming, kept: CoordinatorState = { leases: [], heard: [] }) {
    this.timing = timing;
    this.leases = new Map(kept.leases.map(([guest, lease]) => [guest, { ...lease }]));
    this.heard = new Map(kept.heard.map(([host, numbers]) => [host, new Map(numbers)]));
  }

  /** After an end, or a sleep: nobody could renew meanwhile, so each lease begins again. */
  renewAll(nowMs: number): void {
    for (const lease of this.leases.values()) lease.renewedMs = nowMs;
  }

  /** What a request changes is kept when this returns; the messages to send. */
  receive(from: string, request: LeaseRequest, nowMs: number): Addressed[] {
    const { guest, number } = request;
    const heard = this.heard.get(from) ?? new Map<string, number>();
    if (number <= (heard.get(guest) ?? 0)) return [];
    this.heard.set(from, heard.set(guest, number));
    const lease = this.leases.get(guest) ?? { epoch: 0, renewedMs: nowMs };
    const decided = decide(from, request, lease, nowMs - lease.renewedMs >= this.timing.takeOverMs);
    let next = lease;
    if (decided) next = { ...decided, epoch: lease.epoch + 1, renewedMs: nowMs };
    // What tells a host that it is the owner lets it run for a while, whatever it had asked: that is a renewal, too.
    else if (lease.owner === from) next = { ...lease, renewedMs: nowMs };
    if (next !== lease) this.leases.set(guest, next);
    const { owner, epoch, ofCopy } = next;
    const answer = { guest, epoch, ...(owner === undefined ? {} : { owner }), ...(ofCopy ? { ofCopy } : {}) };
    const answers = [{ to: from, answer: { number, ...answer } }];
    if (decided && request.what === 'hand-over') answers.push({ to: request.to, answer: { number: 0, ...answer } });
    return answers;
  }

  /** The number of the last request about a guest that a host has made; 0: of none. */
  heardOf(host: string, guest: string): number {
    return this.heard.get(host)?.get(guest) ?? 0;
  }

  /** As it is kept for the coordinator after this one; undefined: nobody has asked for it yet. */
  lease(guest: string): Omit<LeaseRecord, 'renewedMs'> | undefined {
    const found = this.leases.get(guest);
    if (!found) return undefined;
    const { renewedMs: _, ...lease } = found;
    return lease;
  }

  /** What the coordinator after it begins with. */
  keep(): CoordinatorState {
    return {
      leases: [...this.leases].map(([guest, lease]) => [guest, { ...lease }]),
      heard: [...this.heard].map(([host, numbers]) => [host, [...numbers]]),
    };
  }
}
