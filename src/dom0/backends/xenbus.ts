/**
 * A back end's part in XenBus: it follows its front end's state through the store, connects, and lets go of all it held when either side closes.
 * Source: xen/include/public/io/xenbus.h; the order of steps as Linux's back ends have it (frontend_changed in drivers/block/xen-blkback/xenbus.c).
 *
 * A back end implements `Driver` and is run by a `XenbusBackend`:
 *
 *   class Vbd implements Driver {
 *     features() { return { 'feature-flush-cache': 1 }; }              // shown before InitWait
 *     connect(connection) {                                            // the front end is Initialised or Connected
 *       const ring = connection.ring([connection.number('ring-ref')], SLOT_BYTES);
 *       connection.bind(connection.number('event-channel'), () => serve(ring));
 *       return { sectors: 1024 };                                      // shown before Connected
 *     }
 *     disconnect() {}                                                  // the ring is not mapped any more
 *   }
 *
 * Whatever `connect` or a handler finds wrong with the front end is thrown (DeviceError, RingError, HostError): the device is closed with a sentence in
 * the log and in the store's error node, for as long as the guest lives, and nobody else notices. Work that comes later, when a disk has answered, goes
 * through `connection.guard`. Nothing of a connection may be used once it is not `open`.
 */
import type { GrantAccess, GrantedPage, Mapping } from './access.ts';
import type { IoTrace } from '../../hypervisor/tracing/index.ts';
import { type DomainRecord, HostError } from '../../hypervisor/index.ts';
import { FrameAway } from '../../hypervisor/memory/index.ts';
import type { StoreClient } from './xenstore/client.ts';
import { BackRing, RingError, type SavedRing } from './ring.ts';

/** enum xenbus_state. */
export const XENBUS_STATE = {
  UNKNOWN: 0,
  INITIALISING: 1,
  INIT_WAIT: 2,
  INITIALISED: 3,
  CONNECTED: 4,
  CLOSING: 5,
  CLOSED: 6,
} as const;
const STATE = XENBUS_STATE;

/** The front end has said or done what it may not; the message is a clause about it, as ‘its node ring-ref is missing’. */
export class DeviceError extends Error {}

/** Values of nodes by their names below a device's directory. */
export type Nodes = Readonly<Record<string, string | number>>;

/** What one kind of back end does; its methods throw DeviceError, RingError or HostError where the front end is at fault. */
export interface Driver {
  /** What the front end may use, shown before it says what it uses. */
  features(): Nodes;
  /** The front end has published its nodes. The result is shown before the state Connected. `saved`: what `save` gave of a guest saved unasked. */
  connect(connection: Connection, saved?: unknown): Nodes;
  /** The connection is not open any more, or `connect` has thrown: what is under way answers nobody. */
  disconnect(): void;
  /** While it is connected: what another back end needs to go on with the same rings. Plain data. */
  save?(): unknown;
  /** Something that the front end asked for is under way at a medium. */
  readonly isBusy?: boolean;
}

/** A device: the kind is the name in the store (vbd, vif, vfb, vkbd). */
export interface DeviceId {
  kind: string;
  /** Whose front end it is. */
  domid: number;
  devid: number;
}

export const frontendPath = ({ kind, domid, devid }: DeviceId): string =>
  `/local/domain/${domid}/device/${kind}/${devid}`;
export const backendPath = ({ kind, domid, devid }: DeviceId): string =>
  `/local/domain/0/backend/${kind}/${domid}/${devid}`;

/** What a back end has of its front end while they are connected. */
export class Connection {
  readonly domid: number;
  open = true;
  private readonly access: GrantAccess;
  private readonly read: (name: string) => string | undefined;
  private readonly pages: Mapping[] = [];
  private readonly ports: number[] = [];
  /** Runs work that came later; nothing if the connection is closed, and what it throws closes the device. */
  readonly guard: (work: () => void) => void;
  /** Calls back in Domain 0's turn, after others had theirs; also when the connection is closed by then. */
  readonly soon: BackendParts['soon'];

  constructor(
    access: GrantAccess,
    domid: number,
    read: (name: string) => string | undefined,
    guard: (work: () => void) => void,
    soon: BackendParts['soon'],
  ) {
    this.access = access;
    this.domid = domid;
    this.read = read;
    this.guard = work => {
      if (this.open) guard(work);
    };
    this.soon = soon;
  }

