/** What inspectors of the page show of Domain 0's side. Loaded when the first one is opened; everything is read, and nothing changes. */
import type { NicModel } from '../../devices/index.ts';
import { queuesOf } from './virtqueue-facts.ts';
import { migration } from './moving.ts';
import { following, processes, tracing } from '../toolstack/index.ts';
import { definedAs } from '../definitions/kinds/index.ts';
import { inLibvirt } from '../libvirt/kinds/index.ts';
import { deviceNumber, emulatedCards } from '../definitions/config/index.ts';
import { type Facts, factsOf } from './lesson-facts/index.ts';
import { FrontRings, type RingFacts } from './front-rings.ts';
import { isImage, openImageOf } from './image-download.ts';
import { ringFacts } from './ring-facts.ts';
import { OVERLAY_BLOCK_BYTES } from '../../hypervisor/disks/index.ts';
import type { DriveImage } from '../../hypervisor/index.ts';
import {
  addressesOf,
  type BlockCounts,
  blockCounts,
  type CardAddress,
  type CardInfo,
  type CommandHost,
  type JobInfo,
  onlineOf,
  mostMiBOf,
  type Uses,
} from '../toolstack/index.ts';
import type { BreakHit, BreakPoint, HotRegion } from '../../hypervisor/domain/index.ts';
import type { PastNow } from '../../hypervisor/verbs/index.ts';
import { type KernelSymbols, kernelSymbols } from '../../hypervisor/loader/index.ts';
import { ideName } from '../definitions/index.ts';
import type { Crossings, ExitsOf, Step } from '../toolstack/tracing/index.ts';
import type { DiskToMove } from '../pool/index.ts';
import { visible } from '../toolstack/terminal/index.ts';
import type { StoreLook } from '../backends/xenstore/index.ts';

/** A drive or disk of a guest. */
export interface GuestDrive {
  vdev: string;
  kind: 'disk' | 'cdrom' | 'floppy';
  /** Empty: nothing is in it. */
  target: string;
  readOnly: boolean;
  /** The device model shows it as an IDE drive. */
  isEmulated: boolean;
  /** Of its PV back end, where it has one: XENBUS_STATE. */
  pv?: { state: number };
  /** What went through it, by whichever way. */
  counts?: BlockCounts;
  /** It is an image file that the guest writes: how much differs from the file (absent: the guest's worker alone knows), and whether that outlives the page. */
  image?: { changedBytes?: number; isKept: boolean };
}

/** What a guest has, and what of it can be changed while it runs. */
export interface GuestFacts {
  /** What its balloon is asked to come to, and the most; `mostMiB` undefined: its memory does not change. */
  memoryMiB: number;
  mostMiB?: number;
  /** Online, and the most there may be; `canChange`: by xl vcpu-set. */
  vcpus: { online: number; most: number; canChange: boolean };
  weight: number;
  /** Per cent of one processor; 0: none. */
  cap: number;
  drives: GuestDrive[];
  cards: (Omit<CardInfo, 'counts'> & { rxBytes: number; txBytes: number })[];
  /** The cards on its board. */
  nics?: NicModel[];
  /** IPv4 addresses of its cards, as far as they are known. */
  addresses: CardAddress[];
  /** Seconds since it was built. */
  upSeconds: number;
  uuid: string;
  /** What its firmware tries, as letters; absent: a kernel was started. */
  bootOrder?: string;
  /** What its definition says about it to people. */
  description: string;
  tags: readonly string[];
  /** It is defined: what is written about it outlives it. */
  isDefined: boolean;
  /** Back ends can be attached: it is a guest of Xen. */
  attaches: boolean;
  /** What it is to a host with KVM: its QEMU, with its words. */
  process?: { pid: number; command: string };
}

/** A node of the store, with who watches it or something above it. */
export interface StoreNode {
  path: string;
  /** Latin-1; control characters as C writes them. */
  value: string;
  /** Of the value. */
  bytes: number;
  permissions: string;
  /** Changes with each write to it, and with its children. */
  generation: number;
  children: number;
  /** The last ones, newest last: when on Domain 0's clock, by whom, and whose watches fired. */
  writes: { ms: number; by: number; value: string; heard: { domid: number; watches: number }[] }[];
}

/** A disk request or a packet on its way. */
export interface FollowedRequest {
  number: number;
  /** It was answered. */
  isDone: boolean;
  steps: Step[];
  /** Of its domain, since the request before it; absent: they could not all be counted. */
  exits?: ExitsOf[];
}

