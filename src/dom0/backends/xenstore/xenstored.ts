/**
 * xenstored: the store, the connections of domains through their rings, and those of Domain 0's own programs, which call it directly.
 * Source: xen/docs/misc/xenstore.txt; xen/tools/xenstored/xenstored_domain.c.
 */
import type { Access, Mapping } from '../access.ts';
import { StoreClient } from './client.ts';
import { type Daemon, handle, type Message, watchEvent, XS } from './protocol.ts';
import { CONNECTED, PAGE, type SavedRing, StoreRing } from './ring.ts';
import { type Connection, Store, StoreError } from './store.ts';

interface Guest {
  connection: Connection;
  ring: StoreRing;
  page: Mapping;
  port: number;
}

/** What a domain had of the store, for its saved state. */
export interface SavedConnection {
  watches: { path: string; token: string; relative: boolean }[];
  ring: SavedRing;
  /** Connection.formerId */
  formerId?: number;
  /** Connection.lastTransaction; absent from states of versions that kept none. */
  lastTransaction?: number;
}

export class Xenstored implements Daemon {
  readonly store: Store;
  private readonly access: Access;
  private readonly guests = new Map<number, Guest>();
  /** Sent to each direct client's watch after the request that caused it is complete. */
  private readonly deferred: (() => void)[] = [];
  private telling = false;

  /** `nowNs`: when something was written, for people. */
  constructor(access: Access, nowNs: () => number = () => 0) {
    this.access = access;
    this.store = new Store(nowNs);
    const setup = this.client();
    setup.write('/tool/xenstored/domid', '0');
    setup.write('/local/domain/0/domid', '0');
    setup.write('/local/domain/0/name', 'Domain-0');
  }

  /** A connection for a program of Domain 0. */
  client(): StoreClient {
    return new StoreClient(
      this.store,
      event => this.deferred.push(event),
      () => this.settle(),
    );
  }

  /**
   * Serves a domain's store page from now on (INTRODUCE). @throws StoreError EISCONN where it is served already; HostError where page or port are not
   * there.
   */
  introduce(domid: number, gfn: number, port: number): void {
    if (domid === 0 || !Number.isInteger(gfn) || !Number.isInteger(port)) throw new StoreError('EINVAL');
    if (this.guests.has(domid)) throw new StoreError('EISCONN');
    const page = this.access.mapForeign(domid, gfn);
    let local: number;
    try {
      local = this.access.bindInterdomain(domid, port, () => this.poll(domid));
    } catch (error) {
      page.unmap();
      throw error;
    }
    const connection = this.store.connect(domid, (path, token) => {
      ring.sendEvent(watchEvent(path, token));
      this.deferred.push(() => this.serve(guest));
    });
    // Only who waits to be connected hears of it: others have no handler yet.
    const waits = Atomics.load(page.words, PAGE.CONNECTION) !== CONNECTED;
    const ring = new StoreRing(
      page,
      request => this.request(connection, ring, request),
      () => this.store.forget(connection),
    );
    const guest: Guest = { connection, ring, page, port: local };
    this.guests.set(domid, guest);
    this.store.fireSpecial('@introduceDomain');
    if (waits) this.access.send(local);
    this.settle();
  }

  /** The domain is gone, or has a new page (RELEASE). */
  release(domid: number): void {
    const guest = this.guests.get(domid);
    if (!guest) throw new StoreError('ENOENT');
    this.guests.delete(domid);
    this.store.disconnect(guest.connection);
    this.access.close(guest.port);
    guest.page.unmap();
    this.store.fireSpecial('@releaseDomain');
    this.settle();
  }

  /**
   * A domain's watches, and what is on its way between it and the store. (Transactions are not kept: the guest gets the error that there is none. Their numbers go
   * on, lest one that it still has names another.)
   */
  saveConnection(domid: number): SavedConnection {
    const guest = this.guests.get(domid);
    if (!guest) throw new StoreError('ENOENT');
    const { watches, formerId, lastTransaction } = guest.connection;
    return {
      watches: watches.map(watch => ({ ...watch })),
      ring: guest.ring.save(),
      lastTransaction,
      ...(formerId === undefined ? {} : { formerId }),
    };
  }

  /** For a domain that has just been introduced: it goes on as it was saved. */
  restoreConnection(domid: number, { watches, ring, formerId, lastTransaction = 0 }: SavedConnection): void {
    const guest = this.guests.get(domid);
    if (!guest) throw new StoreError('ENOENT');
    guest.connection.watches.push(...watches);
    if (formerId !== domid) guest.connection.formerId = formerId;
    guest.connection.lastTransaction = lastTransaction >>> 0;
    guest.ring.restore(ring);
    this.serve(guest);
  }

  isIntroduced(domid: number): boolean {
    return domid === 0 || this.guests.has(domid);
  }

  control(command: string, args: string[]): string | undefined {
    if (command === 'check') return 'OK';
    if (command === 'help') return 'check\nhelp\nprint\n';
    if (command === 'print' && args.length > 0) return 'OK';
    return undefined;
  }

  /** The domain's event channel rang. */
  poll(domid: number): void {
    const guest = this.guests.get(domid);
    if (guest) this.serve(guest);
    this.settle();
  }

  private request(connection: Connection, ring: StoreRing, request: Message): void {
    if (request.type === XS.WATCH || request.type === XS.UNWATCH || request.type === XS.RESET_WATCHES)
      ring.separateEvents();
    handle(this.store, this, connection, request, message => ring.send(message));
  }

  private serve(guest: Guest): void {
    if (this.guests.get(guest.connection.domid) === guest && guest.ring.poll()) this.access.send(guest.port);
  }

  /** Delivers events, and what they cause, until all is quiet. A callback that changes the store does not find itself called again inside. */
  private settle(): void {
    if (this.telling) return;
    this.telling = true;
    try {
      for (let next = this.deferred.shift(); next; next = this.deferred.shift()) next();
    } finally {
      this.telling = false;
    }
  }
}
