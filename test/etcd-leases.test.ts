/** Leases of a pool in Debian's etcd, beside the coordinator's: one interface, the same answers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { nodeSockets } from '../src/cli/sockets.ts';
import {
  Coordinator,
  type Effect,
  engineOf,
  Holder,
  type LeaseAnswer,
  type LeaseEngine,
  type LeaseRequest,
  namedEngine,
} from '../src/dom0/pool/leases/index.ts';
import { behindHandOver } from '../src/dom0/pool/migration/hand-over.test-support.ts';
import { create, KERNEL, member, placesOf } from '../src/dom0/pool/recovery/recovery.test-support.ts';
import { TestRoom } from '../src/dom0/pool/rooms.test-support.ts';
import { program, strict } from './support/needs.ts';
import { patient } from './support/patience.ts';

const HERE = '127.0.0.1';
const MEMBERS = 3;
const TIMING = { renewMs: 250, fenceMs: 2000, takeOverMs: 3000 };
const isMissing = program('etcd') === undefined;

const folder = mkdtempSync(join(tmpdir(), 'ringside-etcd-'));
const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

async function freePorts(count: number): Promise<number[]> {
  const listening = await Promise.all(
    Array.from({ length: count }, () => nodeSockets.listen({ host: HERE, port: 0 }, channel => channel.close())),
  );
  for (const each of listening) each.close();
  return listening.map(({ port }) => port);
}

interface Member {
  address: string;
  arguments: string[];
  process?: ChildProcess | undefined;
}

async function newCluster(): Promise<Member[]> {
  const ports = await freePorts(2 * MEMBERS);
  const peer = (index: number): string => `http://${HERE}:${ports[MEMBERS + index]}`;
  const cluster = Array.from({ length: MEMBERS }, (_each, index) => `m${index}=${peer(index)}`).join(',');
  return Array.from({ length: MEMBERS }, (_each, index) => {
    const client = `http://${HERE}:${ports[index]}`;
    const words = {
      name: `m${index}`,
      'data-dir': join(folder, `m${index}-${ports[index]}`),
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer(index),
      'initial-advertise-peer-urls': peer(index),
      'initial-cluster': cluster,
      'log-level': 'panic',
    };
    return {
      address: `${HERE}:${ports[index]}`,
      arguments: Object.entries(words).map(([name, value]) => `--${name}=${value}`),
    };
  });
}

/** While it does not run, an outgoing connection of another program may have taken its port: it then ends by itself, and is started again. */
const start = (member: Member): void => {
  member.process = spawn('etcd', member.arguments, { stdio: 'ignore' });
  member.process.once('exit', code => {
    if (code !== null) setTimeout(() => start(member), 200);
  });
};

/** As if its machine had no power any more. */
async function kill(member: Member): Promise<void> {
  const { process } = member;
  if (!process) return;
  const ended = new Promise(resolve => process.once('exit', resolve));
  process.kill('SIGKILL');
  await ended;
  member.process = undefined;
}

const engineFor = (members: readonly Member[], pool: string): LeaseEngine =>
  namedEngine(`etcd://${members.map(({ address }) => address).join(',')}`, pool, fetch, TIMING);

/** Until it is answered. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer) return answer;
    await sleep(50);
  }
}

type Without = LeaseRequest extends infer Each
  ? Each extends unknown
    ? Omit<Each, 'number' | 'guest'>
    : never
  : never;

/** What hosts ask of one guest, numbered. */
class Asking {
  private number = 1;
  private readonly engine: LeaseEngine;
  private readonly guest: string;

  constructor(engine: LeaseEngine, guest: string) {
    this.engine = engine;
    this.guest = guest;
  }

  /** As a host does: where etcd gives no answer in its time, it asks again with the next number. */
  ask(from: string, request: Without): Promise<LeaseAnswer> {
    return answered(async () => {
      const sent = { ...request, number: this.number++, guest: this.guest } as LeaseRequest;
      return (await this.engine.receive(from, sent))[0].answer;
    });
  }
}

