/**
 * What runs in Domain 0 for guests that know Xen: xenstored, the consoles' back ends, and the toolstack's part in a domain's life.
 * Source: tools/libs/light/libxl_create.c and libxl_dom.c for the order of the steps.
 */
import { states } from './parts.ts';
import { XEN } from '../../hypervisor/interfaces/xen/index.ts';
import { FRAMES_A_MIB } from '../../hypervisor/layout/index.ts';
import { DOMAIN_0, type DomainRecord, HostError, type Machine } from '../../hypervisor/memory/index.ts';
import { Dom0, HVM_PARAM } from '../../hypervisor/interfaces/xen/index.ts';
import { SavedStateError } from '../../hypervisor/index.ts';
import { IoTrace, Trace } from '../../hypervisor/tracing/index.ts';
import { ringStorage } from '../../hypervisor/worker/index.ts';
import { GrantTable } from '../../hypervisor/interfaces/xen/grants/index.ts';
import { PvConsole } from '../backends/console/index.ts';
import type { IdeAttachment, State } from '../../devices/index.ts';
import type { PeerOptions } from '../../devices/net/index.ts';
import type { DriveServer } from '../../hypervisor/disks/index.ts';
import type { DeviceModel, DeviceModelOptions } from '../backends/device-model/index.ts';
import { type StoreClient, Xenstored } from '../backends/xenstore/index.ts';
import { backend, type BackendParts } from '../backends/index.ts';
import type { Recorder } from './recorder.ts';
import {
  type AttachedKinds,
  attachKinds,
  DEVICE_KINDS,
  type Devices,
  type Given,
  type ListOf,
  type Pluggable,
  type SharedDrive,
} from './devices/index.ts';
import { type Dom0Time, Network } from '../host/network/index.ts';
import type { HostIdentity } from '../host/index.ts';
import { HostBus } from '../host/hardware/index.ts';
import { DiskController, type MediumDisk } from '../host/storage/index.ts';
import { XEN_DOMAINS } from './kinds/xen/domain.ts';
import { type DomainPaths, removeDomainPaths, writeDomainPaths, writeRings } from './domain-paths.ts';

/** Entries of a grant table that the toolstack fills (GNTTAB_RESERVED_*). */
const CONSOLE_REF = 0,
  STORE_REF = 1;
const GRANT_FRAMES_AT_FIRST = 1;
/** What the hypervisor lets a guest have above what it is asked to come to, for its special pages (LIBXL_MAXMEM_CONSTANT). */
export const SLACK_MIB = 1;

/** How far guest-physical addresses of HVM and PVH guests reach: special pages lie just below 4 GiB. */
export const WHOLE_P2M = 0x100000;

/** How much memory a guest sees, and how much of that there is for it. What sees the most that it may ever have (maxmem) is populated on demand. */
export const memoryShape = (
  seesMost: boolean,
  memoryMiB: number,
  maxMemoryMiB = memoryMiB,
): { seenMiB: number; populateMiB: number } => ({
  seenMiB: seesMost ? Math.max(memoryMiB, maxMemoryMiB) : memoryMiB,
  populateMiB: memoryMiB,
});

/** What a balloon is to leave its guest. @throws Error with a sentence */
export function checkTarget(memoryMiB: number, mostMiB: number): void {
  if (!(Number.isInteger(memoryMiB) && memoryMiB >= 1 && memoryMiB <= mostMiB))
    throw new Error(`The guest can have between 1 and ${mostMiB} MiB (its maxmem), not ${memoryMiB}.`);
}
export const noRoomFor = ({ freeFrames }: Machine, memoryMiB: number): Error =>
  new Error(
    `The host has ${freeFrames >>> 8} MiB free, too little for a guest of ${memoryMiB} MiB. Destroy another domain or give this one less.`,
  );

/** What a guest is asked by its store. */
const ASKED = ['poweroff', 'reboot', 'suspend'] as const;
type Asked = (typeof ASKED)[number];
/** Where its driver says that it hears of it. */
const featurePath = (domid: number, what: Asked): string => `/local/domain/${domid}/control/feature-${what}`;

const refuse = (sentence: string): never => {
  throw new SavedStateError(sentence);
};

