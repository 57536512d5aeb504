/** A host's membership: it is in one pool, or in none. What a pool needs is loaded with this file, when somebody joins one. */
import { keptName, NAME_FILE, type Ways } from '../host/index.ts';
import { COMMANDS } from '../toolstack/commands/index.ts';
import type { CommandHost, MoveService } from '../toolstack/index.ts';
import { canEncrypt, readCode, secretsOf, WHY_VIEWER } from './code.ts';
import { fenceOutput } from './fenced-output.ts';
import { hubRoom, readHubAddress } from './hub-room.ts';
import { namedEngine } from './leases/etcd.ts';
import { leaseClock, WALL_GRAIN_MS } from './leases/lease-clock.ts';
import { LEASE_TIMING } from './leases/messages.ts';
import { hostIdOf, nameProblem, type Role } from './names.ts';
import type { Neighbours } from './neighbours.ts';
import { joinNetworks } from './one-network.ts';
import { Ownership } from './ownership.ts';
import { Pool } from './pool.ts';
import { PoolBalancing } from './pool-balancing.ts';
import { Failover } from './recovery/failover.ts';
import { isGuarded } from './recovery/guarded.ts';
import { Remus } from './recovery/remus.ts';
import { Replicas } from './recovery/replicas.ts';
import { Replication } from './recovery/replication.ts';
import type { Room } from './room.ts';
import { SharedState } from './shared-state.ts';
import { tabsRoom } from './tabs-room.ts';
import { tellOfHost } from './told-of-host.ts';

/** machine-id(5): a host that is kept is the same again. */
const ID_FILE = '/etc/machine-id';
const ID_BYTES = 16;
/** Tabs of one browser from one site have no secrets from each other. */
const TABS = 'tabs',
  TABS_CODE = '0000-0000-0000-0000';
/** What is said last goes out meanwhile. */
const LAST_WORDS_MS = 100;

export interface Joined {
  pool: Pool;
  /** Where, without the code. */
  url: string;
  /** A host that knows it can join; absent: tabs need none. */
  code?: string;
  /** A sentence: why this host is a viewer, though it wanted to be more. */
  whyViewer?: string;
  /** What all its hosts see. */
  state: SharedState;
  /** Whose its guests are. */
  ownership: Ownership;
  /** Where they should be. */
  balancing: PoolBalancing;
  /** Which of them start again where a host is lost. */
  failover: Failover;
  /** What is kept here of others' guests. */
  replicas: Replicas;
  /** Guests here that another host goes on with. */
  remus: Remus;
}

/** How a host is to be in a pool. */
export interface JoinWish {
  name?: string | undefined;
  leases?: string | undefined;
  role?: Role;
}

/** A host whose guests can move. */
export interface PoolHost extends CommandHost {
  meet?(neighbours: Neighbours, ownership: Ownership): void;
  protect?: MoveService['protect'];
}

export class Membership {
  private readonly host: PoolHost;
  /** Undefined: this host is in none. */
  joined: Joined | undefined;
  /** The pool that this host was in before. */
  private before: Joined | undefined;
  /** Output of guests that may be another host's goes out again. */
  private endFence = (): void => {};

  constructor(host: PoolHost) {
    this.host = host;
  }

