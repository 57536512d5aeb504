/** A guest with granted pages and event channels, and its end of a ring: what back ends are tested against without a machine. */
import { HostError } from '../../hypervisor/index.ts';
import { FrameAway } from '../../hypervisor/memory/index.ts';
import type { GrantAccess } from './access.ts';
import { encode } from './xenstore/protocol.ts';
import type { Connection as StoreConnection } from './xenstore/store.ts';
import { Xenstored } from './xenstore/xenstored.ts';
import { writeDevicePaths } from '../toolstack/devices/device-paths.ts';
import { backendPath, type BackendParts, type DeviceId, frontendPath, type Nodes } from './xenbus.ts';
import { ringSlots } from './ring.ts';

export interface Page {
  bytes: Uint8Array;
  words: Int32Array;
  readOnly: boolean;
  /** How often it is mapped now. */
  mapped: number;
  written: number;
}

export class FakeGuest implements GrantAccess {
  readonly domid = 7;
  readonly pages = new Map<number, Page>();
  /** Frames by their number. */
  readonly frames = new Map<number, Page>();
  /** Those that have ever been mapped so that Domain 0 may store there. */
  readonly writable = new Set<number>();
  /** Granted pages that are still on another host, with who waits for each. */
  readonly away = new Map<number, (() => void)[]>();
  /** Ports that wait for Domain 0. */
  readonly unbound = new Set<number>();
  private readonly bound = new Map<number, () => void>();
  readonly pending = new Set<number>();
  /** Events for the guest, by port. */
  readonly events: number[] = [];
  readonly said: string[] = [];
  private readonly work: (() => void)[] = [];
  /** Work that was put off until others had their turn. */
  turns = 0;
  readonly store = new Xenstored(this);
  readonly client = this.store.client();
  private readonly own: StoreConnection = this.store.store.connect(this.domid, () => {});
  readonly parts: BackendParts = {
    access: this,
    client: this.store.client(),
    log: sentence => this.said.push(sentence),
    soon: work => this.work.push(work),
  };

  /** A granted page that was away has come. */
  comes(ref: number): void {
    const waiting = this.away.get(ref) ?? [];
    this.away.delete(ref);
    for (const then of waiting) then();
    this.poll();
  }

  grant(ref: number, readOnly = false): Page {
    return this.add(this.pages, ref, readOnly);
  }

  /** Pages that lie side by side in memory, under references in a row. */
  grantRun(ref: number, count: number): Page[] {
    const buffer = new SharedArrayBuffer(4096 * count);
    return Array.from({ length: count }, (_, i) => this.add(this.pages, ref + i, false, buffer, 4096 * i));
  }

  /** Memory at a frame. */
  frame(gfn: number): Page {
    return this.add(this.frames, gfn, false);
  }

  private add(
    to: Map<number, Page>,
    number: number,
    readOnly: boolean,
    buffer = new SharedArrayBuffer(4096),
    at = 0,
  ): Page {
    const page = {
      bytes: new Uint8Array(buffer, at, 4096),
      words: new Int32Array(buffer, at, 1024),
      readOnly,
      mapped: 0,
      written: 0,
    };
    to.set(number, page);
    return page;
  }

  get mapped(): number {
    return [...this.pages.values(), ...this.frames.values()].reduce((sum, { mapped }) => sum + mapped, 0);
  }

  // What Domain 0 sees.

  mapGrant(_domid: number, ref: number, readOnly: boolean) {
    const page = this.pages.get(ref);
    if (!page || (page.readOnly && !readOnly))
      throw new HostError(`Domain ${this.domid} does not grant Domain 0 its entry ${ref} (status -3).`);
    const waiting = this.away.get(ref);
    if (waiting) throw new FrameAway(this.domid, ref, then => void waiting.push(then));
    page.mapped++;
    let held = true;
    return {
      ...page,
      written: () => page.written++,
      unmap: () => {
        if (held) page.mapped--;
        held = false;
      },
    };
  }

