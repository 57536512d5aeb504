/**
 * npm run soak:guests lease-witnesses: guests that run go from host to host (RINGSIDE_RUNS, 50, from RINGSIDE_SEED on), while messages between the hosts are late,
 * hosts lose the hub for a while, one or two at once, and hosts sleep, in the time of pools. Two guests write numbers to disks that all reach, each of which must
 * follow the one before and be whole; one of them (ha = 1) is started by another host where its own is lost, and begins again. A third gives each client a number
 * that nobody else gets. None ever runs twice, and all go on in the end.
 */
import { expect, it } from 'vitest';
import { type Pick, picker } from '../../src/workshop/harness/pick.ts';
import { MemoryDisk } from '../../src/formats/blocks/index.ts';
import { channels } from '../../src/dom0/host/nbd/channels.test-support.ts';
import { type ByteChannel, type NbdExports, serveNbd, type Sockets } from '../../src/dom0/host/nbd/index.ts';
import { writerKernel } from '../../src/dom0/host/storage/writer-guest.ts';
import { joinNetworks } from '../../src/dom0/pool/one-network.ts';
import { poolLater, poolMs, poolTime } from '../../src/dom0/pool/pool-clock.test-support.ts';
import { Client } from '../../src/dom0/pool/recovery/client.test-support.ts';
import { KERNEL, member, placesOf, type PoolMember } from '../../src/dom0/pool/recovery/recovery.test-support.ts';
import type { Room } from '../../src/dom0/pool/room.ts';
import { TestRoom } from '../../src/dom0/pool/rooms.test-support.ts';
import { testFile, until } from '../../src/dom0/service/host.test-support.ts';
import { COMMANDS } from '../../src/dom0/toolstack/commands/index.ts';
import { filesFor } from '../../src/dom0/toolstack/index.ts';

const { RINGSIDE_RUNS = '50', RINGSIDE_SEED = '1' } = process.env;
const HOSTS = ['alfa', 'bravo', 'charlie'];
/** Of the pools' time: this long there is trouble, and then none. */
const TROUBLE_MS = 60_000,
  STEP_MS = 200;
/** After these the hub, or the host, is back. */
const MOST_CUT_MS = 15_000,
  MOST_SLEEP_MS = 15_000,
  MOST_LATE_MS = 3000;
/** A hand-over has about this many. */
const MOST_MESSAGES = 16;
/** Another host starts the last one where its own is lost. */
const NAMES = ['writer', 'locks', 'guarded'];
const LOCKS = '10.0.2.50';
const DISK_BYTES = 2 ** 20,
  SECTOR_BYTES = 512;
const SECONDS = 60;

/** A disk that all hosts reach: it looks at each write. */
class Shared {
  last = 0;
  problem: string | undefined;
  private readonly disk = new MemoryDisk(new Uint8Array(DISK_BYTES));
  private readonly beginsAnew: boolean;

  /** `beginsAnew`: another host may start its guest, which begins with 1. */
  constructor(beginsAnew: boolean) {
    this.beginsAnew = beginsAnew;
  }

  /** By one connection. */
  get device(): MemoryDisk {
    let isFirst = true;
    return this.disk.behind((request, done) => {
      if (request.op === 'write') {
        this.judge(request.at, request.pieces, isFirst);
        isFirst = false;
      }
      this.disk.request(request, done);
    });
  }

  /** Sector n mod 256 gets n in each of its words, one after the other. What a connection was asked that broke is asked again by the next one. */
  private judge(at: number, pieces: readonly Uint8Array[], isFirst: boolean): void {
    const bytes = Buffer.concat(pieces);
    const number = bytes.readUInt32LE(0);
    const isWhole = bytes.length === SECTOR_BYTES && bytes.equals(Buffer.alloc(SECTOR_BYTES, bytes.subarray(0, 4)));
    const isNew = number === 1 && this.beginsAnew;
    const isAgain = number === this.last && isFirst;
    if (isWhole && (number === this.last + 1 || isNew || isAgain) && at === (number % 256) * SECTOR_BYTES)
      this.last = number;
    else this.problem ??= `${bytes.length} bytes at ${at} begin with ${number}, and ${this.last} was written before`;
  }
}

/** The machine that serves them. */
class Store implements Sockets {
  readonly disks: Record<string, Shared> = { writer: new Shared(false), guarded: new Shared(true) };

  async connect(): Promise<ByteChannel> {
    const [here, there] = channels();
    const find: NbdExports['open'] = name => ({ device: this.disks[name]!.device, readOnly: false, close: () => {} });
    serveNbd(there, { names: () => Object.keys(this.disks), open: find, look: find });
    return here;
  }

  listen(): Promise<never> {
    throw new Error('Nobody listens here.');
  }
}

/** A host whose messages are late, which loses the hub, and sleeps. */
class Side {
  member!: PoolMember;
  private room!: Room;
  private closed = (_why: string): void => {};
  private cutUntilMs = 0;
  private sleepsUntilMs = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly hub: TestRoom;
  private readonly pick: Pick;
  isLate = true;