  /** Calls a handler again after others had their turn, and not while its domain is paused. */
  again(handler: () => void): void {
    this.soon(() => this.guard(handler), this.domid);
  }

  /** A node of the front end's; undefined: there is none. */
  text(name: string): string | undefined {
    return this.read(name);
  }

  /** A node that holds a number of 32 bits; without `absent` it must be there. @throws DeviceError */
  number(name: string, absent?: number): number {
    const text = this.read(name);
    if (text === undefined && absent !== undefined) return absent;
    if (text === undefined) throw new DeviceError(`its node ${name} is missing`);
    const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Infinity;
    if (value > 0xffffffff) throw new DeviceError(`its node ${name} is no number of 32 bits`);
    return value;
  }

  /** Maps a ring over granted pages, in their order. @throws HostError, RingError */
  ring(refs: readonly number[], slotBytes: number, saved?: SavedRing): BackRing {
    return new BackRing(
      refs.map(ref => this.page(ref)),
      slotBytes,
      saved,
    );
  }

  /** Maps a granted page for as long as the connection is open. @throws HostError */
  page(ref: number): GrantedPage {
    const page = this.map(ref, false);
    this.pages.push(page);
    return page;
  }

  /** Maps a granted page; the caller unmaps it, also when the connection closes before. @throws HostError */
  map(ref: number, readOnly: boolean): GrantedPage {
    return this.access.mapGrant(this.domid, ref, readOnly);
  }

  /** Maps a frame that the front end names and has not granted (a screen's), for as long as the connection is open. @throws HostError */
  foreign(gfn: number, readOnly = false): Mapping {
    const page = this.access.mapForeign(this.domid, gfn, readOnly);
    this.pages.push(page);
    return page;
  }

  /** Binds the front end's port; the handler runs guarded, at first because binding raises it. The result tells the front end. @throws HostError */
  bind(remotePort: number, onEvent: () => void): () => void {
    const port = this.access.bindInterdomain(this.domid, remotePort, () => this.guard(onEvent));
    this.ports.push(port);
    return () => {
      if (this.open) this.access.send(port);
    };
  }

  close(): void {
    this.open = false;
    for (const port of this.ports.splice(0)) this.access.close(port);
    for (const page of this.pages.splice(0)) page.unmap();
  }
}

export interface BackendParts {
  access: GrantAccess;
  client: StoreClient;
  /** A sentence for Domain 0's log. */
  log(sentence: string): void;
  /** Calls back in Domain 0's turn, after others had theirs; `domid`: and not while that domain's back ends are paused. */
  soon(work: () => void, domid?: number): void;
  /** Follows requests (absent: nobody does); of a domain: where its own trace is. */
  io?: IoTrace;
  recordOf?(domid: number): DomainRecord | undefined;
}

/** Who follows a device's requests, and whose they are. */
export interface Follower {
  io: IoTrace;
  guest: Pick<DomainRecord, 'id' | 'traceOffset'>;
  devid: number;
}

export class XenbusBackend {
  readonly id: DeviceId;
  private readonly parts: BackendParts;
  private readonly driver: Driver;
  private readonly unwatch: () => void;
  private state: number = STATE.INITIALISING;
  private connection: Connection | undefined;
  /** Said what it may not: it stays closed. */
  private failed = false;
  private gone = false;
  private saved: unknown;

  /** The toolstack has written both directories. `saved`: what `save` gave, and the front end is where it was. */
  constructor(parts: BackendParts, id: DeviceId, driver: Driver, saved?: unknown) {
    this.parts = parts;
    this.id = id;
    this.driver = driver;
    this.saved = saved;
    this.write(driver.features());
    // GRUB does not wait for a back end that is not in InitWait when the guest starts.
    this.switchTo(STATE.INIT_WAIT);
    this.unwatch = parts.client.watch(`${frontendPath(id)}/state`, () => this.follow());
  }

  /** XENBUS_STATE of the back end. */
  get xenbusState(): number {
    return this.state;
  }