const NO_TIME: Dom0Time = { clock: { nowNs: () => 0 }, wakeAt: () => {} };

export interface Described extends Omit<DomainPaths, 'domid' | 'store' | 'console'> {
  /** For its PV drivers. */
  devices?: Given<typeof DEVICE_KINDS>;
}

interface Guest {
  console: PvConsole;
  uuid: string;
  type: DomainPaths['type'];
  devices: AttachedKinds<typeof DEVICE_KINDS>;
}

export interface ServicesParts {
  /** Absent: nothing happens by itself. */
  time?: Dom0Time;
  /** Sentences for Domain 0's log. */
  log?: (sentence: string) => void;
  /** Of Domain 0's own, for its drivers (0: they take what they need). */
  memoryMiB?: number;
  /** Domain 0 has something to do, and is to have a turn (its doorbell is rung). */
  wake?: () => void;
  /** Who the host is; absent: a lone one. */
  identity?: HostIdentity;
  /** What the machine on the host's wire gives out. */
  peer?: PeerOptions;
  /** Notes what is done for a task. */
  recorder?: Recorder;
}

/** A guest with its back ends. */
export interface Attached {
  /** Bytes typed at its PV console. */
  input(bytes: Uint8Array): void;
  /** Typed bytes that are not in its ring yet. */
  readonly typed: Uint8Array;
  /** Its PV keyboard and pointer, of a guest that has a PV screen. */
  readonly screen: Devices['screen'];
}

export class Services {
  readonly dom0: Dom0;
  readonly xenstored: Xenstored;
  /** The simulated host's devices. */
  readonly hardware: HostBus;
  readonly network: Network;
  /** The adapter of the host's disk. */
  readonly disk: DiskController;
  /** Follows requests in Domain 0. */
  readonly io: IoTrace;
  private readonly machine: Machine;
  private readonly recorder: Recorder | undefined;
  /** Guests whose back ends are paused (`setStill`), and for how many callers. */
  private readonly still = new Map<number, number>();
  private readonly guests = new Map<number, Guest>();
  /** Device models that run here. */
  private readonly models = new Map<number, DeviceModel>();
  /** Media of emulated drives whose device models are in their domains' workers. */
  private readonly drives = new Map<number, { server: DriveServer; ide: IdeAttachment[] }>();
  /** What back ends have put off, or what their media have answered: for the next turn. */
  private work: { work(): void; domid: number | undefined }[] = [];
  private readonly backends: BackendParts;

  /** @throws HostError where machine memory has no room for Domain 0's record. */
  constructor(
    machine: Machine,
    {
      time = NO_TIME,
      log = () => {},
      memoryMiB = 0,
      wake = () => this.dom0.ports.ring(),
      identity,
      peer,
      recorder,
    }: ServicesParts = {},
  ) {
    this.machine = machine;
    this.recorder = recorder;
    this.dom0 = new Dom0(machine);
    if (recorder) this.dom0.onHypercall = (domid, name, about) => recorder.hypercall(domid, name, about);
    this.xenstored = new Xenstored(this.dom0, () => time.clock.nowNs());
    if (recorder) this.xenstored.store.onChange = (path, value, by) => recorder.changed(path, value, by);
    this.hardware = new HostBus(machine, memoryMiB, wake);
    this.disk = new DiskController(this.hardware, machine.memory);
    this.io = new IoTrace(machine, new Trace(machine, machine.domain(DOMAIN_0), () => time.clock.nowNs()));
    this.network = new Network(machine, time, this.hardware, {
      io: this.io,
      ...(identity ? { identity } : {}),
      ...(peer ? { peer } : {}),
    });
    const soon: BackendParts['soon'] = (work, domid) => {
      this.work.push({ work, domid });
      this.dom0.ports.ring();
    };
    this.backends = {
      access: this.dom0,
      client: this.xenstored.client(),
      log,
      soon,
      io: this.io,
      recordOf: domid => machine.find(domid),
    };
  }

