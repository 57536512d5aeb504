/**
 * A domain that comes from another host: it is judged and built before its memory comes, and is paused under another name until it is its turn.
 * Source: migrate_receive() in tools/xl/xl_migrate.c of Xen 4.17 for names and order.
 */
import type { Medium, SavedHead, SavedPages, SavedRest, SavedState } from '../../hypervisor/index.ts';
import type { State } from '../../devices/index.ts';
import { OVERLAY_BLOCK_BYTES, readDiskRecord, restoreChanges } from '../../hypervisor/disks/index.ts';
import { loadBackends } from '../backends/index.ts';
import { changeDefinition, isFault, judgeDefinition, prepareToRead } from '../definitions/config/index.ts';
import { baseName } from '../definitions/index.ts';
import { announce } from '../host/network/index.ts';
import type { CommandHost, Guest, Uses } from './command-host.ts';
import { bridgedCards } from './guest-addresses.ts';
import { findImage, type ImageDigest } from './image-digests.ts';
import type { IncomingDisks } from './incoming-disks.ts';
import { refuseOtherPlaces } from './other-places.ts';
import { ArrivingThere } from './runners/arriving-there.ts';
import type { Arriving } from './runners/runner.ts';
import { blueprintOf, savedDrives } from './saved-blueprint.ts';
import { incomingName, refuseTaken } from './taken.ts';

/** What the sending host says of a domain next to its state's head. */
export interface Incoming {
  name: string;
  /** Of its devices (Services.describe). */
  toolstack: State;
  /** What is in the files in its drives. */
  images?: readonly ImageDigest[];
  /** Volumes that come with it. */
  disks?: IncomingDisks | undefined;
  /** It moves within this host: the domain that has its name and its UUID is the one that goes. */
  isFromHere?: boolean;
}

/** Of a state that has yet to come. */
const stateAfter = (head: SavedHead, toolstack: State): SavedState => ({
  ...head,
  version: 3,
  pages: [],
  params: [],
  hvm: [],
  domain: {},
  emulator: { devices: {}, screen: new Uint8Array() },
  disks: [],
  toolstack,
});

/** What its domain goes on from: nobody copies more of it to another thread while the guest is paused. */
function restOf({ boot: _boot, cpuid: _cpuid, toolstack: _toolstack, ...state }: SavedState): SavedRest {
  if (state.changes === undefined) return state;
  const { domain: _domain, emulator: _emulator, ...rest } = state;
  return rest;
}

/** The media of a domain that comes: disks that both hosts reach, its volumes, and files of this one. @throws Error with a sentence: one is not here */
async function mediaHere(host: CommandHost, state: SavedState, images: readonly ImageDigest[] = []) {
  const drives: { label: string; vdev: string }[] = [];
  savedDrives(state, (label, _kind, vdev) => void drives.push({ label, vdev }));
  await host.disk.openDevices(drives.map(({ label }) => label));
  const media = new Map<string, Medium>();
  for (const { label, vdev } of drives) media.set(vdev, await mediumHere(host, label, vdev, images));
  return savedDrives(state, (label, _kind, vdev) => ({ ...media.get(vdev)!, name: label }));
}

/** What lies in one of its drives. @throws Error with a sentence: that is not here */
async function mediumHere(
  host: CommandHost,
  label: string,
  vdev: string,
  images: readonly ImageDigest[],
): Promise<Medium> {
  if (host.disk.isDevice(label)) return { name: label, device: true };
  // Files of two folders may have one name; an older host does not say in which drive each lies.
  const its = images.filter(({ path }) => path === label);
  const image = its.find(each => each.vdev === vdev) ?? its[0];
  if (image) return (await findImage(host, image)).medium;
  const data = await host.files.readFile(label).catch(() => undefined);
  if (!data)
    throw new Error(
      `${baseName(label)} is not here. Copy it to ${label} on this host, or have both hosts reach it by nbd://.`,
    );
  return host.files.mediumOf({ name: label, data });
}