/** What can be asked for, by name. */
export interface Inspected {
  /** Machine memory, where the page may look into it. */
  machine: { memory?: SharedArrayBuffer };
  guest: GuestFacts;
  facts: Facts;
  rings: RingFacts[];
  store: { nodes: StoreNode[]; watches: StoreLook['watches'] };
  /** Requests of a guest that passed places within the next second. */
  path: { requests: FollowedRequest[]; missed: number };
  /** What the next request to a disk takes, of a guest that does nothing else meanwhile; `answers`: events that notified the guest of its answer. */
  crossings: Crossings & { answers: number };
  /** Where a person has the guest stop, and why it did the last time. */
  breaks: { points: BreakPoint[]; hit?: BreakHit };
  /** Where it is in its run; undefined: its past is not kept. */
  past: PastNow | undefined;
  /** The regions of compiled code that ran most. */
  engine: HotRegion[];
  /** Of the file of its kernel; none where the domain builder did not load one, or it names nothing. */
  symbols: KernelSymbols;
  /** What is done with it now. */
  job: JobInfo | undefined;
  /** Its disks, should it go to another host. */
  move: DiskToMove[];
}

const INSPECTIONS: {
  [What in Exclude<keyof Inspected, 'machine'>]: (
    host: CommandHost,
    id: number,
  ) => Inspected[What] | Promise<Inspected[What]>;
} = {
  guest: guestFacts,
  facts: (host, id) => factsOf(host, id, ringFacts(host, id)),
  rings: async (host, id) =>
    host.domains.member(id).attached ? ringFacts(host, id, frontsOf(host)) : queuesOf(host, id),
  path: follow,
  crossings: nextCrossings,
  breaks: (host, id) => {
    const { breaks = [], hit } = host.domains.member(id);
    return { points: [...breaks], ...(hit ? { hit } : {}) };
  },
  past: (host, id) => host.domains.living(id).runner.ask('pastNow'),
  job: ({ toolstack }, id) => toolstack.jobs.of(toolstack.member(id).name),
  move: async (host, id) => (await migration.load()).disksToMove(host, host.toolstack.member(id)),
  engine: (host, id) => host.domains.living(id).runner.ask('hottest'),
  symbols: (host, id) => {
    const { boot } = host.domains.member(id).blueprint;
    return (
      (boot.kind === 'firmware' ? undefined : kernelSymbols(boot.kernel)) ?? {
        addresses: new Float64Array(),
        names: [],
      }
    );
  },
  store: ({ toolstack }) => {
    const { nodes, watches } = toolstack.services.xenstored.store.look();
    const decoder = new TextDecoder('latin1');
    return {
      watches,
      nodes: nodes.map(({ value, permissions, writes, ...node }) => ({
        ...node,
        writes: writes.map(({ ns, by, value: written, heard }) => ({
          ms: ns / 1e6,
          by,
          value: visible(decoder.decode(written)),
          heard,
        })),
        value: visible(decoder.decode(value)),
        bytes: value.length,
        permissions: permissions.map(({ letter, domid }) => `${letter}${domid}`).join(','),
      })),
    };
  },
};

/** @throws Error with a sentence where there is no such domain */
export function inspect<What extends keyof typeof INSPECTIONS>(
  host: CommandHost,
  what: What,
  id: number,
): Inspected[What] | Promise<Inspected[What]> {
  return INSPECTIONS[what](host, id);
}

