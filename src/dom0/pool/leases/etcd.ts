/**
 * Leases in etcd, by its JSON gateway (etcd.io/docs/v3.4/dev-guide/api_grpc_gateway; rpc.proto: Range, Txn, LeaseGrant, LeaseKeepAlive). A guest has two keys: who
 * owns it, which is written with each change of owner and never deleted, so that etcd's `version` of the key is the epoch (a release is a change, too); and that the
 * owner is alive, which hangs on an etcd lease and goes when that is not kept. Both are read at once and changed at once, by a transaction that compares their
 * revisions.
 */
import { decide, type LeaseEngine, type Owned, type Addressed } from './coordinator.ts';
import { LEASE_TIMING, type LeaseAnswer, type LeaseRequest, type LeaseTiming } from './messages.ts';

/** As etcd tells of a key. Numbers of 64 bits are texts; what is 0 is left out. */
interface KeyValue {
  value?: string;
  create_revision: string;
  mod_revision: string;
  version: string;
  lease?: string;
}

interface TxnAnswer {
  succeeded?: boolean;
  responses?: { response_range?: { kvs?: KeyValue[] } }[];
}

/** What the key of a guest's owner has. */
interface Written extends Owned {
  /** The request that wrote it: where the answer was lost, and it is tried again, it is done. */
  by?: readonly [host: string, number: number];
}

interface Seen extends Written {
  epoch: number;
  record: KeyValue | undefined;
  alive: KeyValue | undefined;
}

/** Somebody else was faster this often: the host asks again. */
const MOST_TRIES = 5;

export class EtcdLeases implements LeaseEngine {
  private readonly members: string[];
  private readonly prefix: string;
  private readonly fetching: typeof fetch;
  private readonly timing: LeaseTiming;
  /** Of each host and guest, the last request: what was sent before is not wanted any more. */
  private readonly heard = new Map<string, Map<string, number>>();

  /** `members`: http://HOST:PORT of those of the cluster that are known. */
  constructor(members: readonly string[], pool: string, fetching: typeof fetch, timing: LeaseTiming) {
    this.members = [...members];
    this.prefix = `ringside/${pool}`;
    this.fetching = fetching;
    this.timing = timing;
  }