/** What is kept here of a domain that comes to be defined here (`persistent`), as it is called here; undefined: nothing is. @throws Error with a sentence */
export async function keptText(
  { managed }: Uses<'managed'>,
  { persistent, name }: { persistent?: string; name: string },
  its?: string,
): Promise<string | undefined> {
  if (persistent === undefined) return undefined;
  if (!managed) throw new Error(`${name} cannot be defined here: Domain 0 has no place for files.`);
  await prepareToRead(persistent);
  const { definition, findings } = judgeDefinition(name, persistent);
  const wrong = findings.find(isFault);
  if (wrong) throw new Error(`${name} cannot be defined here: ${wrong.text}`);
  const uuid = its ?? definition.uuid;
  const there = (await managed.find(name))?.definition.uuid;
  if (uuid !== undefined && there !== undefined && there !== uuid)
    throw new Error(`operation failed: domain '${name}' is already defined with uuid ${there}`);
  return changeDefinition(persistent, definition, { ...definition, name, ...(uuid === undefined ? {} : { uuid }) });
}

export class Receiving {
  private readonly host: CommandHost;
  private readonly state: SavedState;
  private attach = (): void => {};
  private readonly arriving: Arriving = {
    inWorker: post => new ArrivingThere(post),
    mayAttach: new Promise(resolve => (this.attach = resolve)),
  };
  private readonly name: string;
  private readonly images: readonly ImageDigest[] | undefined;
  private readonly disks: IncomingDisks | undefined;
  private guest: Guest | undefined;
  /** What the guest had written of media that its worker opens, by place and block: it comes there with the rest. */
  private readonly ahead = new Map<number, Map<number, Uint8Array>>();
  private built: Promise<Guest> | undefined;
  /** What came does not fit: nothing more is waited for. */
  private failure: Error | undefined;

  private constructor(host: CommandHost, head: SavedHead, { name, toolstack, images, disks }: Incoming) {
    this.host = host;
    this.name = name;
    this.images = images;
    this.disks = disks;
    this.state = stateAfter(head, { ...toolstack, name: incomingName(name) });
  }

  /** Builds it, or refuses: nothing is left of it then. @throws Error with a sentence, in xl's words */
  static async begin(host: CommandHost, head: SavedHead, incoming: Incoming): Promise<Receiving> {
    const { about } = head,
      { name } = incoming,
      isVirtual = host.parts.virtual !== undefined;
    if (about.virtualTime !== isVirtual)
      throw new Error(
        `${name} runs ${about.virtualTime ? 'in virtual time' : 'by the clock on the wall'}, and this host ${isVirtual ? 'in virtual time' : 'by the clock on the wall'}. Take a host of its kind.`,
      );
    const { isFromHere = false } = incoming;
    refuseTaken(
      host,
      [incomingName(name), ...(isFromHere ? [] : [name])],
      isFromHere ? undefined : about.uuid,
      'Destroy or rename it, and migrate this one again.',
    );
    const receiving = new Receiving(host, head, incoming);
    await receiving.build();
    return receiving;
  }

  private async build(): Promise<void> {
    const { host, state, arriving, name } = this;
    this.disks?.take();
    const drives = await mediaHere(host, state, this.images);
    if (drives.length > 0) await loadBackends(['drives']);
    const blueprint = blueprintOf(state, { arriving }, drives, name);
    await refuseOtherPlaces(host, blueprint);
    const listed = new Promise<number>((resolve, reject) => {
      this.built = host.toolstack.build(blueprint, { paused: true, why: 'migrated', listed: resolve });
      this.built.catch(reject);
    });
    this.guest = host.toolstack.members.get(await listed);
    this.guest!.runner.started.catch((error: Error) => (this.failure = error));
  }

  /** `isIts`: as ArrivalTaker has it. @throws Error with a sentence: there is no room for them */
  pages(pages: SavedPages, isIts = false): void | Promise<void> {
    return this.arriving.to?.pages(pages, isIts);
  }