  /**
   * Before a domain is built: its first ports, which it finds in its start information or HVM parameters. @throws HostError
   */
  prepare(record: DomainRecord, uuid: string): void {
    const { dom0, machine } = this;
    for (const param of [HVM_PARAM.STORE_EVTCHN, HVM_PARAM.CONSOLE_EVTCHN]) {
      dom0.setHvmParam(record.id, param, dom0.allocUnboundFor(record.id));
    }
    const block = record.guestOffset + XEN.UUID * 4;
    const hex = uuid.replace(/-/g, '');
    for (let i = 0; i < 16; i++) machine.bytes[block + i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
    if (!new GrantTable(dom0.portsOf(record.id)).grow(GRANT_FRAMES_AT_FIRST))
      throw new HostError(
        "The host has no memory left for the guest's grant table. Destroy another domain or give this one less.",
      );
  }

  /** Of a domain that comes from another host: what of its store is known before its guest is paused for `attach`. */
  announce(domid: number, described: Described): void {
    const none = { gfn: 0, port: 0 };
    if (this.isKnown(described.uuid)) return;
    this.announced.set(domid, described.uuid);
    writeDomainPaths(this.client, { ...described, domid, store: none, console: none });
  }
  private readonly announced = new Map<number, string>();

  /**
   * Once a domain is built and before it runs: its store and its console have their other ends. `onConsole` gets what it prints; `saved` is what `save`
   * gave of the domain that it was. @throws HostError, SavedStateError
   */
  attach(record: DomainRecord, described: Described, onConsole: (bytes: Uint8Array) => void, saved?: State): Attached {
    const { dom0, xenstored } = this;
    const domid = record.id;
    const ring = (gfn: number, port: number): { gfn: number; port: number } => ({
      gfn: dom0.getHvmParam(domid, gfn),
      port: dom0.getHvmParam(domid, port),
    });
    const store = ring(HVM_PARAM.STORE_PFN, HVM_PARAM.STORE_EVTCHN),
      console = ring(HVM_PARAM.CONSOLE_PFN, HVM_PARAM.CONSOLE_EVTCHN);
    this.machine.words[(record.guestOffset >>> 2) + XEN.MAX_FRAMES] +=
      XEN_DOMAINS[described.type].spareMiB(described) * FRAMES_A_MIB;
    const grants = new GrantTable(dom0.portsOf(domid));
    for (const [entry, { gfn }] of [
      [CONSOLE_REF, console],
      [STORE_REF, store],
    ] as const) {
      grants.grant(entry, 0, gfn);
      this.recorder?.grant(domid, entry, gfn);
    }
    // Of a guest that had made itself ready nothing of the store is kept.
    const kept = saved?.nodes === undefined ? undefined : saved;
    let pv: PvConsole | undefined, devices: Guest['devices'] | undefined;
    try {
      const write = this.announced.delete(domid) ? writeRings : writeDomainPaths;
      write(this.client, { ...described, domid, store, console });
      const { backends, network, machine } = this;
      devices = attachKinds(DEVICE_KINDS, { backends, network, machine, record }, described.devices ?? {}, saved);
      if (kept) states.get().restoreNodes(this.client, kept, domid);
      else this.listensAgain(domid, saved?.listens);
      devices.start();
      xenstored.introduce(domid, store.gfn, store.port);
      pv = new PvConsole(dom0, domid, console.gfn, console.port, onConsole);
      if (kept) states.get().restoreConnections(xenstored, kept, domid);
      if (saved?.typed instanceof Uint8Array) pv.input(saved.typed);
    } catch (error) {
      pv?.close();
      devices?.close();
      // Nothing is half-made.
      if (xenstored.isIntroduced(domid)) xenstored.release(domid);
      this.removePaths(domid, described.uuid);
      throw error;
    }
    const console0 = pv;
    this.guests.set(domid, { console: console0, uuid: described.uuid, type: described.type, devices });
    // A port that is bound counts as rung. That is dealt with before the guest runs: one that has no handlers yet must not be answered.
    this.poll();
    return {
      input: bytes => console0.input(bytes, this.isStill(domid)),
      screen: devices.of.screen,
      get typed() {
        return console0.typed;
      },
    };
  }

  /** Starts the device model of a domain that `prepare` was called with: it is built and does not run yet. @throws HostError */
  attachModel(options: DeviceModelOptions): DeviceModel {
    const { DeviceModel } = backend('model');
    const model = new DeviceModel(this.dom0, options);
    this.models.set(options.record.id, model);
    return model;
  }

  /** Serves a domain's emulated drives with these media, before it runs. */
  attachDrives(record: DomainRecord, ide: readonly IdeAttachment[]): void {
    const { DriveServer } = backend('drives');
    this.drives.set(record.id, { server: new DriveServer(this.machine, record, this.io), ide: [] });
    for (const drive of ide) this.attachDrive(record.id, drive);
  }

  /** What lies in an emulated drive from now on. */
  attachDrive(domid: number, drive: IdeAttachment): void {
    const drives = this.drives.get(domid);
    if (!drives) return;
    drives.ide = [...drives.ide.filter(({ place }) => place !== drive.place), drive];
    this.serveDrive(domid, drives.server, drive, backend('drives').fingerprintOf(drive.disk));
  }

  /** A drive is gone. What it has asked for and nobody has begun is refused now: another that comes to its place has none of that. */
  emptyDrive(domid: number, place: number): void {
    this.attachDrive(domid, { place, kind: 'cdrom', disk: null });
    this.drives.get(domid)?.server.poll();
  }

  /** A medium that lies on the host's disk is served by the worker that has that, and all others from here. */
  private serveDrive(domid: number, server: DriveServer, { place, disk }: IdeAttachment, fingerprint: number): void {
    const { drives } = this.disk;
    const { served, heard, whenClaimed } = (disk ?? {}) as Partial<Pick<MediumDisk, 'served' | 'heard'> & SharedDrive>;
    const record = this.machine.find(domid);
    if (!drives || !served || !disk || !record) return server.attach(place, disk ?? undefined, fingerprint);
    drives.attach(record.index, place, served, news => {
      // What the drive has asked for, and asks for from now on, ends as failed: there is no disk any more.
      if (news.lost) {
        server.attach(place, disk, fingerprint);
        this.dom0.ports.ring();
      }
      heard?.call(disk, news);
    });
    whenClaimed?.(isClaimed => server.setClaimed(place, isClaimed));
    server.attach(place, 'storage', fingerprint);
    // What was asked meanwhile is for the new end.
    ringStorage(this.machine);
  }

  /** Where a domain's emulated drives are served has changed, by what their media say (MediumDisk.served). */
  serveDrivesAnew(domid: number): void {
    const drives = this.drives.get(domid);
    const record = this.machine.find(domid);
    if (!drives || !record) return;
    // Nothing of them is under way in the storage worker any more.
    this.disk.drives?.detach(record.index);
    for (const drive of drives.ide)
      this.serveDrive(domid, drives.server, drive, backend('drives').fingerprintOf(drive.disk));
    // What was asked meanwhile is for the new end.
    this.dom0.ports.ring();
  }

  /** A domain's emulated drives are to be saved: their queue says what lies in them now. @throws SavedStateError */
  markDrives(domid: number): void {
    const drives = this.drives.get(domid);
    if (!drives) return;
    backend('drives')
      .describeDrives(drives.ide, refuse)
      .forEach(({ fingerprint }, i) => drives.server.setFingerprint(drives.ide[i].place, fingerprint));
  }

  /** No request of a domain's drives is taken any more. */
  detachDrives(domid: number): void {
    const drives = this.drives.get(domid);
    const record = this.machine.find(domid);
    if (drives && record) this.disk.drives?.detach(record.index);
    drives?.server.close();
    if (drives && !drives.server.isBusy) this.drives.delete(domid);
  }

  /** Nothing is moved to or from a domain's records any more. */
  drivesRest(domid: number): boolean {
    const drives = this.drives.get(domid);
    if (drives?.server.isBusy) return false;
    this.drives.delete(domid);
    return true;
  }

  /** Domain 0's own access to the store. */
  get client(): StoreClient {
    return this.backends.client;
  }

  /**
   * A guest's back ends take nothing from its rings any more, and its device model here nothing from its clock, until as many calls have let them go. What
   * they had taken is answered yet.
   */
  setStill(domid: number, isStill: boolean): void {
    const count = (this.still.get(domid) ?? 0) + (isStill ? 1 : -1);
    if (count > 0) this.still.set(domid, count);
    else {
      this.still.delete(domid);
      // What was typed meanwhile.
      this.guests.get(domid)?.console.poll();
    }
    this.dom0.setStill(domid, count > 0);
    this.dom0.ports.ring();
  }

  /** Media have yet to answer what a guest asked for. */
  isBusy(domid: number): boolean {
    const drives = this.drives.get(domid);
    return (
      (drives !== undefined && (drives.server.isBusy || !drives.server.isAnswered)) ||
      (this.guests.get(domid)?.devices.isBusy ?? false) ||
      (this.models.get(domid)?.isBusy ?? false)
    );
  }

  /** Its back ends are paused (`setStill`). */
  isStill(domid: number | undefined): boolean {
    return domid !== undefined && this.still.has(domid);
  }

  /** There is something to do for `poll`. */
  get pending(): boolean {
    if (this.dom0.pending || this.disk.pending || this.network.pending) return true;
    if (this.work.some(({ domid }) => !this.isStill(domid))) return true;
    for (const [domid, model] of this.models) if (model.isDue && !this.isStill(domid)) return true;
    for (const { server } of this.drives.values()) if (server.pending) return true;
    return false;
  }

  /**
   * What is to be kept of a guest; undefined: nothing. Of one that does not know that it is being saved (`unasked`) that is its part of the store and its
   * rings, of any what it changed of its disks, and its device model, where those are here. It must not run meanwhile. @throws SavedStateError
   */
  save(domid: number, unasked = true): State | undefined {
    const guest = this.guests.get(domid),
      model = this.models.get(domid);
    if (!guest) return undefined;
    if (model && !model.quiesce())
      throw new SavedStateError('The device model is in the middle of a request. Save the guest again.');
    const parts = {
      ...(unasked
        ? states.get().saveForToolstack(this.xenstored, guest.console, domid)
        : { listens: ASKED.filter(what => this.hears(domid, what)) }),
      ...guest.devices.save(unasked),
      ...this.balloonTarget(domid),
      ...(model ? { model: model.save() } : {}),
    };
    return Object.keys(parts).length > 0 ? parts : undefined;
  }

  /** What of `save` a domain is built from, of a guest that runs: its devices, without what they hold. @throws SavedStateError */
  describe(domid: number): State {
    const model = this.models.get(domid)?.describe();
    return {
      ...(this.guests.get(domid)?.devices.describe() as State | undefined),
      ...this.balloonTarget(domid),
      ...(model ? { model } : {}),
    };
  }

  /** Its balloon's last target. */
  private balloonTarget(domid: number): State {
    const targetKiB = Number(this.client.read(`/local/domain/${domid}/memory/target`) ?? NaN);
    return targetKiB > 0 ? { targetKiB } : {};
  }

  /**
   * xl mem-set: the guest's balloon driver gets this memory as its target by its store, and the hypervisor lets it have no more; what waits to be populated
   * on demand follows.
   * Source: tools/libs/light/libxl_mem.c, libxl_set_memory_target. @throws Error with a sentence
   */
  setMemory(domid: number, memoryMiB: number): void {
    const { client } = this;
    const memory = `/local/domain/${domid}/memory`;
    const mostKiB = Number(client.read(`${memory}/static-max`) ?? NaN);
    if (!this.guests.has(domid) || !(mostKiB > 0))
      throw new Error(`Domain ${domid} has no balloon driver that could be asked.`);
    if (memoryMiB * 1024 > mostKiB)
      throw new Error(
        `libxl: error: libxl_set_memory_target: memory_dynamic_max must be less than or equal to memory_static_max\nThe guest can have up to ${mostKiB / 1024} MiB, its maxmem.`,
      );
    checkTarget(memoryMiB, mostKiB / 1024);
    this.dom0.setMaxMem(domid, memoryMiB + SLACK_MIB);
    client.write(`${memory}/target`, String(memoryMiB * 1024));
    if (this.dom0.setPodTarget(domid, memoryMiB * FRAMES_A_MIB) !== 0) throw noRoomFor(this.machine, memoryMiB);
  }

  /**
   * What xl shutdown, xl reboot and xl save do first: asks the guest through its store. False: no driver of it listens. A PV or PVH guest is asked
   * to stop whether it says so or not, as it has no power button (libxl__domain_pvcontrol_available).
   */
  ask(domid: number, what: Asked): boolean {
    if (!this.listens(domid, what)) return false;
    this.client.write(`/local/domain/${domid}/control/shutdown`, what);
    return true;
  }

  /** It was asked, and need not any more; a guest that has read it does it all the same (libxl's domain_suspend_common_pvcontrol_suspending). */
  withdraw(domid: number, what: Asked): void {
    const path = `/local/domain/${domid}/control/shutdown`;
    if (this.client.read(path) === what) this.client.write(path, '');
  }

  /** A guest's driver has said that it hears of it. */
  private hears(domid: number, what: Asked): boolean {
    return this.client.read(featurePath(domid, what)) === '1';
  }

  /** A guest that has suspended itself says so at its boot alone (setup_shutdown_watcher() of Linux's drivers/xen/manage.c), and hears of it here, too. */
  private listensAgain(domid: number, saved: unknown): void {
    const told = Array.isArray(saved) ? saved : [];
    for (const what of ASKED) if (told.includes(what)) this.client.write(featurePath(domid, what), '1');
  }

  listens(domid: number, what: Asked): boolean {
    const guest = this.guests.get(domid);
    return (
      guest !== undefined && ((what !== 'suspend' && !XEN_DOMAINS[guest.type].hasButton) || this.hears(domid, what))
    );
  }

  /** A guest's devices of one kind, as xl lists them. */
  list<Kind extends Pluggable>(domid: number, kind: Kind): ListOf<Kind> {
    return (this.guests.get(domid)?.devices.of[kind].list() ?? []) as ListOf<Kind>;
  }

  /** What went through each of a guest's paravirtual disks. */
  diskCounts(domid: number): Devices['disks']['counts'] {
    return this.guests.get(domid)?.devices.of.disks.counts ?? [];
  }

  /** The devices of a guest whose back ends are here. @throws Error with a sentence where none are */
  devices(domid: number): Devices {
    const guest = this.guests.get(domid);
    if (!guest) throw new Error('The guest is a plain PC, or has stopped: there are no back ends for it.');
    return guest.devices.of;
  }

  /** Serves what guests asked for since the last call; true if anything was. */
  poll(): boolean {
    let worked = this.dom0.poll();
    // Before the hardware: what the host's disk has at once is answered in this turn.
    for (const { server } of this.drives.values()) {
      if (!server.pending) continue;
      server.poll();
      worked = true;
    }
    if (this.disk.pending) {
      this.disk.poll();
      worked = true;
    }
    if (this.network.poll()) worked = true;
    for (const each of this.work.splice(0)) {
      if (this.isStill(each.domid)) {
        this.work.push(each);
        continue;
      }
      each.work();
      worked = true;
    }
    for (const [domid, model] of this.models) {
      if (!model.isDue || this.isStill(domid)) continue;
      model.work();
      worked = true;
    }
    return worked;
  }

  /** A domain has stopped: its last words come out, but of one that is paused, and nothing of it is mapped any more. */
  detach(domid: number): void {
    this.models.get(domid)?.close();
    this.models.delete(domid);
    const guest = this.guests.get(domid);
    if (guest) this.detachGuest(domid, guest);
    const uuid = this.announced.get(domid);
    if (uuid) this.removePaths(domid, uuid);
    this.announced.delete(domid);
    this.still.delete(domid);
    this.dom0.setStill(domid, false);
  }

  /** Of one that moves within this host, two domains have the UUID: what is under it is the other's from then on. */
  private removePaths(domid: number, uuid: string): void {
    removeDomainPaths(this.client, domid, this.isKnown(uuid) ? undefined : uuid);
  }

  private isKnown(uuid: string): boolean {
    return [...this.guests.values()].some(guest => guest.uuid === uuid);
  }

  private detachGuest(domid: number, guest: Guest): void {
    this.guests.delete(domid);
    this.poll();
    guest.devices.close();
    guest.console.close(this.isStill(domid));
    this.xenstored.release(domid);
    this.removePaths(domid, guest.uuid);
  }
}