  /** `address`: ws://HOST:PORT/#CODE, or `tabs`: those of this browser; `leases`: etcd://HOST:PORT, where that decides whose a guest is; `wanted`: the host's name, else the one that it had, or one that is drawn. @throws Error with a sentence */
  async join(address: string, { name: wanted, leases, role: wish = 'member' }: JoinWish = {}): Promise<Joined> {
    const { host } = this;
    const { later, hostMs, epochMs } = host.clock,
      { ways, version } = host.parts;
    if (this.joined)
      throw new Error(`This host is in the pool at ${this.joined.url} already. Leave it first: pool leave.`);
    if (!ways)
      throw new Error(
        'This host runs in virtual time, which no other host shares. Load the page without ?time=virtual to join a pool.',
      );
    const { url, code } = address === TABS ? { url: TABS, code: TABS_CODE } : readHubAddress(address);
    if (url === TABS && !ways.tabs)
      throw new Error('There are no tabs here. Write the address of a hub: ws://HOST:PORT/#CODE.');
    const problem = wanted === undefined ? undefined : nameProblem(wanted);
    if (problem !== undefined) throw new Error(problem);
    const role = canEncrypt() ? wish : 'viewer';
    const { room, secret } = await secretsOf(readCode(code));
    const engine = leases === undefined ? undefined : namedEngine(leases, room, fetch);
    const id = (await this.kept(ID_FILE, /^[0-9a-f]{32}$/)) ?? hostIdOf(ways.random(ID_BYTES));
    const name = wanted ?? (await keptName(host.files.own)) ?? `host-${id.slice(0, 5)}`;
    const leaseMs = this.leaseClock();
    const again = (): Promise<Room> =>
      url === TABS ? this.tabs(ways, room) : hubRoom(ways.webSocket, { url }, room, later);
    const pool = await Pool.enter({
      me: { id, name, version, role },
      secret,
      subtle: ways.subtle,
      room: await again(),
      again,
      random: ways.random,
      later,
      hostMs: leaseMs,
      say: sentence => host.tasks.note('pool', 'failed', sentence),
    });
    host.toolstack.become({ id, name });
    await this.keep(ID_FILE, id);
    await this.keep(NAME_FILE, name);
    const say = (sentence: string): void => host.tasks.note('pool', 'failed', sentence);
    joinNetworks({ pool, network: host.network, later, say, isStill: domid => host.toolstack.services.isStill(domid) });
    // Others find Domain 0 at its address, which they would not miss on a host alone.
    void host.network.own(later).catch((error: Error) => say(error.message));
    const state = new SharedState({
      pool,
      id,
      later,
      hostMs,
      say,
      random: ways.random,
      leasesOfAll: engine !== undefined,
    });
    tellOfHost(host, pool, state);
    this.before?.ownership.end();
    const ownership = new Ownership({ host, pool, state, later, hostMs, leaseMs, epochMs, engine, isGuarded, say });
    this.meet(pool, ownership);
    const note = (sentence: string): void => host.tasks.note('pool balance', 'done', sentence);
    const migrate = async (guest: string, to: string): Promise<unknown> => {
      const member = host.toolstack.ownerOf(guest);
      return member && COMMANDS.migrate.run(host, member.record.id, to);
    };
    const balancing = new PoolBalancing({ pool, state, later, hostMs, migrate, note, say });
    const replicas = new Replicas(host, uuid => state.leases.get(uuid)?.owner);
    pool.serve('checkpoints', (channel, from) => void replicas.serve(channel, from));
    const failover = new Failover({ host, pool, state, ownership, later, replicas });
    new Replication({ host, pool, later });
    const remus = new Remus({ host, neighbours: pool, ownership, later });
    host.protect = (guest, to, wish) => remus.protect(guest, to, wish);
    const where = { url, ...(url === TABS ? {} : { code }) };
    if (role !== wish) host.tasks.note(`pool join ${url}`, 'done', WHY_VIEWER);
    const why = role === wish ? {} : { whyViewer: WHY_VIEWER };
    const joined: Joined = { pool, ...where, ...why, state, ownership, balancing, failover, replicas, remus };
    this.joined = joined;
    pool.onChange(() => {
      if (pool.left === undefined || this.joined !== joined) return;
      this.joined = undefined;
      host.protect = undefined;
      this.before = joined;
      host.tasks.note(`pool leave ${url}`, 'done', pool.left);
    });
    return joined;
  }

  /** By which leases of this host run out. */
  private leaseClock(): () => number {
    const { hostMs, epochMs, upMs } = this.host.clock;
    const others = [{ nowMs: epochMs, grainMs: WALL_GRAIN_MS }, ...(upMs ? [upMs] : [])];
    return leaseClock(hostMs, others, LEASE_TIMING.takeOverMs);
  }

  /** Guests can go to the others and come; what one sends that may be another host's stays here. */
  private meet(pool: Pool, ownership: Ownership): void {
    this.host.meet?.(pool, ownership);
    this.endFence();
    const { members, services } = this.host.toolstack;
    const guestOf = (domid: number) => members.get(domid);
    this.endFence = fenceOutput({
      network: services.network,
      guestOf,
      domids: () => [...members.keys()],
      ownership,
    });
  }

  /** Goes in order: the next host is coordinator where this one was. @throws Error with a sentence: it is in none */
  async leave(): Promise<void> {
    const { pool, ownership, failover, remus } = this.here;
    await remus.leave();
    failover.leave();
    ownership.leave();
    await new Promise<void>(resolve => void this.host.clock.later(LAST_WORDS_MS, resolve));
    pool.leave();
  }

  /** This host gives leases from now on, where the one that did is gone permanently. @throws Error with a sentence: it is there */
  emergency(): void {
    const { pool, ownership } = this.here;
    const { coordinatorName } = ownership;
    if (pool.inOrder.includes(coordinatorName)) throw new Error(`${coordinatorName} is there, and gives leases.`);
    ownership.takeOver();
  }

  /** @throws Error with a sentence: it is in none */
  get here(): Joined {
    if (!this.joined) throw new Error('This host is in no pool. Join one: pool join ws://HOST:PORT/#CODE.');
    return this.joined;
  }

  private tabs(ways: Ways, name: string): Promise<Room> {
    const { later, hostMs, epochMs } = this.host.clock;
    const channel = ways.tabs!(`ringside-pool-${name}`);
    return tabsRoom({ channel, later, hostMs, epochMs, random: ways.random });
  }

  private async kept(path: string, form: RegExp): Promise<string | undefined> {
    const bytes = await this.host.files.own?.readFileBuffer(path).catch(() => undefined);
    const text = new TextDecoder().decode(bytes ?? new Uint8Array()).trim();
    return form.test(text) ? text : undefined;
  }

  private async keep(path: string, text: string): Promise<void> {
    await this.host.files.own?.writeFile(path, `${text}\n`);
  }
}

const memberships = new WeakMap<CommandHost, Membership>();

export function membershipOf(host: PoolHost): Membership {
  let found = memberships.get(host);
  if (!found) memberships.set(host, (found = new Membership(host)));
  return found;
}