  /** Follows the front end's state. */
  private follow(): void {
    if (this.gone) return;
    const text = this.parts.client.read(`${frontendPath(this.id)}/state`);
    const theirs = /^[0-9]$/.test(text ?? '') ? Number(text) : STATE.UNKNOWN;
    switch (theirs) {
      case STATE.INITIALISING:
        // Again: after GRUB or another kernel has closed it, or (as netback has it) without a word.
        this.disconnect();
        if (this.state !== STATE.INIT_WAIT && !this.failed) this.switchTo(STATE.INIT_WAIT);
        break;
      case STATE.INITIALISED:
      case STATE.CONNECTED:
        if (this.state === STATE.INIT_WAIT) this.guard(() => this.connect());
        break;
      case STATE.CLOSING:
        this.disconnect();
        if (this.state !== STATE.CLOSED) this.switchTo(STATE.CLOSING);
        break;
      case STATE.CLOSED:
      case STATE.UNKNOWN:
        this.disconnect();
        this.switchTo(STATE.CLOSED);
        break;
      default:
    }
  }

  private connect(): void {
    const { access, client, soon } = this.parts;
    const front = frontendPath(this.id);
    const connection = (this.connection = new Connection(
      access,
      this.id.domid,
      name => client.read(`${front}/${name}`),
      work => this.guard(work),
      soon,
    ));
    const nodes = this.connected(connection);
    // It may have failed in between, and a front end that sees Connected reads what is there.
    if (!connection.open) return;
    this.write(nodes);
    this.switchTo(STATE.CONNECTED);
  }

  /** What the driver shows. Where it cannot connect yet, nothing of it stays. @throws what the driver does */
  private connected(connection: Connection): Nodes {
    const { saved } = this;
    this.saved = undefined;
    try {
      return this.driver.connect(connection, saved);
    } catch (error) {
      if (!(error instanceof FrameAway)) throw error;
      this.saved = saved;
      this.disconnect();
      throw error;
    }
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      // A guest that goes on before its memory is here (post-copy): nothing was done, or what was done may be done again.
      if (error instanceof FrameAway)
        return error.whenCome(() => this.parts.soon(() => this.guard(work), this.id.domid));
      if (!(error instanceof DeviceError || error instanceof RingError || error instanceof HostError)) throw error;
      this.fail(error.message);
    }
  }

  private fail(clause: string): void {
    if (this.failed) return;
    this.failed = true;
    const { kind, domid, devid } = this.id;
    const sentence = `The ${kind} ${devid} of domain ${domid} was closed: ${clause.replace(/\.$/, '')}.`;
    this.parts.log(sentence);
    // As xenbus_dev_fatal does it.
    this.parts.client.write(`/local/domain/0/error/backend/${kind}/${domid}/${devid}/error`, sentence);
    this.disconnect();
    this.switchTo(STATE.CLOSING);
    this.follow();
  }

  private disconnect(): void {
    const { connection } = this;
    if (!connection) return;
    this.connection = undefined;
    connection.close();
    this.driver.disconnect();
  }

  /** Shows nodes in the back end's directory, all at once. */
  write(nodes: Nodes): void {
    const { id } = this;
    const entries = Object.entries(nodes);
    if (entries.length === 0) return;
    this.parts.client.transaction(view => {
      for (const [name, value] of entries) view.write(`${backendPath(id)}/${name}`, String(value));
    });
  }

  /** Also to the state it is in: the front end looks again (a disk that has grown). */
  private switchTo(state: number): void {
    this.state = state;
    this.parts.client.write(`${backendPath(this.id)}/state`, String(state));
  }

  /** Shows other values to a connected front end, which looks at them again. */
  update(nodes: Nodes): void {
    this.write(nodes);
    if (this.state === STATE.CONNECTED) this.switchTo(STATE.CONNECTED);
  }

  /** What another back end needs to go on with this front end; undefined: it is not connected. Plain data. */
  save(): unknown {
    return this.connection && this.driver.save?.();
  }

  /** Asks the front end to close (xl block-detach): it is served until it has, and the state is Closed then. */
  detach(): void {
    this.write({ online: 0 });
    this.switchTo(STATE.CLOSING);
  }

  /** The guest is gone, or the device: nothing of it is mapped any more. */
  close(): void {
    if (this.gone) return;
    this.gone = true;
    this.unwatch();
    this.disconnect();
  }
}
