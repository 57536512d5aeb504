/**
 * What all hosts of a pool must see: who is there, which guest runs where, what was done. A document of Yjs, which hosts merge whatever the order in which
 * changes come; each host writes of itself alone. How busy hosts are is no part of it: that is said anew every two seconds (y-protocols, awareness).
 * What others wrote is judged when it is read: what has no form is not there.
 */
import * as Y from 'yjs';
import * as awareness from 'y-protocols/awareness';
import * as sync from 'y-protocols/sync';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import type { Later } from '../host/index.ts';
import type { ByteChannel } from '../host/nbd/index.ts';
import { type Mode, MODES } from './balancing/index.ts';
import type { LeaseRecord } from './leases/coordinator.ts';
import { Mesh, type MeshEnd } from './mesh.ts';
import { nameProblem } from './names.ts';
import { Peer } from './peer.ts';
import type { Pool } from './pool.ts';
import { fields, isCount, isText } from './read.ts';

/** As y-websocket numbers them. */
const MESSAGE = { sync: 0, awareness: 1 } as const;
const MOST_TASKS = 200;
const MOST_GUESTS = 256;

export interface SharedHost {
  name: string;
  version: string;
  memoryMiB: number;
  slots: number;
  vt: boolean;
  /** Of the network, Domain 0's own. */
  station: number;
}

export interface SharedGuest {
  uuid: string;
  name: string;
  memoryMiB: number;
  /** By name. */
  host: string;
  state: string;
}

export interface SharedTask {
  host: string;
  command: string;
  state: string;
  atMs: number;
  message: string;
}

/** A lease as its coordinator keeps it; when it was renewed last, that alone knows. */
export type SharedLease = Omit<LeaseRecord, 'renewedMs'>;

/** How a host wants to be balanced. `automatic`: its guests may go and others may come without anybody's word. */
export interface SharedWish {
  mode: Mode;
  automatic: boolean;
}

/** A move that the coordinator has decided, until the guest's host has made it. */
export interface SharedMove {
  from: string;
  to: string;
}

/** How busy a host is; the balancer's HostSample without what others know of it. */
export interface HostLoad {
  slots: number;
  busy: number;
  totalBytes: number;
  freeBytes: number;
  guests: { guest: string; busySlots: number; memoryBytes: number }[];
}

export interface SharedStateParts {
  pool: Pool;
  id: string;
  later: Later;
  hostMs(): number;
  say(sentence: string): void;
  /** For the document's own names; nobody else may have drawn the same. */
  random(count: number): Uint8Array;
}

export class SharedState {
  private readonly parts: SharedStateParts;
  private readonly doc = new Y.Doc({ gc: true });
  private readonly presence: awareness.Awareness;
  private readonly peers = new Map<string, Peer>();

