/** Devices of one kind that come and go one by one: each has its nodes in the store and a back end. */
import {
  type BackendParts,
  backendPath,
  type DeviceId,
  type Driver,
  type Follower,
  frontendPath,
  XenbusBackend,
} from '../../backends/index.ts';
import { removeDevicePaths } from './device-paths.ts';
import type { GuestDevices } from './device-kind.ts';

export interface SharedDevice<Given = unknown, Of extends Driver = Driver> {
  readonly id: DeviceId;
  given: Given;
  readonly driver: Of;
  /** Absent before the guest may run. */
  backend?: XenbusBackend;
  /** Of the saved state, until the back end has them. */
  rings?: unknown;
}

/** What the lists of all kinds have. */
export interface DeviceInfo {
  domid: number;
  devid: number;
  /** XENBUS_STATE of the back end, and where that is in the store. */
  state: number;
  path: string;
  /** Of the front end; -1: it has none. */
  port: number;
}

export abstract class SharedDevices<Given, Of extends Driver, Info extends DeviceInfo> implements GuestDevices {
  protected readonly parts: BackendParts;
  protected readonly domid: number;
  protected readonly attached: SharedDevice<Given, Of>[] = [];

  constructor(parts: BackendParts, domid: number) {
    this.parts = parts;
    this.domid = domid;
  }

  /** By its number, or the name that people have for it; undefined: the guest has no such device. */
  abstract find(device: string): SharedDevice<Given, Of> | undefined;
  abstract save(unasked: boolean): unknown;
  /** `node`: a number of the front end's; -1 where it has none. */
  protected abstract info(device: SharedDevice<Given, Of>, common: DeviceInfo, node: (name: string) => number): Info;

  get isBusy(): boolean {
    return this.attached.some(({ driver }) => driver.isBusy);
  }

  start(): void {
    for (const each of this.attached) this.begin(each);
  }

  /** One for a guest that runs: its front end finds it in the store. */
  protected plug(device: SharedDevice<Given, Of>): void {
    this.attached.push(device);
    this.begin(device);
  }

  /** Of one that is made; undefined: nobody follows requests here. */
  protected follower(devid: number): Follower | undefined {
    const { io } = this.parts;
    const guest = this.parts.recordOf?.(this.domid);
    return io && guest && { io, guest, devid };
  }

  private begin(each: SharedDevice<Given, Of>): void {
    each.backend = new XenbusBackend(this.parts, each.id, each.driver, each.rings);
    delete each.rings;
  }

  /** Where the rings of one are, of a guest that was saved unasked. */
  protected savedRings({ backend }: SharedDevice<Given, Of>, unasked: boolean): unknown {
    return unasked ? backend?.save() : undefined;
  }

  /** Takes one away, whatever its front end does. */
  drop({ devid }: DeviceId): void {
    const at = this.attached.findIndex(({ id }) => id.devid === devid);
    for (const each of at < 0 ? [] : this.attached.splice(at, 1)) this.end(each);
  }

  close(): void {
    for (const each of this.attached.splice(0)) this.end(each);
  }

  private end({ id, backend, driver }: SharedDevice<Given, Of>): void {
    backend?.close();
    this.ended(driver);
    removeDevicePaths(this.parts.client, id);
  }

  /** What a back end leaves outside of the store. */
  protected ended(_driver: Of): void {}

  /** As xl lists them. */
  list(): Info[] {
    const { client } = this.parts;
    return this.attached.map(each => {
      const { id } = each;
      const number = (path: string, name: string): number => Number(client.read(`${path}/${name}`) ?? -1);
      const node = (name: string): number => number(frontendPath(id), name);
      const path = backendPath(id);
      const { domid, devid } = id;
      return this.info(each, { domid, devid, path, state: number(path, 'state'), port: node('event-channel') }, node);
    });
  }

  /** Each with its back end, for those who look. */
  get all(): readonly SharedDevice<Given, Of>[] {
    return this.attached;
  }
}
