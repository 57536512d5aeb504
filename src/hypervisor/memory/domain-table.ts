/**
 * The life of domains in machine memory: their records and entries in the domain table, the RAM that they start with, and how all of it goes back.
 * `Machine` has the frames and reads the table; here it is written.
 */
import { MOST_CARDS } from '../../devices/pci/index.ts';
import { STATE_WORDS } from '../../cpu/architecture/index.ts';
import { SCHED_BYTES } from '../scheduler/block.ts';
import { keepFrames, recountFrames, releaseTakenBy } from './dead-worker.ts';
import { type GuestRecords, holdersOf, know } from './frame-holder.ts';
import {
  COUNTER_WORDS,
  DOMAIN,
  DOMAIN_TRACE_BYTES,
  DOMAIN_WORDS,
  DOMID_XEN,
  DRIVE_QUEUE_BYTES,
  FRAMES_AT_ONCE,
  FRAME_WORDS,
  MAILBOX_BYTES,
  MAX_DOMAINS,
  MAX_VCPUS,
  MOST_GUEST_RECORD_BYTES,
  SCREEN_BYTES,
  VCPU_BYTES,
  WIRE_BYTES,
  XENHEAP,
  XENHEAP_HEADER_BYTES,
  p2mParts,
} from '../layout/layout.ts';
import {
  DOMAIN_0,
  type DomainRecord,
  FRAME_BYTES,
  FRAME_SHIFT,
  HostError,
  type Machine,
  MAX_PIXEL_BYTES,
  wholeFrames,
  VIDEO_BYTES,
} from './machine.ts';
import { layoutOf, ramEnd, ramGfn } from '../layout/ram-layout.ts';

/** What a domain has next to RAM. */
export interface DomainShape {
  /** Virtual processors (default 1). */
  vcpus?: number;
  /** Those that are there from the start (all). */
  onlineVcpus?: number;
  /** What the interface that its guest sees keeps of it (default: nothing, the guest sees a plain PC). */
  guest?: GuestRecords;
  /** Emulated network cards that it may have (default: none). */
  cards?: number;
  /** It has emulated drives whose media are in Domain 0. */
  drives?: boolean;
  /** Frames for its shadow page tables (default: none, it is translated by a second stage). */
  shadowFrames?: number;
  /** So much of its RAM lies below the PCI hole (all of it), in MiB; the rest lies from 4 GiB on. */
  lowMiB?: number;
  /** So much memory for all of its RAM, which is populated on demand where the guest's interface can (default: all of it, at once). */
  populateMiB?: number;
}

function recordBytes(
  p2mFrames: number,
  { vcpus = 1, cards = 0, drives, shadowFrames = 0 }: DomainShape,
  guestBytes = 0,
): number {
  return (
    wholeFrames(COUNTER_WORDS * 4) +
    wholeFrames(vcpus * VCPU_BYTES) +
    (vcpus > 1 ? wholeFrames(STATE_WORDS * 4) : 0) +
    wholeFrames(MAILBOX_BYTES) +
    wholeFrames(DOMAIN_TRACE_BYTES) +
    wholeFrames(SCREEN_BYTES) +
    wholeFrames(p2mFrames * 4) +
    wholeFrames(p2mParts(p2mFrames)) +
    wholeFrames(cards * WIRE_BYTES) +
    (drives ? DRIVE_QUEUE_BYTES : 0) +
    shadowFrames * FRAME_BYTES +
    guestBytes
  );
}

const MOST: DomainShape = { vcpus: MAX_VCPUS, cards: MOST_CARDS, drives: true };
/** What Domain 0's drivers share with the host's devices (src/dom0/host/hardware). */
const DRIVER_BYTES = 40 * FRAME_BYTES;

/** Bytes of machine memory that one domain of `memoryMiB` needs, records included, with the hypervisor's own: for a host that runs one guest. */
export function machineBytesFor(memoryMiB: number, p2mFrames = memoryMiB * 256): number {
  const firmware = p2mFrames > memoryMiB * 256 ? VIDEO_BYTES : 0;
  const guest =
    memoryMiB * 2 ** 20 +
    recordBytes(p2mFrames, MOST, MOST_GUEST_RECORD_BYTES) +
    recordBytes(0, {}, MOST_GUEST_RECORD_BYTES) +
    DRIVER_BYTES +
    firmware +
    MAX_PIXEL_BYTES;
  const frames = guest / FRAME_BYTES + 64;
  // Rounding of the tables, and a firmware image.
  return (
    wholeFrames(
      guest +
        XENHEAP_HEADER_BYTES +
        SCHED_BYTES +
        MAX_DOMAINS * DOMAIN_WORDS * 4 +
        frames * (FRAME_WORDS + 1 + 1 / 32) * 4 * 1.01,
    ) +
    80 * FRAME_BYTES
  );
}

