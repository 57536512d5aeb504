/** Hosts of a pool whose guests are models: they run, stand still and go from one to another, and nothing else. */
import type { Later } from '../host/index.ts';
import { until } from '../service/host.test-support.ts';
import type { CommandHost, Guest } from '../toolstack/index.ts';
import { leaseClock, WALL_GRAIN_MS } from './leases/lease-clock.ts';
import { LEASE_TIMING } from './leases/messages.ts';
import { Ownership } from './ownership.ts';
import type { Pool } from './pool.ts';
import { poolLater, poolMs } from './pool-clock.test-support.ts';
import { enter, random, type TestRoom } from './rooms.test-support.ts';
import { SharedState } from './shared-state.ts';

export const WEB = '11111111-2222-4333-8444-555555555555';

interface TestGuest {
  uuid: string;
  name: string;
  paused: boolean;
  /** How often it was paused. */
  pauses: number;
}

export interface TestHost {
  pool: Pool & { said: string[] };
  state: SharedState;
  ownership: Ownership;
  guests: Map<number, TestGuest>;
  /** This long nothing happened there; its monotonic clock was paused. */
  sleep(ms: number): void;
  /** Its wall clock is set. */
  setClock(byMs: number): void;
  run(): void;
  /** Its guest is gone. */
  lose(): void;
  /** It is gone with its guest, and nobody heard a word. */
  end(): void;
}

/** `hosts`: this many it has met before it asks who gives leases; `isGuarded`: others reach its guest's disks. */
export async function host(
  room: Pick<TestRoom, 'enter'>,
  name: string,
  hosts = 1,
  isGuarded = false,
  epochMs = (): number => Date.now(),
): Promise<TestHost> {
  let isThere = true,
    wallMs = 0;
  const hostMs = poolMs;
  const wall = { nowMs: () => poolMs() + wallMs, grainMs: WALL_GRAIN_MS };
  const leaseMs = leaseClock(hostMs, [wall], LEASE_TIMING.takeOverMs);
  const later: Later = (ms, callback) => poolLater(ms, () => isThere && callback());
  const pool = await enter(room.enter(), name, { later, hostMs: leaseMs });
  await until(() => pool.inOrder.length >= hosts);
  const say = (sentence: string): void => void pool.said.push(sentence);
  const state = new SharedState({ pool, id: name, later, hostMs, random, say });
  const guests = new Map<number, TestGuest>();
  const toolstack = {
    members: guests,
    ownerOf: (uuid: string) => [...guests.values()].find(guest => guest.uuid === uuid),
    setPaused: (guest: TestGuest, paused: boolean) => {
      guest.paused = paused;
      if (paused) guest.pauses++;
    },
  };
  const ownership = new Ownership({
    host: { toolstack } as unknown as CommandHost,
    pool,
    state,
    later,
    hostMs,
    leaseMs,
    epochMs,
    isGuarded: () => isGuarded,
    say,
  });
  return {
    pool,
    state,
    ownership,
    guests,
    sleep: ms => void (wallMs += ms),
    setClock: byMs => void (wallMs += byMs),
    run: () => void guests.set(1, { uuid: WEB, name: 'web', paused: false, pauses: 0 }),
    lose: () => void guests.delete(1),
    end: () => {
      isThere = false;
      guests.clear();
      pool.leave();
    },
  };
}

/** Whether its guest runs there. */
export const runsAt = ({ guests }: TestHost): boolean =>
  [...guests.values()].some(({ name, paused }) => name === 'web' && !paused);

/** Its guest goes to another host as a move has it go: a copy waits there for the lease. True: it runs there. `isBad`: it cannot be started there; `begins`: called when all of it has come there. */
export async function handOver(from: TestHost, to: TestHost, isBad = false, begins = () => {}): Promise<boolean> {
  const [[, guest]] = [...from.guests];
  const copy = { uuid: WEB, name: 'web--incoming', paused: true, pauses: 0 };
  guest!.name = 'web--migratedaway';
  to.guests.set(1, copy);
  let isOffered = false;
  to.pool.serve('migrate', channel =>
    channel.listen(
      async ([epoch]) => {
        isOffered = true;
        if (!(await to.ownership.receive(copy as unknown as Guest, from.pool.me, epoch!)) || isBad) {
          to.lose();
          to.ownership.decline(WEB);
          return;
        }
        Object.assign(copy, { name: 'web', paused: false, pauses: 0 });
        to.ownership.begun(WEB);
      },
      () => !isOffered && to.lose(),
    ),
  );
  const channel = await from.pool.connect(to.pool.me, 'migrate');
  const lost = new Promise(resolve => channel.listen(() => {}, resolve));
  begins();
  const offer = async (epoch: number): Promise<void> => channel.send(Uint8Array.of(epoch));
  const isThere = await from.ownership.handOver(guest as unknown as Guest, to.pool.me, offer, lost);
  if (isThere) from.lose();
  else guest!.name = 'web';
  return isThere;
}

export const leaseAt = ({ state }: Pick<TestHost, 'state'>): string => {
  const found = state.leases.get(WEB);
  return `${found?.owner} ${found?.epoch}`;
};