  constructor(parts: SharedStateParts) {
    this.parts = parts;
    this.doc.clientID = new DataView(parts.random(4).slice().buffer).getUint32(0);
    this.presence = new awareness.Awareness(this.doc);
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      const encoder = encoding.createEncoder();
      encoding.writeVarUint(encoder, MESSAGE.sync);
      sync.writeUpdate(encoder, update);
      this.tell(encoding.toUint8Array(encoder), origin);
    });
    this.presence.on('update', (changed: Record<'added' | 'updated' | 'removed', number[]>, origin: unknown) => {
      if (origin === 'local') this.tell(this.presenceOf([...changed.added, ...changed.updated, ...changed.removed]));
    });
    const { pool, later, say } = parts;
    new Mesh('state', {
      pool,
      later,
      say,
      doing: 'What all hosts see does not reach',
      attach: (name, channel, ended) => this.attach(name, channel, ended),
    });
    pool.onChange(() => {
      if (pool.left !== undefined) this.presence.destroy();
    });
  }

  // ---- what this host writes

  setHost(host: SharedHost): void {
    this.write(this.doc.getMap('hosts'), this.parts.id, host);
  }

  /** All guests of this host. */
  setGuests(guests: readonly Omit<SharedGuest, 'host'>[]): void {
    const all = this.doc.getMap('guests');
    const { me } = this.parts.pool;
    const mine = new Set(guests.map(({ uuid }) => uuid));
    this.doc.transact(() => {
      for (const guest of this.guests) if (guest.host === me && !mine.has(guest.uuid)) all.delete(guest.uuid);
      for (const { uuid, ...guest } of guests) this.write(all, uuid, { ...guest, host: me });
    });
  }

  addTask(task: Omit<SharedTask, 'host'>): void {
    const tasks = this.doc.getArray('tasks');
    this.doc.transact(() => {
      tasks.push([{ ...task, host: this.parts.pool.me }]);
      if (tasks.length > MOST_TASKS) tasks.delete(0, tasks.length - MOST_TASKS);
    });
  }

  /** Who gives leases, and how often that has changed. */
  setCoordinator(name: string, term: number): void {
    this.doc.getMap('pool').set('coordinator', { name, term });
  }

  /** The coordinator writes them before it tells anybody. */
  setLease(guest: string, lease: SharedLease): void {
    this.write(this.doc.getMap('leases'), guest, lease);
  }

  setWish(wish: SharedWish): void {
    this.write(this.doc.getMap('wishes'), this.parts.pool.me, wish);
  }

  /** Undefined: it is made, or cannot be. */
  setMove(guest: string, move: SharedMove | undefined): void {
    const moves = this.doc.getMap('moves');
    if (move) this.write(moves, guest, move);
    else moves.delete(guest);
  }

  setLoad(load: HostLoad): void {
    this.presence.setLocalState({ name: this.parts.pool.me, load });
  }

  /** What stays the same is not written again: each change is kept for ever in who wrote it. */
  private write(map: Y.Map<unknown>, key: string, value: object): void {
    if (JSON.stringify(map.get(key)) !== JSON.stringify(value)) map.set(key, value);
  }

  // ---- what all wrote

  get hosts(): SharedHost[] {
    return [...this.doc.getMap('hosts').values()].flatMap(value => {
      const { name, version, memoryMiB, slots, vt, station } = fields(value);
      return isHostName(name) &&
        isText(version) &&
        isCount(memoryMiB) &&
        isCount(slots) &&
        typeof vt === 'boolean' &&
        isCount(station)
        ? [{ name, version, memoryMiB, slots, vt, station }]
        : [];
    });
  }

  get guests(): SharedGuest[] {
    return [...this.doc.getMap('guests')].flatMap(([uuid, value]) => {
      const { name, memoryMiB, host, state } = fields(value);
      return isText(uuid) && isText(name) && isCount(memoryMiB) && isHostName(host) && isText(state)
        ? [{ uuid, name, memoryMiB, host, state }]
        : [];
    });
  }

  get coordinator(): { name: string; term: number } | undefined {
    const { name, term } = fields(this.doc.getMap('pool').get('coordinator'));
    return isHostName(name) && isCount(term) ? { name, term } : undefined;
  }

  /** By guests' UUIDs. */
  get leases(): Map<string, SharedLease> {
    return new Map(
      [...this.doc.getMap('leases')].flatMap(([guest, value]) => {
        const { owner, epoch, local, ofCopy } = fields(value);
        if (!isText(guest) || !isCount(epoch) || !(owner === undefined || isHostName(owner))) return [];
        const lease = {
          ...(owner ? { owner } : {}),
          epoch,
          ...(local ? { local } : {}),
          ...(ofCopy ? { ofCopy } : {}),
        };
        return [[guest, lease as SharedLease] as const];
      }),
    );
  }

  /** By hosts' names. */
  get wishes(): Map<string, SharedWish> {
    return new Map(
      [...this.doc.getMap('wishes')].flatMap(([name, value]) => {
        const { mode, automatic } = fields(value);
        return isMode(mode) && typeof automatic === 'boolean' ? [[name, { mode, automatic }] as const] : [];
      }),
    );
  }

  /** By guests' UUIDs. */
  get moves(): Map<string, SharedMove> {
    return new Map(
      [...this.doc.getMap('moves')].flatMap(([guest, value]) => {
        const { from, to } = fields(value);
        return isText(guest) && isHostName(from) && isHostName(to) ? [[guest, { from, to }] as const] : [];
      }),
    );
  }

  /** Told when anything of it has changed. */
  onChange(listener: () => void): void {
    this.doc.on('update', listener);
  }

  get tasks(): SharedTask[] {
    return this.doc
      .getArray('tasks')
      .toArray()
      .slice(-MOST_TASKS)
      .flatMap(value => {
        const { host, command, state, atMs, message } = fields(value);
        return isHostName(host) && isText(command) && isText(state) && isCount(atMs) && isText(message)
          ? [{ host, command, state, atMs, message }]
          : [];
      });
  }

  /** By name; of hosts that have said so lately. */
  get loads(): Map<string, HostLoad> {
    return new Map(
      [...this.presence.getStates().values()].flatMap(value => {
        const { name, load } = fields(value);
        const read = readLoad(load);
        return isHostName(name) && read ? [[name, read] as const] : [];
      }),
    );
  }

  // ---- between hosts

  private attach(name: string, channel: ByteChannel, ended: (why?: string) => void): MeshEnd {
    const peer = new Peer(
      channel,
      this.parts.hostMs,
      message => this.take(name, message),
      why => {
        if (this.peers.get(name) === peer) this.peers.delete(name);
        awareness.removeAwarenessStates(this.presence, this.clientsOf(name), 'gone');
        ended(why);
      },
    );
    this.peers.set(name, peer);
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MESSAGE.sync);
    sync.writeSyncStep1(encoder, this.doc);
    peer.send(encoding.toUint8Array(encoder));
    if (this.presence.getLocalState()) peer.send(this.presenceOf([this.doc.clientID]));
    peer.begin();
    return { close: () => peer.end() };
  }

  private clientsOf(name: string): number[] {
    return [...this.presence.getStates()].flatMap(([client, state]) =>
      client !== this.doc.clientID && fields(state).name === name ? [client] : [],
    );
  }

  private presenceOf(clients: number[]): Uint8Array {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MESSAGE.awareness);
    encoding.writeVarUint8Array(encoder, awareness.encodeAwarenessUpdate(this.presence, clients));
    return encoding.toUint8Array(encoder);
  }

  /** Each host has a channel to each: what came from one is not passed on. */
  private tell(message: Uint8Array, origin?: unknown): void {
    if (origin instanceof Peer) return;
    for (const peer of this.peers.values()) peer.send(message);
  }

  /** @throws Error: no host writes that */
  private take(name: string, message: Uint8Array): void {
    const peer = this.peers.get(name);
    const decoder = decoding.createDecoder(message);
    const type = decoding.readVarUint(decoder);
    if (type === MESSAGE.awareness)
      awareness.applyAwarenessUpdate(this.presence, decoding.readVarUint8Array(decoder), peer);
    else if (type === MESSAGE.sync) {
      const encoder = encoding.createEncoder();
      encoding.writeVarUint(encoder, MESSAGE.sync);
      sync.readSyncMessage(decoder, encoder, this.doc, peer, error => {
        throw error;
      });
      if (encoding.length(encoder) > 1) peer?.send(encoding.toUint8Array(encoder));
    } else throw new Error(`there is no message ${type}`);
  }
}

const isMode = (value: unknown): value is Mode => MODES.some(mode => mode === value);
const isHostName = (value: unknown): value is string => typeof value === 'string' && nameProblem(value) === undefined;

function readLoad(value: unknown): HostLoad | undefined {
  const { slots, busy, totalBytes, freeBytes, guests } = fields(value);
  if (![slots, busy, totalBytes, freeBytes].every(isCount) || !Array.isArray(guests) || guests.length > MOST_GUESTS)
    return undefined;
  const read = guests.map(guest => fields(guest));
  if (!read.every(({ guest, busySlots, memoryBytes }) => isText(guest) && isCount(busySlots) && isCount(memoryBytes)))
    return undefined;
  return { slots, busy, totalBytes, freeBytes, guests: read } as unknown as HostLoad;
}