/**
 * Makes a domain: its records, and `memoryMiB` of RAM at guest-physical 0 with the hole 0xA0000-0xBFFFF of a PC, or as `guest.ram` says, which goes on at
 * 4 GiB from `lowMiB` on; where `populateMiB` is less, what lies past the first MiB is populated on demand.
 * `p2mFrames`: how far guest-physical addresses reach (at least to the end of RAM).
 * @throws HostError when memory or the domain table is full; then nothing was made.
 */
export function createDomain(
  machine: Machine,
  memoryMiB: number,
  p2mFrames = 0,
  shape: DomainShape = {},
): DomainRecord {
  const { guest, lowMiB = memoryMiB } = shape;
  if (guest) know(machine, guest);
  const layout = layoutOf({ memoryMiB, lowMiB }),
    { ramFrames } = layout,
    reach = Math.max(p2mFrames, ramEnd(layout)),
    populated = Math.min(ramFrames, (shape.populateMiB ?? memoryMiB) * 256),
    onDemand = populated < ramFrames;
  let index = DOMAIN_0 + 1;
  while (index < MAX_DOMAINS && machine.words[machine.domainEntry({ index }) + DOMAIN.ID] !== 0) index++;
  if (index === MAX_DOMAINS)
    throw new HostError(`This host runs at most ${MAX_DOMAINS - 1} domains. Destroy one first.`);
  const recordFrames = recordBytes(reach, shape, guest?.bytes()) >>> FRAME_SHIFT;
  const tooLittle = (): HostError =>
    new HostError(
      `The host has ${machine.freeFrames >>> 8} MiB free and the guest wants ${populated >>> 8}, and ${Math.ceil(recordFrames / 256)} for what the host keeps of it. Destroy another domain or give this one less.`,
    );
  if (machine.freeFrames < recordFrames + populated) throw tooLittle();
  const records = machine.allocateRun(recordFrames, DOMID_XEN);
  if (records < 0) throw tooLittle();
  const id = Atomics.add(machine.words, XENHEAP.LAST_DOMAIN, 1) + 1;
  const atOnce = onDemand ? FRAMES_AT_ONCE : ramFrames;
  const ram = machine.allocate(atOnce, id);
  if (!ram) {
    for (let i = 0; i < recordFrames; i++) machine.release(records + i);
    throw tooLittle();
  }
  const entry = placeRecords(machine, index, records, reach, shape);
  const { words } = machine;
  words[entry + DOMAIN.RAM_FRAMES] = ramFrames;
  words[entry + DOMAIN.LOW_FRAMES] = layout.lowFrames;
  const stage = machine.secondStage(machine.domain(index));
  let hole = 0;
  for (let n = 0; n < atOnce; n++) {
    if (guest?.ram === 'typed') {
      // Its page tables hold machine frame numbers: the second stage only says which are its own.
      stage.map(ram[n], ram[n]);
      words[machine.m2p + ram[n]] = n;
    } else if (n < 0xa0 || n >= 0xc0 || guest?.ram === 'flat') stage.map(ramGfn(layout, n), ram[n]);
    // What the hole takes from the RAM is given back, as the 640-KiB PC does not have it either.
    else if (machine.release(ram[n])) hole++;
  }
  guest?.populated(machine, words[entry + DOMAIN.GUEST], atOnce - hole);
  Atomics.store(words, entry + DOMAIN.ID, id + 1);
  const record = machine.domain(index);
  if (onDemand && !guest?.populateOnDemand(machine, record, atOnce, ramFrames, populated - atOnce)) {
    destroyDomain(machine, record);
    throw tooLittle();
  }
  return record;
}

/** Domains have ids above `last` from now on. */
export function skipIds(machine: Machine, last: number): void {
  machine.words[XENHEAP.LAST_DOMAIN] = Math.max(last, machine.words[XENHEAP.LAST_DOMAIN]);
}

/** Domain 0's record, made at the first call: a mailbox and what its hypervisor keeps of it, no RAM. @throws HostError */
export function domain0(machine: Machine, guest: GuestRecords): DomainRecord {
  know(machine, guest);
  if (machine.words[machine.domainEntry({ index: DOMAIN_0 }) + DOMAIN.ID] === 0) {
    const records = machine.allocateRun(recordBytes(0, {}, guest.bytes()) >>> FRAME_SHIFT, DOMID_XEN);
    if (records < 0) throw new HostError('The host has too little memory for Domain 0.');
    const entry = placeRecords(machine, DOMAIN_0, records, 0, { guest });
    Atomics.store(machine.words, entry + DOMAIN.ID, DOMAIN_0 + 1);
  }
  return machine.domain(DOMAIN_0);
}