function behaves(engine: () => LeaseEngine): void {
  const asking = (guest: string) => new Asking(engine(), guest);

  it('gives a lease to one host, which renews it', async () => {
    const pool = asking('one');
    expect(await pool.ask('a', { what: 'acquire' })).toMatchObject({ owner: 'a', epoch: 1 });
    expect(await pool.ask('b', { what: 'acquire' })).toMatchObject({ owner: 'a', epoch: 1 });
    expect(await pool.ask('a', { what: 'renew', epoch: 1 })).toMatchObject({ owner: 'a', epoch: 1 });
  });

  it('hands it over with the next epoch, after which the first owner can do nothing', async () => {
    const pool = asking('moved');
    await pool.ask('a', { what: 'acquire' });
    const given = { owner: 'b', epoch: 2, ofCopy: 'moved' };
    expect(await pool.ask('a', { what: 'hand-over', epoch: 1, to: 'b' })).toMatchObject(given);
    expect(await pool.ask('a', { what: 'renew', epoch: 1 })).toMatchObject(given);
    expect(await pool.ask('a', { what: 'reclaim', epoch: 1 })).toMatchObject(given);
    expect(await pool.ask('b', { what: 'acquire', epoch: 1 })).toMatchObject(given);
  });

  it('makes a copy void that its sender does not want any more', async () => {
    const pool = asking('kept');
    await pool.ask('a', { what: 'acquire' });
    expect(await pool.ask('a', { what: 'reclaim', epoch: 1 })).toMatchObject({ owner: 'a', epoch: 2 });
    expect(await pool.ask('b', { what: 'acquire', epoch: 1 })).toMatchObject({ owner: 'a', epoch: 2 });
  });

  it('gives its owner a new one for the one that it has, and for no other', async () => {
    const pool = asking('anew');
    await pool.ask('a', { what: 'acquire' });
    expect(await pool.ask('a', { what: 'anew', epoch: 1, local: true })).toMatchObject({ owner: 'a', epoch: 2 });
    expect(await pool.ask('a', { what: 'anew', epoch: 1 })).toMatchObject({ owner: 'a', epoch: 2 });
    expect(await pool.ask('b', { what: 'anew', epoch: 2 })).toMatchObject({ owner: 'a', epoch: 2 });
    await pool.ask('a', { what: 'release', epoch: 2 });
    expect((await pool.ask('a', { what: 'anew', epoch: 2 })).owner).toBeUndefined();
  });

  it('gives what was released to the next, and has an epoch for the time in between', async () => {
    const pool = asking('released');
    await pool.ask('a', { what: 'acquire' });
    const released = await pool.ask('a', { what: 'release', epoch: 1 });
    expect([released.owner, released.epoch]).toEqual([undefined, 2]);
    expect(await pool.ask('a', { what: 'renew', epoch: 1 })).toMatchObject({ epoch: 2 });
    expect(await pool.ask('b', { what: 'acquire' })).toMatchObject({ owner: 'b', epoch: 3 });
  });

  it('gives what was not renewed to the next, but what is local to its host only to one that has a copy', async () => {
    const pool = asking('lost');
    const home = asking('home');
    const copied = asking('copied');
    const shared = asking('shared');
    await pool.ask('a', { what: 'acquire' });
    await home.ask('a', { what: 'acquire', local: true });
    await copied.ask('a', { what: 'acquire', local: true });
    // It was local, and is not any more.
    await shared.ask('a', { what: 'acquire', local: true });
    await shared.ask('a', { what: 'anew', epoch: 1 });
    const comesToBe = async (asked: Asking, request: Without): Promise<LeaseAnswer> => {
      for (;;) {
        const answer = await asked.ask('b', request);
        if (answer.owner === 'b') return answer;
        await sleep(100);
      }
    };
    expect((await comesToBe(pool, { what: 'acquire' })).epoch).toBe(2);
    expect(await pool.ask('a', { what: 'renew', epoch: 1 })).toMatchObject({ owner: 'b', epoch: 2 });
    expect((await comesToBe(shared, { what: 'acquire' })).epoch).toBe(3);
    const kept = await comesToBe(copied, { what: 'acquire', epoch: 1, isKept: true, local: true });
    expect(kept).toMatchObject({ epoch: 2, ofCopy: 'kept' });
    expect(await home.ask('b', { what: 'acquire' })).toMatchObject({ owner: 'a', epoch: 1 });
  });

  it('does not hear what was sent before', async () => {
    await engine().receive('a', { number: 5, guest: 'late', what: 'acquire' });
    expect(await engine().receive('a', { number: 4, guest: 'late', what: 'release', epoch: 1 })).toEqual([]);
  });
}

