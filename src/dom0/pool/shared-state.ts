/**
 * What all hosts of a pool must see: who is there, which guest runs where, what was done. Each host writes of itself alone, into a document of its own (documents.ts);
 * what the coordinator decides is in the coordinator's. What others wrote is judged when it is read: what has no form is not there, and what is another's to
 * write does not count and is reported.
 */
import type * as Y from 'yjs';
import { tagsProblem } from '../definitions/config/index.ts';
import { type Mode, MODES } from './balancing/index.ts';
import { Documents, type DocumentsParts } from './documents.ts';
import type { LeaseRecord } from './leases/coordinator.ts';
import { isCopyKind } from './leases/messages.ts';
import { nameProblem } from './names.ts';
import { fields, isCount, isText } from './read.ts';

const MOST_TASKS = 200;
/** Of a sample. */
const MOST_GUESTS = 256;
/** Of a guest that others start again. */
export const MOST_DEFINITION_LETTERS = 32_768;
const MOST_FILES = 32;

export interface SharedHost {
  name: string;
  version: string;
  memoryMiB: number;
  slots: number;
  vt: boolean;
  /** Of the network, Domain 0's own. */
  station: number;
  /** Guests may come from other hosts. */
  receives: boolean;
}

export interface SharedGuest {
  uuid: string;
  name: string;
  memoryMiB: number;
  /** By name. */
  host: string;
  state: string;
  /** None: absent. */
  tags?: readonly string[];
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

/** A guest that another host starts where its own is lost. */
export interface Guarded {
  name: string;
  /** The text that it is created from. */
  definition: string;
  /** What it names: a host that starts it has the same. */
  files: GuardedFile[];
}

export interface GuardedFile {
  path: string;
  bytes: number;
  fingerprint: number;
}

/** How busy a host is; the balancer's HostSample without what others know of it. */
export interface HostLoad {
  slots: number;
  busy: number;
  totalBytes: number;
  freeBytes: number;
  guests: { guest: string; busySlots: number; memoryBytes: number }[];
}

export interface SharedStateParts extends DocumentsParts {
  id: string;
  /** Each host writes down what somebody else (etcd) has decided about its guests. */
  leasesOfAll?: boolean;
}

/** A host that comes again may say for this long what was decided where it was. */
const RETURN_MS = 10_000;

interface Claim {
  name: string;
  term: number;
}

export class SharedState {
  private readonly parts: SharedStateParts;
  private readonly documents: Documents;
  private readonly own: Y.Doc;
  /** Those who gave leases, since this host is there. */
  private readonly coordinators = new Set<string>();
  /** Hosts that were there; those that came again, and when. */
  private readonly known = new Set<string>();
  private there: readonly string[];
  private readonly returnedMs = new Map<string, number>();
  private readonly listeners = new Set<() => void>();
  private readonly notedSentences = new Set<string>();
  /** Writers whose claim to give leases is judged after a while. */
  private readonly judged = new Set<string>();

  constructor(parts: SharedStateParts) {
    this.parts = parts;
    this.documents = new Documents(parts);
    this.own = this.documents.own;
    const { pool } = parts;
    this.there = pool.inOrder;
    for (const name of this.there) this.known.add(name);
    this.documents.onChange(writer => {
      if (writer !== pool.me) this.judge(writer);
      this.agree();
      for (const listener of this.listeners) listener();
    });
    pool.onChange(() => this.meet());
  }

  // ---- what this host writes

  setHost(host: SharedHost): void {
    this.write('hosts', this.parts.id, host);
  }

  /** All guests of this host. */
  setGuests(guests: readonly Omit<SharedGuest, 'host'>[]): void {
    const all = this.own.getMap('guests');
    const { me } = this.parts.pool;
    const mine = new Set(guests.map(({ uuid }) => uuid));
    this.own.transact(() => {
      for (const uuid of [...all.keys()]) if (!mine.has(uuid)) all.delete(uuid);
      for (const { uuid, ...guest } of guests) this.write('guests', uuid, { ...guest, host: me });
    });
  }