  /**
   * What the guest has written of a file in one of its drives, while it runs on the other host (DISK record); what comes later counts. @throws Error with a
   * sentence: it is none of this guest's
   */
  blocks(record: Uint8Array): void {
    const { about } = this.state;
    const blocks = readDiskRecord(record);
    if (!blocks)
      throw new Error(`What ${this.name} has written comes in a record that contradicts itself. Migrate it again.`);
    const { place, changes } = blocks;
    const drive = about.drives?.find(each => each.place === place);
    const opened = this.guest?.attachments.media ?? [];
    if (opened.some(each => each.place === place)) {
      restoreChanges(opened, place, changes);
      // What came before the drive was opened is put there in the end, and these are newer.
      for (const { block } of changes) this.ahead.get(place)?.delete(block);
    } else if (drive) {
      const kept = this.ahead.get(place) ?? new Map<number, Uint8Array>();
      this.ahead.set(place, kept);
      // Its own: the record has many.
      for (const { block, bytes } of changes)
        if (block * OVERLAY_BLOCK_BYTES < drive.bytes) kept.set(block, bytes.slice());
    } else throw new Error(`What ${this.name} has written comes for a drive that it does not have. Migrate it again.`);
  }

  private keptAhead(): SavedState['disks'] {
    return [...this.ahead].map(([place, blocks]) => ({
      place,
      changes: [...blocks].map(([block, bytes]) => ({ block, bytes })),
    }));
  }

  /** Resolves when all that has come is in place. @throws Error with a sentence: it does not fit */
  async placed(): Promise<void> {
    await this.arriving.to?.placed();
    if (this.failure) throw this.failure;
  }

  /** A state of it while it runs on the other host, but for memory and disks. @throws as `placed` */
  async rehearse(state: SavedState): Promise<void> {
    this.arriving.to?.rehearse(restOf(state));
    await this.placed();
  }

  /**
   * All of its state has come, and is in place: it is paused, under the name of one that comes, without its other ends (`whole`). @throws Error with a
   * sentence: it is none, and nothing is left of it
   */
  async finish(state: SavedState): Promise<Guest> {
    Object.assign(this.state, { ...state, pages: [], disks: [...this.keptAhead(), ...state.disks] });
    this.arriving.to?.rest(restOf(this.state));
    await this.guest!.runner.started;
    return this.guest!;
  }

  /** It gets its other ends, and could run then. @throws Error with a sentence: it cannot, and nothing is left of it */
  async whole(): Promise<void> {
    this.attach();
    await this.built;
  }

  /** It does not come after all: nothing is left of it. */
  async refuse(why: string): Promise<void> {
    this.arriving.to?.refused(why);
    this.attach();
    const guest = await this.built?.catch(() => undefined);
    if (guest) await this.host.toolstack.remove(guest, false, 'failed');
  }

  /**
   * Its cards say on the bridge where their stations are now. An emulated one may have one for PV drivers with its station next to it, which no one uses before the
   * guest's driver has connected, and that says so itself then (netdev_notify_peers in Linux's xen-netfront.c).
   */
  private announce(guest: Guest): void {
    const { emulated, attached } = bridgedCards(this.host, guest);
    const ports = this.host.toolstack.services.network.bridge.list();
    const said = new Set<string>();
    for (const { port: name, mac } of [...emulated, ...attached]) {
      const port = ports.find(each => each.name === name);
      if (!port || said.has(mac)) continue;
      said.add(mac);
      announce(port, mac);
    }
  }

  /** It is the guest from now on, and runs, or (`paused`) will when it is unpaused. */
  start(guest: Guest, paused: boolean): void {
    const { toolstack } = this.host;
    this.disks?.keep();
    toolstack.rename(guest, this.name);
    if (!paused) toolstack.setPaused(guest, false);
    this.announce(guest);
    guest.why.running = 'migrated';
  }
}