  async receive(from: string, request: LeaseRequest): Promise<Addressed[]> {
    const { guest, number } = request;
    const heard = this.heard.get(from) ?? new Map<string, number>();
    if (number <= (heard.get(guest) ?? 0)) return [];
    this.heard.set(from, heard.set(guest, number));
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const seen = await this.look(guest);
      // Only what was tried here: a host that was started again with its clock set back may use a number again.
      if (tries > 0 && seen.by?.[0] === from && seen.by[1] === number) return toldOf(from, request, seen, seen.epoch);
      const next = decide(from, request, seen, seen.alive === undefined);
      if (!next) {
        // What tells a host that it is the owner lets it run for a while: that is a renewal, too.
        if (seen.owner === from && !(await this.keepAlive(guest, seen))) continue;
        return [{ to: from, answer: answerOf(request, seen, seen.epoch) }];
      }
      if (await this.change(guest, seen, { ...next, by: [from, number] }))
        return toldOf(from, request, next, seen.epoch + 1);
    }
    throw new Error(`etcd: the lease of ${guest} changed while it was asked for`);
  }

  // ---- the two keys of a guest

  private recordKey(guest: string): string {
    return base64(`${this.prefix}/owner/${guest}`);
  }

  private aliveKey(guest: string): string {
    return base64(`${this.prefix}/alive/${guest}`);
  }

  private async look(guest: string): Promise<Seen> {
    const keys = [this.recordKey(guest), this.aliveKey(guest)];
    const { responses = [] } = await this.txn({ success: keys.map(key => ({ request_range: { key } })) });
    const [record, alive] = keys.map((_key, index) => responses[index]?.response_range?.kvs?.[0]);
    const written: Written = record?.value ? JSON.parse(text(record.value)) : {};
    return { ...written, epoch: Number(record?.version ?? 0), record, alive };
  }

  /** A new owner, or none; false: something changed since it was looked at. */
  private async change(guest: string, { record, alive }: Seen, next: Written): Promise<boolean> {
    const [recordKey, aliveKey] = [this.recordKey(guest), this.aliveKey(guest)];
    const put = { request_put: { key: recordKey, value: base64(JSON.stringify(next)) } };
    const live = next.owner === undefined ? forget(aliveKey) : await this.alivePut(aliveKey);
    const answer = await this.txn({ compare: unchanged(recordKey, record, aliveKey, alive), success: [put, live] });
    return answer.succeeded === true;
  }

  /** The owner goes on; false: something changed since it was looked at. */
  private async keepAlive(guest: string, { record, alive }: Seen): Promise<boolean> {
    const { result } = alive?.lease
      ? await this.call<{ result?: { TTL?: string } }>('lease/keepalive', { ID: alive.lease })
      : { result: undefined };
    if (Number(result?.TTL ?? 0) > 0) return true;
    // It has run out, and nobody has taken it.
    const [recordKey, aliveKey] = [this.recordKey(guest), this.aliveKey(guest)];
    const compare = unchanged(recordKey, record, aliveKey, undefined);
    return (await this.txn({ compare, success: [await this.alivePut(aliveKey)] })).succeeded === true;
  }

  /** Etcd counts from when it heard of it, and begins again when its leader changes: never too early for others. */
  private async alivePut(key: string): Promise<object> {
    const ttlSeconds = Math.ceil(this.timing.takeOverMs / 1000);
    const { ID } = await this.call<{ ID: string }>('lease/grant', { TTL: String(ttlSeconds) });
    return { request_put: { key, value: '', lease: ID } };
  }

  // ---- etcd

  private txn(body: object): Promise<TxnAnswer> {
    return this.call<TxnAnswer>('kv/txn', body);
  }

  /** Of the members the first that answers, which is asked first from then on. */
  private async call<Answer>(path: string, body: object): Promise<Answer> {
    let problem = '';
    for (const member of [...this.members]) {
      try {
        const answer = await this.fetching(`${member}/v3/${path}`, {
          method: 'POST',
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(this.timing.renewMs),
        });
        const answered = (await answer.json()) as Answer & { error?: unknown };
        if (answer.ok && answered.error === undefined) {
          this.prefer(member);
          return answered;
        }
        problem = `${member}: ${JSON.stringify(answered.error ?? answer.status)}`;
      } catch (error) {
        problem = `${member}: ${(error as Error).message}`;
      }
    }
    throw new Error(`etcd does not answer (${problem})`);
  }

  private prefer(member: string): void {
    const at = this.members.indexOf(member);
    if (at > 0) this.members.unshift(...this.members.splice(at, 1));
  }
}

/**
 * The engine that `--leases` names: etcd://HOST:PORT[,HOST:PORT…], one or more members of a cluster.
 * @throws what is wrong with the address
 */
export function namedEngine(
  address: string,
  pool: string,
  fetching: typeof fetch,
  timing: LeaseTiming = LEASE_TIMING,
): LeaseEngine {
  const members = /^etcd:\/\/([^/]+)\/?$/.exec(address)?.[1].split(',') ?? [];
  const isMember = (member: string): boolean => /^([\w.-]+|\[[\da-fA-F:]+\]):\d{1,5}$/.test(member);
  if (members.length === 0 || !members.every(isMember))
    throw new Error(`--leases ${address}: write etcd://HOST:PORT, several members with commas between them.`);
  const bases = members.map(member => `http://${member}`);
  return new EtcdLeases(bases, pool, fetching, timing);
}

const answerOf = ({ number, guest }: LeaseRequest, { owner, ofCopy }: Owned, epoch: number): LeaseAnswer => ({
  number,
  guest,
  epoch,
  ...(owner === undefined ? {} : { owner }),
  ...(ofCopy ? { ofCopy } : {}),
});

/** Of a request that changed whose it is. */
function toldOf(from: string, request: LeaseRequest, owned: Owned, epoch: number): Addressed[] {
  const answer = answerOf(request, owned, epoch);
  const answers = [{ to: from, answer }];
  if (request.what === 'hand-over') answers.push({ to: request.to, answer: { ...answer, number: 0 } });
  return answers;
}

/** Both keys are as they were: a key that is not there was created in revision 0. */
const unchanged = (recordKey: string, record: KeyValue | undefined, aliveKey: string, alive: KeyValue | undefined) => [
  { key: recordKey, target: 'MOD', mod_revision: record?.mod_revision ?? '0' },
  { key: aliveKey, target: 'CREATE', create_revision: alive?.create_revision ?? '0' },
];

const forget = (key: string): object => ({ request_delete_range: { key } });

const base64 = (value: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(value)));
const text = (value: string): string =>
  new TextDecoder().decode(Uint8Array.from(atob(value), character => character.charCodeAt(0)));
