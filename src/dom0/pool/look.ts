/** A pool at one look, for people: its hosts with their guests, links, leases, what the balancer thinks, what was done. */
import type { JobInfo, Uses } from '../toolstack/index.ts';
import { energyWords, type Mode, wordsOf } from './balancing/index.ts';
import type { Joined } from './membership.ts';
import type { Role } from './names.ts';
import type { SharedTask, SharedWish } from './shared-state.ts';

/** Of the pool's log. */
const MOST_TASKS = 40;

export interface LookedGuest {
  uuid: string;
  name: string;
  memoryMiB: number;
  /** As xl list has it; undefined: its host is gone. */
  state: string | undefined;
  /** Its number, where it is here. */
  id?: number;
  /** It moves, and how far that is; here. */
  job?: JobInfo;
  /** Of its host's slots, at the last sample. */
  busySlots?: number;
  /** Whose it is by its lease; absent: nobody has said yet. */
  lease?: { owner: string | undefined; epoch: number };
  tags?: readonly string[];
}

export interface LookedHost {
  name: string;
  isMe: boolean;
  role?: Role;
  /** False: it has left, and others still list guests of it. */
  isThere: boolean;
  facts?: { version: string; memoryMiB: number; slots: number; vt: boolean; receives: boolean };
  /** At its last sample. */
  load?: { busy: number; freeBytes: number; totalBytes: number };
  /** From this host; absent: it is this host, or gone. */
  link?: { delayMs: number | undefined; sentBytes: number; receivedBytes: number };
  guests: LookedGuest[];
}

export interface PoolLook {
  me: string;
  /** `tabs`, or of the hub. */
  url: string;
  /** A host that knows it can join; absent: tabs need none. */
  code?: string;
  coordinator: string;
  /** Why this host is a viewer, though it wanted to be more. */
  whyViewer?: string;
  /** Why this host has lost the pool, which it joins again by itself. */
  away?: string;
  /** Those that are there in the order in which they came. */
  hosts: LookedHost[];
  balance: {
    mode: Mode;
    automatic: boolean;
    /** What this host wants. */
    mine?: SharedWish;
    /** Sentences; none: nothing is to be done. */
    decisions: string[];
    energy: string;
  };
  /** Moves that the balancer has decided and nobody has made yet; guests by their names. */
  moves: { guest: string; from: string; to: string }[];
  /** Newest first. */
  tasks: SharedTask[];
}

export function lookAt(
  { toolstack }: Uses<'toolstack'>,
  { pool, url, code, whyViewer, state, ownership, balancing }: Joined,
): PoolLook {
  const guests = state.guests;
  const { inOrder } = pool;
  const leases = state.leases,
    loads = state.loads;
  const facts = new Map(state.hosts.map(({ name, station: _, ...rest }) => [name, rest]));
  const links = new Map(pool.hosts.map(host => [host.name, host]));
  const here = new Map([...toolstack.members.values()].map(({ uuid, record }) => [uuid, record.id]));
  const gone = [...new Set(guests.map(({ host }) => host))].filter(host => !inOrder.includes(host)).sort();
  const lookedAt = (name: string, isThere: boolean): LookedHost => {
    const load = loads.get(name),
      link = links.get(name),
      known = facts.get(name),
      role = name === pool.me ? pool.role : link?.role;
    const busy = new Map(load?.guests.map(({ guest, busySlots }) => [guest, busySlots]));
    return {
      name,
      isMe: name === pool.me,
      isThere,
      ...(role === undefined ? {} : { role }),
      ...(known ? { facts: known } : {}),
      ...(load && isThere ? { load: { busy: load.busy, freeBytes: load.freeBytes, totalBytes: load.totalBytes } } : {}),
      ...(link
        ? { link: { delayMs: link.delayMs, sentBytes: link.sentBytes, receivedBytes: link.receivedBytes } }
        : {}),
      guests: guests
        .filter(({ host }) => host === name)
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ uuid, name: guest, memoryMiB, state: how, tags }) => {
          const lease = leases.get(uuid),
            busySlots = busy.get(uuid),
            id = name === pool.me ? here.get(uuid) : undefined,
            job = id === undefined ? undefined : toolstack.jobs.of(guest);
          return {
            uuid,
            name: guest,
            memoryMiB,
            state: isThere ? how : undefined,
            ...(id === undefined ? {} : { id }),
            ...(job?.memory ? { job } : {}),
            ...(busySlots === undefined ? {} : { busySlots }),
            ...(lease ? { lease: { owner: lease.owner, epoch: lease.epoch } } : {}),
            ...(tags ? { tags } : {}),
          };
        }),
    };
  };
  const nameOf = new Map(guests.map(({ uuid, name }) => [uuid, name]));
  const { wish, decisions, energy } = balancing;
  const mine = state.wishes.get(pool.me);
  return {
    me: pool.me,
    url,
    ...(code === undefined ? {} : { code }),
    coordinator: ownership.coordinatorName,
    ...(whyViewer === undefined ? {} : { whyViewer }),
    ...(pool.away === undefined ? {} : { away: pool.away }),
    hosts: [...inOrder.map(name => lookedAt(name, true)), ...gone.map(name => lookedAt(name, false))],
    balance: {
      ...wish,
      ...(mine ? { mine } : {}),
      decisions: decisions.map(each => wordsOf(each)),
      energy: energyWords(energy),
    },
    moves: [...state.moves].map(([uuid, move]) => ({ guest: nameOf.get(uuid) ?? uuid, ...move })),
    tasks: state.tasks.slice(-MOST_TASKS).reverse(),
  };
}