async function guestFacts(host: CommandHost, id: number): Promise<GuestFacts> {
  const member = host.domains.member(id);
  const { blueprint, record, attached, name } = member;
  const shares = host.queue.shares(record.index);
  const read = (path: string): number =>
    Number(host.toolstack.services.client.read(`/local/domain/${id}/${path}`) ?? NaN);
  const mostKiB = read('memory/static-max');
  const devices = attached && host.toolstack.services.devices(id);
  const pvDisks = devices?.disks.list() ?? [];
  const counts = blockCounts(host.toolstack, member);
  const pvOf = (vdev: string): Pick<GuestDrive, 'pv' | 'counts'> => {
    const found = pvDisks.find(each => each.devid === deviceNumber(vdev)),
      counted = counts.get(found?.vdev ?? vdev);
    return { ...(found ? { pv: { state: found.state } } : {}), ...(counted ? { counts: counted } : {}) };
  };
  const imageIn = (drive: DriveImage): Pick<GuestDrive, 'image'> => {
    if (!isImage(drive)) return {};
    const disk = openImageOf(member, drive);
    const isKept = member.attachments.held.some(each => each.disk === disk);
    return { image: { isKept, ...(disk ? { changedBytes: disk.changedBlocks * OVERLAY_BLOCK_BYTES } : {}) } };
  };
  const drives = (blueprint.drives ?? []).map((drive): GuestDrive => {
    const { place, vdev = ideName(place), kind, readOnly, medium } = drive;
    return {
      vdev,
      kind,
      readOnly,
      target: medium?.name ?? '',
      isEmulated: place >= 0 && definedAs(blueprint.definition).emulates,
      ...pvOf(vdev),
      ...imageIn(drive),
    };
  });
  const listed = new Set(drives.map(({ vdev }) => deviceNumber(vdev)));
  const later = devices?.disks.all.filter(({ given }) => !listed.has(deviceNumber(given.vdev))) ?? [];
  const mostMiB = mostMiBOf(member) ?? (attached && mostKiB > 0 ? mostKiB / 1024 : undefined);
  const process = host.toolstack.hypervisor.processes ? (await processes.load()).startedBy(member) : undefined;
  const nics = emulatedCards(blueprint.definition).map(({ model }) => model);
  return {
    memoryMiB: member.memoryMiB,
    ...(process ? { process } : {}),
    ...(mostMiB ? { mostMiB } : {}),
    vcpus: {
      online: onlineOf(host, { id, name, index: record.index }),
      most: record.vcpus,
      canChange: inLibvirt(blueprint.definition).live.vcpus,
    },
    weight: shares?.weight ?? 0,
    cap: shares?.cap ?? 0,
    drives: [
      ...drives,
      ...later.map(({ given: { vdev, kind, readOnly, target } }) => ({
        vdev,
        kind,
        readOnly,
        target,
        isEmulated: false,
        ...pvOf(vdev),
      })),
    ],
    cards: (devices?.cards.list() ?? []).map(({ counts: { rxBytes, txBytes }, ...card }) => ({
      ...card,
      rxBytes,
      txBytes,
    })),
    ...(nics.length > 0 ? { nics } : {}),
    addresses: addressesOf(host, id),
    upSeconds: Math.max(0, (host.clock.epochMs() - member.builtEpochMs) / 1000),
    uuid: member.uuid,
    ...(blueprint.boot.kind === 'firmware' ? { bootOrder: blueprint.definition.bootOrder } : {}),
    description: blueprint.definition.description ?? '',
    tags: blueprint.definition.tags ?? [],
    isDefined: (await host.managed?.find(name)) !== undefined,
    attaches: attached !== undefined,
  };
}

/** Where front ends were found, as long as their host is there. */
const foundFronts = new WeakMap<CommandHost, FrontRings>();
function frontsOf(host: CommandHost): FrontRings {
  let fronts = foundFronts.get(host);
  if (!fronts) foundFronts.set(host, (fronts = new FrontRings(host.toolstack.view, host.clock)));
  return fronts;
}

/** How long requests are followed for one look, how often traces are read meanwhile, and how many are reported. */
const FOLLOW_MS = 900,
  LOOK_MS = 10,
  MOST_FOLLOWED = 24;

async function follow(host: Uses<'clock' | 'disk' | 'domains' | 'toolstack'>, id: number): Promise<Inspected['path']> {
  host.domains.living(id);
  // Other inspectors, one of which the first view has, do without.
  const [{ Follower, stepsOf }, { namesOf }] = await Promise.all([following.load(), tracing.load()]);
  const follower = new Follower(host.toolstack.view, id);
  try {
    const endMs = host.clock.hostMs() + FOLLOW_MS;
    do {
      await new Promise<void>(done => void host.clock.later(LOOK_MS, done));
      follower.read();
    } while (host.clock.hostMs() < endMs && follower.progress(MOST_FOLLOWED, id).done < MOST_FOLLOWED);
    const names = namesOf(host);
    return {
      missed: follower.missed,
      requests: follower.list(id, MOST_FOLLOWED).map(request => ({
        number: request.number,
        isDone: request.isDone,
        steps: stepsOf(request, names),
        ...(request.exits ? { exits: request.exits } : {}),
      })),
    };
  } finally {
    follower.close();
  }
}

/** How long somebody waits for a request. */
const PATIENCE_MS = 10_000;

/** @throws Error with a sentence where it asks for nothing, or where records of what it did were lost */
async function nextCrossings(host: CommandHost, id: number): Promise<Inspected['crossings']> {
  const { name } = host.domains.living(id),
    { CrossingsWatch } = await following.load(),
    answers = (): number => ringFacts(host, id).reduce((sum, { events }) => sum + (events?.sent ?? 0), 0),
    before = answers(),
    watch = new CrossingsWatch(host.toolstack.view, id);
  try {
    const endMs = host.clock.hostMs() + PATIENCE_MS;
    do {
      await new Promise<void>(done => void host.clock.later(LOOK_MS, done));
      watch.read();
      if (watch.missed > 0)
        throw new Error(`${name} did more than its trace holds, so the crossings cannot be counted. Ask again.`);
      const crossings = watch.first();
      if (crossings) return { ...crossings, answers: answers() - before };
    } while (host.clock.hostMs() < endMs);
    throw new Error(
      `${name} has asked no disk for anything in ${PATIENCE_MS / 1000} s. See that it is not paused, and ask again.`,
    );
  } finally {
    watch.close();
  }
}