interface Hosts {
  hosts: Map<string, Host>;
  fence: number;
  writes: number;
  problem?: string;
}

/** A host with a model guest, whose every write must follow the one before it. */
class Host {
  private readonly holder: Holder;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly name: string;
  private readonly engine: LeaseEngine;
  private readonly pool: Hosts;
  runsBy: number | undefined;

  constructor(name: string, engine: LeaseEngine, pool: Hosts) {
    this.name = name;
    this.engine = engine;
    this.pool = pool;
    this.holder = new Holder(name, TIMING);
    pool.hosts.set(name, this);
    this.timers.push(setInterval(() => this.carryOut(this.holder.tick(performance.now())), 50));
    this.timers.push(setInterval(() => this.write(), 5));
  }

  want(): void {
    this.carryOut(this.holder.acquire('g', performance.now()));
  }

  /** Where it runs: a guest that is fenced at the moment cannot be sent. */
  moveTo(other: Host): void {
    const { as, epoch } = this.holder.of('g')!;
    expect(as).toBe('running');
    this.carryOut(this.holder.send('g', other.name));
    other.carryOut(other.holder.received('g', this.name, epoch, performance.now()));
  }

  private carryOut(effects: Effect[]): void {
    for (const effect of effects) {
      if (effect.do === 'ask') void this.ask(effect.request);
      else if (effect.do === 'shake') {
        const other = this.pool.hosts.get(effect.to)!;
        setTimeout(() => other.carryOut(other.holder.heard(this.name, effect.message, performance.now())));
      } else this.runsBy = effect.do === 'run' ? effect.epoch : undefined;
      if (effect.do !== 'run') continue;
      this.pool.fence = Math.max(this.pool.fence, effect.epoch);
      this.carryOut(this.holder.started('g'));
    }
  }

  private async ask(request: LeaseRequest): Promise<void> {
    const told = await this.engine.receive(this.name, request).catch(() => []);
    for (const { to, answer } of told)
      if (to === this.name) this.carryOut(this.holder.answered(answer, performance.now()));
  }

  private write(): void {
    if (this.runsBy === undefined) return;
    const others = [...this.pool.hosts.values()].filter(other => other !== this && other.runsBy !== undefined);
    if (others.length > 0) this.pool.problem = `${this.name} and ${others[0].name} run the guest`;
    if (this.runsBy < this.pool.fence) this.pool.problem = `${this.name} writes by epoch ${this.runsBy}`;
    this.pool.writes++;
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.runsBy = undefined;
    this.pool.hosts.delete(this.name);
  }
}

describe('the coordinator, as an engine of leases', () => {
  const coordinator = new Coordinator(TIMING);
  const engine = engineOf(coordinator, () => performance.now());
  behaves(() => engine);
});

describe('an address of etcd', () => {
  it.each(['etcd://', 'etcd://host', 'http://host:2379', 'etcd://a:1,b', 'etcd://a:1/path'])('is not %s', address => {
    expect(() => namedEngine(address, 'pool', fetch)).toThrow(
      `--leases ${address}: write etcd://HOST:PORT, several members with commas between them.`,
    );
  });
});