/** Lays a domain's records out in the (zeroed) frames from `first`; returns the index of its entry in the domain table. */
function placeRecords(machine: Machine, index: number, first: number, p2mFrames: number, shape: DomainShape): number {
  const { words } = machine;
  const entry = machine.domainEntry({ index });
  const { vcpus = 1, guest } = shape;
  let offset = first * FRAME_BYTES;
  words[entry + DOMAIN.RECORDS] = offset;
  words[entry + DOMAIN.RECORD_FRAMES] = recordBytes(p2mFrames, shape, guest?.bytes()) >>> FRAME_SHIFT;
  words[entry + DOMAIN.P2M_FRAMES] = p2mFrames;
  words[entry + DOMAIN.VCPUS] = vcpus;
  words[entry + DOMAIN.ONLINE_VCPUS] = shape.onlineVcpus ?? vcpus;
  const place = (field: number, bytes: number): void => {
    words[entry + field] = offset;
    offset += wholeFrames(bytes);
  };
  place(DOMAIN.COUNTERS, COUNTER_WORDS * 4);
  place(DOMAIN.VCPU, vcpus * VCPU_BYTES);
  words[entry + DOMAIN.LIVE] = words[entry + DOMAIN.VCPU];
  if (vcpus > 1) place(DOMAIN.LIVE, STATE_WORDS * 4);
  place(DOMAIN.MAILBOX, MAILBOX_BYTES);
  place(DOMAIN.TRACE, DOMAIN_TRACE_BYTES);
  place(DOMAIN.SCREEN, SCREEN_BYTES);
  const { cards = 0 } = shape;
  words[entry + DOMAIN.WIRES] = cards;
  if (cards > 0) place(DOMAIN.WIRE, cards * WIRE_BYTES);
  if (shape.drives) place(DOMAIN.DRIVES, DRIVE_QUEUE_BYTES);
  place(DOMAIN.P2M, wholeFrames(p2mFrames * 4) + p2mParts(p2mFrames));
  if (shape.shadowFrames) {
    place(DOMAIN.SHADOW, shape.shadowFrames * FRAME_BYTES);
    words[entry + DOMAIN.SHADOW_FRAMES] = shape.shadowFrames;
  }
  if (guest) {
    words[entry + DOMAIN.INTERFACE] = guest.number;
    words[entry + DOMAIN.TYPED] = guest.ram === 'typed' ? 1 : 0;
    words[entry + DOMAIN.GUEST] = offset;
    guest.place(machine, offset, vcpus);
  }
  return entry;
}

/** Gives the RAM of a domain that runs no more back; its records stay, so that one can look at what it was. */
export function releaseRam(machine: Machine, record: DomainRecord): void {
  for (const holder of holdersOf(machine, record)) holder.release?.(machine, record);
  const table = record.p2mOffset >>> FRAME_SHIFT;
  for (let i = 0; i * (FRAME_BYTES / 4) < record.p2mFrames; i++) machine.scrub(table + i);
  // By owner: a ROM lies at two addresses, RAM behind it and a frame buffer may lie at none.
  for (let mfn = 0; mfn < machine.frames; mfn++) if (machine.ownerOf(mfn) === record.id) machine.release(mfn);
}

/**
 * Ends a domain that runs no more: RAM, records and its entry in the domain table. False: others still hold references on its frames; then it stays
 * listed, dying, until a later call finds them gone. `held`: references of Domain 0's programs by machine frame, where its worker has died.
 */
export function destroyDomain(
  machine: Machine,
  record: DomainRecord,
  held: ReadonlyMap<number, number> = new Map(),
): boolean {
  const entry = machine.domainEntry(record);
  if (machine.words[entry + DOMAIN.ID] !== record.id + 1) return true;
  Atomics.store(machine.words, entry + DOMAIN.DYING, 1);
  const dead = machine.isWorkerDead(record.index);
  if (dead) keepFrames(machine, record);
  for (const holder of holdersOf(machine, record)) holder.detach?.(machine, record);
  releaseRam(machine, record);
  if (dead) recountFrames(machine, record, held);
  for (const holder of holdersOf(machine, record)) if (holder.close?.(machine, record) === false) return false;
  for (let mfn = 0; mfn < machine.frames; mfn++) if (machine.ownerOf(mfn) === record.id) return false;
  for (let i = 0; i < machine.words[entry + DOMAIN.PIXEL_FRAMES]; i++)
    machine.release(machine.words[entry + DOMAIN.PIXELS] + i);
  const first = machine.words[entry + DOMAIN.RECORDS] >>> FRAME_SHIFT;
  for (let i = 0; i < machine.words[entry + DOMAIN.RECORD_FRAMES]; i++) machine.release(first + i);
  releaseTakenBy(machine, record.index);
  for (let i = DOMAIN_WORDS - 1; i >= 0; i--) Atomics.store(machine.words, entry + i, 0);
  return true;
}