  constructor(hub: TestRoom, pick: Pick) {
    this.hub = hub;
    this.pick = pick;
  }

  get isAsleep(): boolean {
    return this.sleepsUntilMs > poolMs();
  }

  /** Nothing happens on a host that sleeps. */
  readonly gate = (callback: () => void): void => {
    if (this.isAsleep || this.waiting.length > 0) this.waiting.push(callback);
    else callback();
  };

  readonly again = async (): Promise<Room> => {
    if (this.cutUntilMs > poolMs()) throw new Error('The hub does not answer.');
    return this.enter();
  };

  enter(): Room {
    const room = this.hub.enter();
    this.room = room;
    /** Of each host, when its last message comes: they come in order. */
    const lastMs = new Map<number, number>();
    const here = (callback: () => void): void =>
      this.gate(() => {
        if (this.room === room) callback();
      });
    return {
      ...room,
      listen: listener => {
        this.closed = why => here(() => listener.closed(why));
        return room.listen({
          ...listener,
          came: number => here(() => listener.came(number)),
          gone: number => here(() => listener.gone(number)),
          drained: () => here(() => listener.drained()),
          message: (from, message) => {
            const atMs = Math.max(lastMs.get(from) ?? 0, poolMs() + this.lateMs());
            lastMs.set(from, atMs);
            const come = (): void => here(() => listener.message(from, message));
            if (atMs <= poolMs()) come();
            else poolLater(atMs - poolMs(), come);
          },
        });
      },
    };
  }

  private lateMs(): number {
    const chance = this.isLate ? this.pick(400) : 400;
    return chance < 2 ? this.pick(MOST_LATE_MS) : chance < 20 ? this.pick(300) : 0;
  }

  cut(ms: number): void {
    if (this.cutUntilMs > poolMs() || this.isAsleep) return;
    this.cutUntilMs = poolMs() + ms;
    this.room.leave();
    this.closed('The hub does not answer.');
  }

  sleep(ms: number): void {
    this.sleepsUntilMs = Math.max(this.sleepsUntilMs, poolMs() + ms);
    poolLater(ms, () => this.wake());
  }

  private wake(): void {
    if (this.isAsleep) return;
    const { waiting } = this;
    while (!this.isAsleep && waiting.length > 0) {
      // Messages that come meanwhile wait behind those.
      waiting[0]!();
      waiting.shift();
    }
  }

  settle(): void {
    this.isLate = false;
    this.cutUntilMs = 0;
    this.sleepsUntilMs = 0;
    this.wake();
  }
}

interface Run {
  moves: number;
  handOvers: number;
  moved: number;
  cuts: number;
  sleeps: number;
  writes: number;
  /** Of the guarded one, again. */
  starts: number;
  locks: number;
}

async function create({ host }: PoolMember, text: string): Promise<void> {
  const read = async (path: string): Promise<Blob> =>
    path === 'g.cfg' ? testFile(path, text).data : host.files.readFile(path);
  await COMMANDS.create.run(host, await filesFor({ read }, 'g.cfg'));
}

