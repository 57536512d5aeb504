/** A host of the package's interface, over Domain 0 as the page asks it. */
import type { DomainInfo, Task } from '../dom0/service/index.ts';
import { GuestOfHost, infoOf } from './guest.ts';
import type { HostCalls, Listener, Place } from './host-calls.ts';
import { Stream } from './streams.ts';
import type { Content, Guest, GuestInfo, Host, HostEvent, Ran } from './types.ts';

const bytesOf = (content: Content): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;

/** `place.api` must have booted. */
export async function hostAt(place: Place): Promise<Host> {
  const host = new HostAt(place);
  await place.api.subscribe((domains, tasks) => host.heard(domains, tasks));
  return host;
}

/** What a view of its guests asks of a host that `hostAt` gave. */
export const callsOf = (host: Host): HostCalls => host as HostAt;

class HostAt implements Host, HostCalls {
  readonly api: Place['api'];
  readonly later: Place['later'];
  private readonly place: Place;
  private now: readonly DomainInfo[] = [];
  private tasks: readonly Task[] = [];
  private readonly listeners = new Set<Listener>();
  private readonly streams = new Set<Stream<HostEvent>>();
  private isClosed = false;

  constructor(place: Place) {
    this.place = place;
    this.api = place.api;
    this.later = place.later;
  }

  heard(domains: readonly DomainInfo[], tasks: readonly Task[]): void {
    this.now = domains;
    this.tasks = tasks;
    for (const listener of [...this.listeners]) listener(domains, tasks);
  }

  domains(): readonly DomainInfo[] {
    return this.now;
  }

  onDomains(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private open(): Place {
    if (this.isClosed) throw new Error('This host was closed: create another.');
    return this.place;
  }

  async create(files: Readonly<Record<string, Content>>, { paused = false } = {}): Promise<Guest> {
    const named = Object.entries(files).map(([name, content]) => ({
      name,
      data: new Blob([bytesOf(content) as BlobPart]),
    }));
    const { name } = await this.open().api.create(named, false, paused);
    return new GuestOfHost(this, name);
  }

  async define(path: string, definition: string): Promise<string> {
    return (await this.open().api.new(path, definition)).name;
  }

  async start(name: string, { paused = false } = {}): Promise<Guest> {
    await this.open().api.start(name, paused);
    return new GuestOfHost(this, name);
  }

  async guest(name: string): Promise<Guest> {
    this.open();
    const guest = new GuestOfHost(this, name);
    await guest.info();
    return guest;
  }

  async guests(): Promise<GuestInfo[]> {
    this.open();
    return this.now.map(infoOf);
  }

  events(): AsyncIterable<HostEvent> {
    this.open();
    const changes = new Changes(this.now, this.tasks);
    const stop = this.onDomains((domains, tasks) => {
      for (const event of changes.since(domains, tasks)) stream.give(event);
    });
    const stream = new Stream<HostEvent>(() => {
      stop();
      this.streams.delete(stream);
    });
    this.streams.add(stream);
    return stream;
  }

  run(line: string): Promise<Ran> {
    return this.open().run(line);
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.open().readFile(path);
  }

  writeFile(path: string, content: Content): Promise<void> {
    return this.open().writeFile(path, bytesOf(content));
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.place.close();
    this.heard([], this.tasks);
    for (const stream of [...this.streams]) stream.end();
  }
}

/** Lists of what there is, as what has happened between them. */
class Changes {
  private before: Map<number, GuestInfo>;
  /** Tasks that had ended. */
  private readonly ended: Set<number>;

  constructor(domains: readonly DomainInfo[], tasks: readonly Task[]) {
    this.before = byId(domains);
    this.ended = new Set(tasks.filter(({ state }) => state !== 'running').map(({ id }) => id));
  }

  *since(domains: readonly DomainInfo[], tasks: readonly Task[]): Generator<HostEvent> {
    const now = byId(domains);
    for (const [id, guest] of now) {
      const before = this.before.get(id);
      if (!before) yield { kind: 'created', guest };
      else if (before.state !== guest.state) yield { kind: 'state', guest, before: before.state };
    }
    for (const [id, guest] of this.before) if (!now.has(id)) yield { kind: 'gone', guest };
    this.before = now;
    for (const { id, command, state, message = '' } of tasks) {
      if (state === 'running' || this.ended.has(id)) continue;
      this.ended.add(id);
      yield { kind: 'task', command, ok: state === 'done', message };
    }
  }
}

const byId = (domains: readonly DomainInfo[]): Map<number, GuestInfo> =>
  new Map(domains.map(domain => [domain.id, infoOf(domain)]));