if (isMissing && !strict) it.skip("leases in Debian's etcd (etcd not installed)", () => {});
else
  describe("Debian's etcd, three members", { timeout: patient(120_000) }, () => {
    let members: Member[] = [];
    beforeAll(async () => {
      members = await newCluster();
      for (const member of members) start(member);
      const pool = new Asking(engineFor(members, 'begin'), 'g');
      await pool.ask('a', { what: 'ask' });
    }, 60_000);
    afterAll(async () => {
      await Promise.all(members.map(kill));
      rmSync(folder, { recursive: true, force: true });
    });

    describe('as an engine of leases', () => {
      let engine: LeaseEngine;
      beforeAll(() => {
        engine = engineFor(members, 'alike');
      });
      behaves(() => engine);
    });

    it('does once what it is asked once, though the answer to what it wrote is lost', async () => {
      let answersLost = 0;
      const lossy: typeof fetch = async (where, init) => {
        const answer = await fetch(where, init);
        if (!String(init?.body).includes('request_put') || answersLost++ % 2 === 1) return answer;
        throw new Error('its answer is lost');
      };
      const engine = namedEngine(`etcd://${members.map(({ address }) => address).join(',')}`, 'lossy', lossy, TIMING);
      const pool = new Asking(engine, 'g');
      expect(await pool.ask('a', { what: 'acquire' })).toMatchObject({ owner: 'a', epoch: 1 });
      let number = 100;
      const told = await answered(() =>
        engine.receive('a', { number: number++, guest: 'g', what: 'hand-over', epoch: 1, to: 'b' }),
      );
      expect(told.map(({ to, answer }) => [to, answer.owner, answer.epoch])).toEqual([
        ['a', 'b', 2],
        ['b', 'b', 2],
      ]);
      expect(answersLost).toBeGreaterThanOrEqual(4);
    });

    let pools = 0;
    describe('a guest that has just been handed over', () => {
      behindHandOver(() => engineFor(members, `handed over ${Math.floor(pools++ / 3)}`));
    });

    it('has a guest with ha = 1 started again where its host is lost, without a coordinator', async () => {
      const room = new TestRoom();
      const engine = () => engineFor(members, 'recovery');
      const alfa = await member(room, 'alfa', {}, { engine: engine() });
      const bravo = await member(room, 'bravo', KERNEL, { engine: engine() });
      const charlie = await member(room, 'charlie', KERNEL, { engine: engine() });
      const uuid = await create(bravo);
      while (!charlie.state.guardedOf('bravo').has(uuid)) await sleep(20);
      // The host that would give leases is lost, too.
      bravo.end();
      alfa.end();
      while (placesOf([charlie], 'web').length === 0) await sleep(20);
      expect(placesOf([charlie], 'web')).toEqual(['charlie']);
      expect(charlie.state.leases.get(uuid)!.owner).toBe('charlie');
      charlie.end();
    });

    it('has one host run the guest while members are killed, and none once most are gone', async () => {
      // An attempt before this one may have left members dead and a guest that is held.
      for (const member of members) if (!member.process) start(member);
      const pool: Hosts = { hosts: new Map(), fence: 0, writes: 0 };
      const name = `killed ${pools++}`;
      const hosts = ['a', 'b', 'c'].map(host => new Host(host, engineFor(members, name), pool));
      onTestFinished(() => {
        for (const host of hosts) host.stop();
      });
      const [a, b, c] = hosts;
      const until = async (isSo: () => boolean): Promise<void> => {
        while (!isSo() && pool.problem === undefined) await sleep(20);
        expect(pool.problem).toBeUndefined();
      };
      a.want();
      await until(() => a.runsBy !== undefined);
      a.moveTo(b);
      await until(() => b.runsBy !== undefined);
      await kill(members[0]);
      // Until the members that are left have a leader, nobody may confirm its lease in time.
      await until(() => b.runsBy !== undefined);
      b.moveTo(a);
      await until(() => a.runsBy !== undefined && b.runsBy === undefined);
      await kill(members[1]);
      await until(() => hosts.every(({ runsBy }) => runsBy === undefined));
      start(members[1]);
      await until(() => a.runsBy !== undefined);
      // Its machine is lost: somebody else has it once the lease has run out.
      a.stop();
      const { fence } = pool;
      const wanting = setInterval(() => c.want(), 100);
      await until(() => c.runsBy !== undefined);
      clearInterval(wanting);
      expect(c.runsBy).toBeGreaterThan(fence);
      expect(pool.writes).toBeGreaterThan(0);
    });
  });
