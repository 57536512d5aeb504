/**
 * What a pool's hosts tell each other, by a model, and with how many hosts each way of doing so ends. Each host tells all how it is every two seconds; each guest's
 * lease is renewed every two seconds by a question and its answer; each move changes the document that all have, three times.
 *
 *   mesh  each host has a wire to each
 *   star  one hub passes on what each sends, to all the others
 *   tree  hubs of 32 hosts, and hubs of 32 hubs above them. A hub sends up what it heard in one message; down go one digest of each hub's hosts and the document.
 *         Leases go up in one message a hub, too
 */
import { GUESTS_A_HOST, PRESENCE_MS } from './world.ts';
import { LEASE_TIMING } from '../../dom0/pool/leases/index.ts';

/** What of each one place sends and is sent in a second. */
export interface Traffic {
  messages: number;
  bytes: number;
  wires: number;
}

export interface Wires {
  /** A host that is nothing else, and the busiest place: the coordinator's host, or the hub above all. */
  host: Traffic;
  busiest: Traffic;
}

export interface Measured {
  sampleBytes: number;
  /** Moves in a second, of a host. */
  movesASecond: number;
}

/** A place that has more to do is taken to fail. A node hub was measured to carry 20 MiB/s in large messages; the other two are assumed. */
export const LIMITS: Traffic = { messages: 10_000, bytes: 20 * 2 ** 20, wires: 256 };

const LEASE_BYTES = 80;
const UPDATE_BYTES = 300;
const UPDATES_A_MOVE = 3;
const DIGEST_BYTES = 64;
const FAN = 32;

export const TOPOLOGIES = {
  mesh(hosts: number, { sampleBytes, movesASecond }: Measured): Wires {
    const others = hosts - 1;
    const { presence, leases, updates } = rates(movesASecond);
    // Each sends to all, and each is sent by all.
    const shared = 2 * others * (presence + updates);
    const bytes = 2 * others * (presence * sampleBytes + updates * UPDATE_BYTES);
    const own = { messages: shared + leases, bytes: bytes + leases * LEASE_BYTES, wires: others };
    const all = {
      messages: shared + others * leases,
      bytes: bytes + others * leases * LEASE_BYTES,
      wires: others,
    };
    return { host: own, busiest: all };
  },
  star(hosts: number, { sampleBytes, movesASecond }: Measured): Wires {
    const { presence, leases, updates } = rates(movesASecond);
    // Of each message one comes in, and one goes out to each of the others.
    const shared = hosts * hosts * (presence + updates);
    const bytes = hosts * hosts * (presence * sampleBytes + updates * UPDATE_BYTES);
    const host = {
      messages: hosts * (presence + updates) + leases,
      bytes: hosts * (presence * sampleBytes + updates * UPDATE_BYTES) + leases * LEASE_BYTES,
      wires: 1,
    };
    // Leases come in from their hosts and go out to the coordinator, and back.
    const hub = {
      messages: shared + 2 * hosts * leases,
      bytes: bytes + 2 * hosts * leases * LEASE_BYTES,
      wires: hosts,
    };
    return { host, busiest: hub };
  },
  tree(hosts: number, { sampleBytes, movesASecond }: Measured): Wires {
    const { presence, leases, updates } = rates(movesASecond);
    const hubs = Math.ceil(hosts / FAN);
    const children = Math.min(FAN, hubs);
    const down = (presence * hubs * DIGEST_BYTES + updates * hosts * UPDATE_BYTES) * children;
    const siblings = Math.min(FAN, hosts);
    const host = {
      messages: siblings * presence + presence + hosts * updates + leases,
      bytes: siblings * presence * sampleBytes + down / children + leases * LEASE_BYTES,
      wires: 1,
    };
    const up = hosts * (presence * sampleBytes + updates * UPDATE_BYTES + leases * LEASE_BYTES);
    const root = {
      // Presence up and down, leases up and down, each in one message for each child; updates as they come.
      messages: 4 * children * presence + hosts * updates * (1 + children),
      bytes: up + down,
      wires: children,
    };
    return { host, busiest: root };
  },
} satisfies Record<string, (hosts: number, measured: Measured) => Wires>;

export type Topology = keyof typeof TOPOLOGIES;

/** Messages of one host in a second. */
const rates = (movesASecond: number): { presence: number; leases: number; updates: number } => ({
  presence: 1000 / PRESENCE_MS,
  leases: (2 * GUESTS_A_HOST * 1000) / LEASE_TIMING.renewMs,
  updates: UPDATES_A_MOVE * movesASecond,
});

/** What the busiest place has too much of. */
export function tooMuch({ host, busiest }: Wires): keyof Traffic | undefined {
  const over = (['wires', 'messages', 'bytes'] as const).filter(
    what => Math.max(host[what], busiest[what]) > LIMITS[what],
  );
  return over.sort((a, b) => busiest[b] / LIMITS[b] - busiest[a] / LIMITS[a])[0];
}

const MOST_HOSTS = 2 ** 20;

/** With how many hosts it still goes, and what ends it. */
export function endOf(topology: Topology, measured: Measured): { hosts: number; by: keyof Traffic | undefined } {
  let [goes, fails] = [1, MOST_HOSTS];
  while (fails - goes > 1) {
    const middle = (goes + fails) >> 1;
    if (tooMuch(TOPOLOGIES[topology](middle, measured))) fails = middle;
    else goes = middle;
  }
  return { hosts: goes, by: tooMuch(TOPOLOGIES[topology](fails, measured)) };
}