async function witness(seed: number): Promise<Run> {
  const pick = picker(seed);
  const hub = new TestRoom();
  const store = new Store();
  const sides: Side[] = [];
  for (const name of HOSTS) {
    const side = new Side(hub, pick);
    side.isLate = false;
    const files = { ...KERNEL, '/boot/writer.elf': writerKernel };
    side.member = await member(side, name, files, { sockets: store, again: side.again, gate: side.gate });
    const { pool, host } = side.member;
    const { services } = host.toolstack;
    const isStill = (domid: number): boolean => services.isStill(domid);
    joinNetworks({ pool, network: services.network, later: poolLater, say: () => {}, isStill });
    sides.push(side);
  }
  const members = sides.map(each => each.member);
  const [alfa, bravo, charlie] = members as [PoolMember, PoolMember, PoolMember];
  const writer = (name: string): string =>
    `name = "${name}"\ntype = "hvm"\nmemory = 4\nkernel = "/boot/writer.elf"\ndisk = ["nbd://store/${name},raw,hda,w"]\n`;
  await create(alfa, writer('writer'));
  await create(charlie, `${writer('guarded')}ha = 1\n`);
  await create(
    bravo,
    `name = "locks"\ntype = "pvh"\nmemory = 8\nkernel = "/boot/minipv.elf"\nvif = [ "" ]\nextra = "ip ${LOCKS}"\n`,
  );
  const disks = Object.entries(store.disks);
  const client = new Client(alfa.host, LOCKS, poolMs);
  const run: Run = { moves: 0, handOvers: 0, moved: 0, cuts: 0, sleeps: 0, writes: 0, starts: 0, locks: 0 };
  let isOver = false;
  const ask = (): void => {
    if (isOver) return;
    if (!sides[0]!.isAsleep) client.ask();
    poolLater(STEP_MS, ask);
  };
  ask();
  /** Nothing runs on a host that sleeps; what it writes once it wakes, the disks judge. */
  const runsAt = (name: string): string[] => {
    const awake = sides.filter(side => !side.isAsleep).map(side => side.member);
    return placesOf(awake, name).filter(place => !place.includes(' '));
  };
  /** Somebody destroys what another host has started again. */
  const clear = (): void => {
    for (const { host, name: here, state } of members)
      for (const { name, paused, uuid, record } of host.toolstack.members.values()) {
        const { owner = here } = state.leases.get(uuid) ?? {};
        if (name === 'guarded' && paused && owner !== here && runsAt(name).includes(owner))
          void host.destroy(record.id);
      }
  };
  const judge = (): void => {
    for (const [name, { problem }] of disks) expect([seed, name, problem]).toEqual([seed, name, undefined]);
    for (const name of NAMES) {
      const at = runsAt(name);
      expect([seed, name, at.length > 1 ? at : []]).toEqual([seed, name, []]);
    }
    const numbers = client.answers.map(({ count }) => count);
    expect([seed, numbers.length]).toEqual([seed, new Set(numbers).size]);
  };
  await until(() => disks.every(([, { last }]) => last > 3) && client.answers.length > 3, SECONDS);
  for (const side of sides) side.isLate = true;
  const move = (): void => {
    const name = NAMES[pick(NAMES.length)]!;
    const from = sides.find(side => !side.isAsleep && placesOf([side.member], name)[0] === side.member.name);
    const to = HOSTS[pick(HOSTS.length)]!;
    if (!from || from.member.name === to) return;
    const guest = [...from.member.host.toolstack.members.values()].find(each => each.name === name)!;
    run.moves++;
    COMMANDS.migrate.run(from.member.host, guest.record.id, to).then(
      () => run.moved++,
      () => {},
    );
  };
  const end = poolMs() + TROUBLE_MS;
  const hurt = (): void => {
    if (poolMs() >= end) return;
    const side = sides[pick(sides.length)]!;
    if (pick(2) === 0) {
      run.sleeps++;
      return side.sleep(pick(MOST_SLEEP_MS));
    }
    run.cuts++;
    side.cut(pick(MOST_CUT_MS));
    if (pick(3) === 0) sides[pick(sides.length)]!.cut(pick(MOST_CUT_MS));
  };
  // Most of what goes wrong does so while a guest is handed over.
  let messages = -1;
  hub.passes = (_from, _to, message) => {
    if (messages-- === 0) hurt();
    return message;
  };
  for (const { ownership } of members) {
    const { handOver } = ownership;
    ownership.handOver = (...given) => {
      run.handOvers++;
      if (pick(2) === 0) messages = pick(MOST_MESSAGES);
      return handOver.apply(ownership, given);
    };
  }
  while (poolMs() < end) {
    const chance = pick(100);
    if (chance < 12) move();
    else if (chance < 13) hurt();
    await poolTime(STEP_MS);
    judge();
    clear();
  }
  for (const side of sides) side.settle();
  await until(() => members.every(({ pool }) => pool.hosts.length === HOSTS.length - 1), SECONDS);
  for (const name of NAMES) await until(() => (clear(), runsAt(name).length === 1), SECONDS);
  const before = disks.map(([, { last }]) => last);
  const locks = client.answers.length;
  await until(
    () => disks.every(([, { last }], i) => last > before[i]! + 3) && client.answers.length > locks + 3,
    SECONDS,
  );
  judge();
  const starts = (): number =>
    members
      .flatMap(({ host }) => host.tasks.list())
      .filter(({ command, state }) => command === 'ha-start guarded' && state === 'done').length;
  isOver = true;
  for (const each of members) each.end();
  return {
    ...run,
    writes: disks.reduce((sum, [, { last }]) => sum + last, 0),
    starts: starts(),
    locks: client.answers.length,
  };
}

it('runs once, and no number is written or given twice, whatever the network does', {
  timeout: 4 * 3_600_000,
}, async () => {
  const sum: Run = { moves: 0, handOvers: 0, moved: 0, cuts: 0, sleeps: 0, writes: 0, starts: 0, locks: 0 };
  for (let seed = Number(RINGSIDE_SEED), runs = Number(RINGSIDE_RUNS); runs > 0; seed++, runs--) {
    const run = await witness(seed);
    for (const key of Object.keys(sum) as (keyof Run)[]) sum[key] += run[key];
    console.log(`seed ${seed}: ${JSON.stringify(run)}`);
  }
  console.log(`${RINGSIDE_RUNS} runs from seed ${RINGSIDE_SEED}: ${JSON.stringify(sum)}`);
  expect([sum.moved > 0, sum.writes > 0, sum.locks > 0]).toEqual([true, true, true]);
});
