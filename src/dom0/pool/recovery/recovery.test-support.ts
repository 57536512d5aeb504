/** Hosts of a pool in one process whose time runs faster, and which can end at any moment. */
import { readFileSync } from 'node:fs';
import { later, soon, testFile, testFiles, testHost } from '../../service/host.test-support.ts';
import type { Host, HostParts } from '../../service/host.ts';
import { COMMANDS } from '../../toolstack/commands/index.ts';
import { filesFor } from '../../toolstack/index.ts';
import type { Later } from '../../host/index.ts';
import { inTurns } from '../../toolstack/runners/in-turns.ts';
import { fenceOutput } from '../fenced-output.ts';
import { Ownership, type OwnershipParts } from '../ownership.ts';
import type { Pool } from '../pool.ts';
import { poolLater, poolMs } from '../pool-clock.test-support.ts';
import { enter, random, type TestRoom } from '../rooms.test-support.ts';
import type { Room } from '../room.ts';
import { SharedState } from '../shared-state.ts';
import { Failover } from './failover.ts';
import { isGuarded } from './guarded.ts';
import { Remus } from './remus.ts';
import { Replicas } from './replicas.ts';
import { Replication } from './replication.ts';

export const guestFile = (name: string): Uint8Array =>
  readFileSync(new URL(`../../../../guests/${name}`, import.meta.url));

export const KERNEL = { '/boot/minipv.elf': guestFile('minipv/minipv.elf') };

export interface PoolMember {
  name: string;
  host: Host;
  pool: Pool & { said: string[] };
  state: SharedState;
  ownership: Ownership;
  failover: Failover;
  replicas: Replicas;
  /** It is gone with all that ran there, and nobody heard a word. */
  end(): void;
  /** Nobody hears it any more, nor it anybody. */
  cutOff(): void;
}

/** How a host is in its room: what it does waits at its gate, and where it has lost the room it comes again. */
interface Entering {
  gate?(callback: () => void): void;
  again?(): Promise<Room>;
}

/** A host with these files of its Domain 0. */
export async function member(
  room: Pick<TestRoom, 'enter'>,
  name: string,
  files: Record<string, Uint8Array | string> = {},
  more: Partial<HostParts> & Pick<Partial<OwnershipParts>, 'engine' | 'leaseMs'> & Entering = {},
): Promise<PoolMember> {
  const { engine, again, gate = callback => callback(), leaseMs = poolMs, ...parts } = more;
  let isThere = true;
  const living = (callback: () => void) => (): void =>
    gate(() => {
      if (isThere) callback();
    });
  const hurried: Later = (ms, callback) => poolLater(ms, living(callback));
  const hostMs = poolMs;
  const ownSoon = (callback: () => void): void => soon(living(callback));
  const kept = await testFiles();
  for (const [path, data] of Object.entries(files)) {
    await kept.mkdir(path.replace(/\/[^/]*$/, '') || '/', { recursive: true });
    await kept.writeFile(path, data);
  }
  const host = testHost({
    memory: new SharedArrayBuffer(32 * 2 ** 20),
    files: kept,
    runners: inTurns({
      soon: ownSoon,
      later: (ms, callback) => later(ms, living(callback)),
      hostMs: () => performance.now(),
    }),
    soon: ownSoon,
    later: hurried,
    ...parts,
  });
  const pool = await enter(room.enter(), name, { later: hurried, hostMs: leaseMs, ...(again ? { again } : {}) });
  host.toolstack.become({ id: name.padEnd(32, '0'), name });
  const say = (sentence: string): void => void pool.said.push(sentence);
  const state = new SharedState({
    pool,
    id: name,
    later: hurried,
    hostMs,
    random,
    say,
    leasesOfAll: engine !== undefined,
  });
  const epochMs = (): number => Date.now();
  const ownership = new Ownership({
    host,
    pool,
    state,
    later: hurried,
    hostMs,
    leaseMs,
    epochMs,
    engine,
    isGuarded,
    say,
  });
  host.meet(pool, ownership);
  const { members, services } = host.toolstack;
  const { network } = services;
  fenceOutput({ network, guestOf: domid => members.get(domid), domids: () => [...members.keys()], ownership });
  const replicas = new Replicas(host, uuid => state.leases.get(uuid)?.owner);
  pool.serve('checkpoints', (channel, from) => void replicas.serve(channel, from));
  const failover = new Failover({ host, pool, state, ownership, later: hurried, replicas });
  new Replication({ host, pool, later: hurried });
  const remus = new Remus({ host, neighbours: pool, ownership, later: hurried });
  host.protect = (guest, to, wish) => remus.protect(guest, to, wish);
  return {
    name,
    host,
    pool,
    state,
    ownership,
    failover,
    replicas,
    end: () => {
      isThere = false;
      pool.leave();
    },
    cutOff: () => pool.leave(),
  };
}

const definition = (more: string): string =>
  `name = "web"\ntype = "pvh"\nmemory = 8\nkernel = "/boot/minipv.elf"\nvif = [ "" ]\n${more}\n`;

/** A small guest called web; its UUID. */
export async function create({ host }: PoolMember, more = 'ha = 1'): Promise<string> {
  const read = async (path: string): Promise<Blob> =>
    path === 'web.cfg' ? testFile(path, definition(more)).data : host.files.readFile(path);
  const { id } = await COMMANDS.create.run(host, await filesFor({ read }, 'web.cfg'));
  return host.domains.member(id).uuid;
}

/** Where a guest of this name is, and whether it may run there. */
export const placesOf = (members: readonly PoolMember[], name: string): string[] =>
  members.flatMap(({ name: where, host }) =>
    [...host.toolstack.members.values()]
      .filter(each => each.name === name && !each.ending)
      .map(({ paused }) => `${where}${paused ? ' paused' : ''}`),
  );