  addTask(task: Omit<SharedTask, 'host'>): void {
    const tasks = this.own.getArray('tasks');
    this.own.transact(() => {
      tasks.push([{ ...task, host: this.parts.pool.me }]);
      if (tasks.length > MOST_TASKS) tasks.delete(0, tasks.length - MOST_TASKS);
    });
  }

  /** Who gives leases, and how often that has changed. */
  setCoordinator(name: string, term: number): void {
    this.coordinators.add(name);
    this.write('pool', 'coordinator', { name, term });
  }

  /** The coordinator writes them before it tells anybody. */
  setLease(guest: string, lease: SharedLease): void {
    this.write('leases', guest, lease);
  }

  setWish(wish: SharedWish): void {
    this.write('wishes', this.parts.pool.me, wish);
  }

  /** Undefined: it is made, or cannot be. The coordinator decides on moves; others say what became of them. */
  setMove(guest: string, move: SharedMove | undefined): void {
    const decided = fields(this.movesOfCoordinator()?.get(guest)).number;
    if (this.coordinator?.name !== this.parts.pool.me) {
      if (isCount(decided)) this.write('made', guest, { number: decided });
    } else if (!move) this.own.getMap('moves').delete(guest);
    else {
      const made = fields(this.documents.of(move.from)?.getMap('made').get(guest)).number;
      this.write('moves', guest, { ...move, number: (isCount(made) ? made : 0) + 1 });
    }
  }

  /** A guest of this host. Undefined: it is not to be started by others any more. */
  setGuarded(guest: string, guarded: Guarded | undefined): void {
    if (guarded) this.write('guarded', guest, guarded);
    else this.own.getMap('guarded').delete(guest);
  }

  setLoad(load: HostLoad): void {
    this.documents.setPresence({ load });
  }

  /** What stays the same is not written again: each change is kept for ever in who wrote it. */
  private write(map: string, key: string, value: object): void {
    const all = this.own.getMap(map);
    if (JSON.stringify(all.get(key)) !== JSON.stringify(value)) all.set(key, value);
  }

  // ---- who gives leases

  /** As this host has it. */
  get coordinator(): Claim | undefined {
    return claimIn(this.own);
  }

  /** Hosts came, or went. */
  private meet(): void {
    const { pool, hostMs } = this.parts;
    for (const name of pool.inOrder) {
      if (this.there.includes(name)) continue;
      if (this.known.has(name)) this.returnedMs.set(name, hostMs());
      this.known.add(name);
    }
    this.there = pool.inOrder;
    this.agree();
  }

  /** Takes over what others say of the coordinator, where it is theirs to say. */
  private agree(): void {
    for (const [writer, doc] of this.documents.all) {
      const said = claimIn(doc),
        mine = this.coordinator;
      if (said && writer !== this.parts.pool.me && isNewer(said, mine, this.there) && this.maySay(writer, mine))
        this.setCoordinator(said.name, said.term);
    }
  }

  /** The coordinator itself passes its task on; where it is gone anybody may name one, and who was away may have had another meanwhile. */
  private maySay(writer: string, mine: Claim | undefined): boolean {
    const { hostMs, pool } = this.parts;
    if (!pool.taking.includes(writer)) return false;
    if (!mine || writer === mine.name || !this.there.includes(mine.name)) return true;
    return hostMs() - (this.returnedMs.get(writer) ?? -Infinity) < RETURN_MS;
  }

  // ---- what all wrote

  /** Of each host's document the entries of a map that have their form and are its to write. */
  private entries<T>(
    map: string,
    read: (value: Record<string, unknown>, key: string, writer: string) => T | undefined,
  ): T[] {
    return this.documents.all.flatMap(([writer, doc]) =>
      [...doc.getMap(map)].flatMap(([key, value]) => {
        const entry = read(fields(value), key, writer);
        return entry === undefined ? [] : [entry];
      }),
    );
  }

  get hosts(): SharedHost[] {
    return this.entries('hosts', (value, _id, writer) => {
      const host = readHost(value);
      return host?.name === writer ? host : undefined;
    });
  }