  /** A frame that is named and not granted: `frames` has them. */
  mapForeign(_domid: number, gfn: number, readOnly = false) {
    const page = this.frames.get(gfn);
    if (!page) throw new HostError(`Domain ${this.domid} has no memory at guest frame 0x${gfn.toString(16)}.`);
    page.mapped++;
    if (!readOnly) this.writable.add(gfn);
    return { ...page, unmap: () => page.mapped-- };
  }

  bindInterdomain(_domid: number, remotePort: number, onEvent: () => void): number {
    if (!this.unbound.delete(remotePort))
      throw new HostError(`Port ${remotePort} of domain ${this.domid} does not wait for Domain 0.`);
    this.bound.set(remotePort, onEvent);
    this.pending.add(remotePort);
    return remotePort;
  }

  send(port: number): void {
    if (!this.bound.has(port)) throw new Error('an event on a port that is closed');
    this.events.push(port);
  }

  close(port: number): void {
    if (this.bound.delete(port)) this.unbound.add(port);
  }

  /** Domain 0's turn, until nothing is left to do. */
  poll(): void {
    while (this.pending.size > 0 || this.work.length > 0) {
      for (const port of [...this.pending]) {
        this.pending.delete(port);
        this.bound.get(port)?.();
      }
      for (const work of this.work.splice(0)) {
        this.turns++;
        work();
      }
    }
  }

  // What the guest does.

  notify(port: number): void {
    if (this.bound.has(port)) this.pending.add(port);
  }

  /** Writes nodes of a device as the guest may; a refusal is thrown. */
  write(id: DeviceId, nodes: Nodes): void {
    for (const [name, value] of Object.entries(nodes))
      this.store.store.write(this.own, `${frontendPath(id)}/${name}`, encode(String(value)));
    this.store.poll(this.domid);
  }

  remove(id: DeviceId, name: string): void {
    this.store.store.rm(this.own, `${frontendPath(id)}/${name}`);
    this.store.poll(this.domid);
  }

  /** The back end's node, as the guest may read it. */
  backend(id: DeviceId, name: string): string | undefined {
    return this.client.read(`${backendPath(id)}/${name}`);
  }

  plug(id: DeviceId, nodes: Nodes = {}): void {
    writeDevicePaths(this.client, id, { frontend: {}, backend: nodes });
  }
}

/** FRONT_RING_* of io/ring.h. */
export class FrontRing {
  readonly slots: number;
  reqProd = 0;
  rspCons = 0;
  private readonly pages: readonly Page[];
  private readonly slotWords: number;

  constructor(pages: readonly Page[], slotBytes: number) {
    this.pages = pages;
    this.slotWords = slotBytes / 4;
    this.slots = ringSlots(pages.length, slotBytes);
    this.header.set([0, 1, 0, 1]);
  }

  get header(): Int32Array {
    return this.pages[0].words.subarray(0, 4);
  }

  private at(index: number, word: number): { words: Int32Array; at: number } {
    const at = 16 + (index & (this.slots - 1)) * this.slotWords + word;
    return { words: this.pages[at >>> 10].words, at: at & 1023 };
  }

  put(request: ArrayLike<number>): void {
    for (let i = 0; i < request.length; i++) {
      const { words, at } = this.at(this.reqProd, i);
      words[at] = request[i];
    }
    this.reqProd = (this.reqProd + 1) | 0;
  }

  /** True: the back end wants an event. */
  push(): boolean {
    const old = this.header[0];
    this.header[0] = this.reqProd;
    return (this.reqProd - this.header[1]) >>> 0 < (this.reqProd - old) >>> 0;
  }

  take(words: number): Int32Array | undefined {
    if (this.header[2] === this.rspCons) return undefined;
    const response = Int32Array.from({ length: words }, (_, i) => {
      const place = this.at(this.rspCons, i);
      return place.words[place.at];
    });
    this.rspCons = (this.rspCons + 1) | 0;
    this.header[3] = (this.rspCons + 1) | 0;
    return response;
  }
}