  /** A guest is listed once: by the host that has its lease, where several list it. */
  get guests(): SharedGuest[] {
    const found = new Map<string, SharedGuest>();
    const leases = this.leases;
    for (const guest of this.entries('guests', (value, uuid, writer) => readGuest(value, uuid, writer)))
      if (!found.has(guest.uuid) || leases.get(guest.uuid)?.owner === guest.host) found.set(guest.uuid, guest);
    return [...found.values()];
  }

  /** By guests' UUIDs. */
  get leases(): Map<string, SharedLease> {
    const { leasesOfAll, pool } = this.parts;
    const found = new Map<string, SharedLease>();
    const last = this.coordinator?.name;
    const take = (writer: string, doc: Y.Doc): void => {
      for (const [guest, value] of doc.getMap('leases')) {
        const lease = readLease(value);
        if (!lease || !isText(guest) || (leasesOfAll && writer !== pool.me && lease.owner !== writer)) continue;
        const before = found.get(guest);
        if (!before || lease.epoch > before.epoch || (lease.epoch === before.epoch && writer === last))
          found.set(guest, lease);
      }
    };
    for (const [writer, doc] of this.documents.all)
      if (leasesOfAll || writer === pool.me || this.coordinators.has(writer)) take(writer, doc);
    return found;
  }

  /** By hosts' names. */
  get wishes(): Map<string, SharedWish> {
    return new Map(
      this.entries('wishes', ({ mode, automatic }, name, writer) =>
        name === writer && isMode(mode) && typeof automatic === 'boolean' ? [name, { mode, automatic }] : undefined,
      ),
    );
  }

  /** By guests' UUIDs. */
  get moves(): Map<string, SharedMove> {
    return new Map(
      [...(this.movesOfCoordinator() ?? [])].flatMap(([guest, value]) => {
        const { from, to, number } = fields(value);
        if (!isText(guest) || !isHostName(from) || !isHostName(to) || !isCount(number)) return [];
        const made = fields(this.documents.of(from)?.getMap('made').get(guest)).number;
        return isCount(made) && made >= number ? [] : [[guest, { from, to }] as const];
      }),
    );
  }

  private movesOfCoordinator(): Y.Map<unknown> | undefined {
    const name = this.coordinator?.name;
    return name === undefined ? undefined : this.documents.of(name)?.getMap('moves');
  }

  /** Guests of a host that others start where it is lost, by their UUIDs; of one that is gone as it wrote last. */
  guardedOf(host: string): Map<string, Guarded> {
    return new Map(
      [...(this.documents.of(host)?.getMap('guarded') ?? [])].flatMap(([guest, value]) => {
        const { name, definition, files } = fields(value);
        return isText(guest) &&
          isText(name) &&
          typeof definition === 'string' &&
          definition.length <= MOST_DEFINITION_LETTERS &&
          Array.isArray(files) &&
          files.length <= MOST_FILES &&
          files.every(isGuardedFile)
          ? [[guest, { name, definition, files }] as const]
          : [];
      }),
    );
  }

  /** Called when anything of it has changed. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Oldest first. */
  get tasks(): SharedTask[] {
    return this.documents.all
      .flatMap(([writer, doc]) =>
        doc
          .getArray('tasks')
          .toArray()
          .slice(-MOST_TASKS)
          .flatMap(value => readTask(value, writer)),
      )
      .sort((a, b) => a.atMs - b.atMs)
      .slice(-MOST_TASKS);
  }

  /** By name; of hosts that have said so lately. */
  get loads(): Map<string, HostLoad> {
    return new Map(
      [...this.documents.presences].flatMap(([name, value]) => {
        const read = readLoad(fields(value).load);
        return read ? [[name, read] as const] : [];
      }),
    );
  }

  // ---- what is not theirs to write

  /** Names what a host wrote in another's place: nothing of it counts. */
  private judge(writer: string): void {
    const doc = this.documents.of(writer);
    if (!doc) return;
    const foreign = (map: string, key: 'name' | 'host', what: string): void => {
      for (const value of doc.getMap(map).values()) {
        const name = fields(value)[key];
        if (isHostName(name) && name !== writer) this.tell(writer, `${what} ${name}`);
      }
    };
    foreign('hosts', 'name', 'the card of');
    foreign('guests', 'host', 'guests of');
    for (const name of doc.getMap('wishes').keys())
      if (isHostName(name) && name !== writer) this.tell(writer, `wishes of ${name}`);
    const said = claimIn(doc),
      mine = this.coordinator;
    const { pool, later } = this.parts;
    if (!said || !mine || said.name !== writer || mine.name === writer || said.term <= mine.term) return;
    if (this.judged.has(writer)) return;
    this.judged.add(writer);
    // What the coordinator has passed on may be heard from others first.
    later(RETURN_MS, () => {
      this.judged.delete(writer);
      const now = this.coordinator;
      if (pool.left !== undefined || !now || now.term >= said.term) return;
      if (claimIn(doc)?.term === said.term) this.tell(writer, `that it gives leases in place of ${now.name}`);
      else this.judge(writer);
    });
  }

  private tell(writer: string, what: string): void {
    const sentence = `${writer} writes ${what}, which is not its to write: it does not count.`;
    if (this.notedSentences.has(sentence) || this.notedSentences.size >= MOST_TOLD) return;
    this.notedSentences.add(sentence);
    this.parts.say(sentence);
  }
}

/** A host may write much that is not its own: this many sentences are enough. */
const MOST_TOLD = 64;

function claimIn(doc: Y.Doc): Claim | undefined {
  const { name, term } = fields(doc.getMap('pool').get('coordinator'));
  return isHostName(name) && isCount(term) ? { name, term } : undefined;
}

/** Two may have begun at once: the host that joined first is the coordinator. */
function isNewer(said: Claim, mine: Claim | undefined, order: readonly string[]): boolean {
  if (!mine || said.term !== mine.term) return said.term > (mine?.term ?? -1);
  const [at, before] = [order.indexOf(said.name), order.indexOf(mine.name)];
  return at >= 0 && at < before;
}

function readHost({
  name,
  version,
  memoryMiB,
  slots,
  vt,
  station,
  receives,
}: Record<string, unknown>): SharedHost | undefined {
  return isHostName(name) &&
    isText(version) &&
    isCount(memoryMiB) &&
    isCount(slots) &&
    typeof vt === 'boolean' &&
    isCount(station) &&
    typeof receives === 'boolean'
    ? { name, version, memoryMiB, slots, vt, station, receives }
    : undefined;
}

const readGuest = (
  { name, memoryMiB, host, state, tags }: Record<string, unknown>,
  uuid: string,
  writer: string,
): SharedGuest | undefined =>
  isText(uuid) && isText(name) && isCount(memoryMiB) && host === writer && isText(state)
    ? { uuid, name, memoryMiB, host, state, ...(areTags(tags) ? { tags } : {}) }
    : undefined;

const areTags = (tags: unknown): tags is string[] =>
  Array.isArray(tags) && tags.length > 0 && tags.every(isText) && tagsProblem(tags) === undefined;

function readLease(value: unknown): SharedLease | undefined {
  const { owner, epoch, local, ofCopy } = fields(value);
  if (!isCount(epoch) || !(owner === undefined || isHostName(owner))) return undefined;
  return {
    ...(owner ? { owner } : {}),
    epoch,
    ...(local === true ? { local } : {}),
    ...(isCopyKind(ofCopy) ? { ofCopy } : {}),
  };
}

function readTask(value: unknown, writer: string): SharedTask[] {
  const { host, command, state, atMs, message } = fields(value);
  return host === writer && isText(command) && isText(state) && isCount(atMs) && isText(message)
    ? [{ host, command, state, atMs, message }]
    : [];
}

function isGuardedFile(value: unknown): value is GuardedFile {
  const { path, bytes, fingerprint } = fields(value);
  return isText(path) && isCount(bytes) && isCount(fingerprint);
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
