/**
 * Block requests and packets on their way, from the records that workers write while somebody watches (hypervisor/tracing/io-trace.ts): what belongs to one
 * number is put together, and put into words.
 */
import { ExitReason, IO_REP, IO_SIZE_MASK } from '../../../cpu/architecture/index.ts';
import { DOMAIN_0 } from '../../../hypervisor/memory/index.ts';
import { IO_HOP, IO_OP, TRACE_KIND } from '../../../hypervisor/tracing/index.ts';
import { exitName } from '../../../hypervisor/index.ts';
import type { MachineView, TraceEntry } from '../../../hypervisor/view/index.ts';

/** What the numbers of records represent. */
export interface Names {
  /** Of a domain, as `web (3)`. */
  domain(domid: number): string;
  /** Of a disk of a domain's PV drivers, by the number of its device. */
  disk(domid: number, devid: number): string;
  volume(index: number): string;
  bridgePort(number: number): string;
}

/** A place that a request has passed, and when on the clock of who wrote it. */
export interface Hop {
  hop: number;
  /** Whose request it is there; 0: that is not known. */
  domid: number;
  /** In whose trace it is: guests and Domain 0 have clocks of their own. */
  writer: number;
  ns: number;
  details: [a: number, b: number];
  /** IO_HOP.EXIT: what announced it. */
  cause?: TraceEntry;
}

/** Exits of one kind: the reason, and of an I/O instruction the port. */
export interface ExitsOf {
  reason: number;
  port?: number;
  count: number;
  /** Of I/O instructions: what they carried. */
  bytes?: number;
}

export interface Followed {
  number: number;
  hops: Hop[];
  /** Exits of its domain from the notification of the request before it, or since it is watched, to its own; absent: records of them are missing. */
  exits?: ExitsOf[];
  /** It was answered. */
  isDone: boolean;
}

/** Requests that are kept: the oldest go where more come. */
export const MOST_REQUESTS = 4096;
/** Events and requests to device models that are kept of a domain, to find what announced a request; and exits, to count those that it took. */
const MOST_CAUSES = 2048,
  MOST_EXITS = 16_384;
/** Of an I/O instruction's qualification: where the port is (SDM vol. 3, table 28-5). */
const IO_PORT_SHIFT = 16;

/** What announced a request (IO_HOP.EXIT): the last event on the port, or request to the device model, before this many records were written. */
export const causeIn = (entries: readonly TraceEntry[], { details: [port, written] }: Hop): TraceEntry | undefined =>
  entries.findLast(
    ({ kind, sequence, details }) =>
      ((written - sequence) | 0) > 0 &&
      (port < 0 ? kind === TRACE_KIND.IOREQ : kind === TRACE_KIND.EVENT && details[0] === port),
  );

/** Exits by their reasons and ports, the most first. */
export function groupedExits(exits: readonly TraceEntry[]): ExitsOf[] {
  const counts = new Map<string, ExitsOf>();
  for (const {
    details: [reason, , qualification],
    exit,
  } of exits) {
    const isIo = reason === ExitReason.IO,
      port = isIo ? { port: qualification >>> IO_PORT_SHIFT } : {},
      key = `${reason} ${port.port}`;
    const counted = counts.get(key) ?? { reason, ...port, count: 0, ...(isIo ? { bytes: 0 } : {}) };
    counted.count++;
    if (isIo) counted.bytes! += qualification & IO_REP ? (exit?.detail ?? 0) : (qualification & IO_SIZE_MASK) + 1;
    counts.set(key, counted);
  }
  return [...counts.values()].sort((one, other) => other.count - one.count);
}

/** What an IO record represents. */
export const hopOf = (writer: number, { vcpu, ns, details: [, a, b] }: TraceEntry): Hop => ({
  hop: vcpu & 0xff,
  domid: vcpu >>> 8,
  writer,
  ns,
  details: [a, b],
});

/** Watches a domain, with what Domain 0 does for it, or all of them, until it is closed. */
export class Follower {
  private readonly readers: {
    domid: number;
    reader: ReturnType<ReturnType<MachineView['domains']>[number]['watch']>;
  }[];
  private readonly causes = new Map<number, TraceEntry[]>();
  private readonly requests = new Map<number, Followed>();
  /** Of each domain: its exits since the last notification of a request, and whether all of them are there. */
  private readonly exits = new Map<number, { entries: TraceEntry[]; areAll: boolean }>();
  /** Records that were overwritten before they were read. */
  missed = 0;

  /** `only`: what others ask for meanwhile is not followed, and leaves room in Domain 0's trace. */
  constructor(view: MachineView, only?: number) {
    const domains = view.domains().filter(({ id }) => only === undefined || id === only || id === DOMAIN_0);
    this.readers = domains.map(domain => ({ domid: domain.id, reader: domain.watch() }));
    for (const { id } of domains) this.exits.set(id, { entries: [], areAll: true });
  }

  /** Reads what came since the last call. Guests' records come first: a request's notification was written before Domain 0 saw it. */
  read(): void {
    // Domain 0's are copied before the others', so that nothing is in them whose cause is not there yet.
    const batches = [...this.readers]
      .sort((a, b) => a.domid - b.domid)
      .map(({ domid, reader }) => ({ domid, ...reader.take() }));
    for (const { domid, entries, missed } of batches.reverse()) {
      this.missed += missed;
      this.keepExits(domid, entries, missed > 0);
      for (const entry of entries)
        if (entry.kind === TRACE_KIND.EVENT || entry.kind === TRACE_KIND.IOREQ) this.keepCause(domid, entry);
    }
    for (const { domid, entries } of batches)
      for (const entry of entries) if (entry.kind === TRACE_KIND.IO) this.take(domid, entry);
  }

  private keepExits(domid: number, entries: readonly TraceEntry[], isGap: boolean): void {
    const kept = this.exits.get(domid) ?? { entries: [], areAll: false };
    for (const entry of entries) if (entry.kind === TRACE_KIND.EXIT) kept.entries.push(entry);
    const isFull = kept.entries.length > MOST_EXITS;
    if (isFull) kept.entries.splice(0, MOST_EXITS / 2);
    this.exits.set(domid, { entries: kept.entries, areAll: kept.areAll && !isGap && !isFull });
  }

  /** Takes the exits up to a request's notification. Undefined: some were not seen. */
  private exitsUntil(domid: number, { sequence }: TraceEntry): ExitsOf[] | undefined {
    const kept = this.exits.get(domid) ?? { entries: [], areAll: false };
    const later = kept.entries.findIndex(each => ((each.sequence - sequence) | 0) > 0),
      count = later < 0 ? kept.entries.length : later;
    const taken = kept.entries.splice(0, count);
    this.exits.set(domid, { entries: kept.entries, areAll: true });
    if (!kept.areAll) return undefined;
    return groupedExits(taken);
  }

  private keepCause(domid: number, entry: TraceEntry): void {
    const kept = this.causes.get(domid) ?? [];
    kept.push(entry);
    if (kept.length > MOST_CAUSES) kept.splice(0, MOST_CAUSES / 2);
    this.causes.set(domid, kept);
  }

  private take(writer: number, entry: TraceEntry): void {
    const [number] = entry.details,
      hop = hopOf(writer, entry);
    const request = this.requests.get(number) ?? { number, hops: [], isDone: false };
    if (!this.requests.has(number)) {
      this.requests.set(number, request);
      if (this.requests.size > MOST_REQUESTS) this.requests.delete(this.requests.keys().next().value as number);
    }
    if (hop.hop === IO_HOP.EXIT) {
      const cause = this.causeOf(hop);
      if (cause) hop.cause = cause;
      // One that the back end found by itself took no exit.
      const exits = cause ? this.exitsUntil(hop.domid, cause) : [];
      if (exits) request.exits = exits;
    }
    request.hops.push(hop);
    request.isDone ||= hop.hop === IO_HOP.DONE;
  }

  private causeOf(hop: Hop): TraceEntry | undefined {
    return causeIn(this.causes.get(hop.domid) ?? [], hop);
  }

  /** The requests of a domain (undefined: of all) that were seen first, at most this many. */
  private first(most: number, domid?: number): Followed[] {
    const found: Followed[] = [];
    for (const request of this.requests.values()) {
      if (found.length >= most) break;
      if (domid === undefined || request.hops.some(hop => hop.domid === domid)) found.push(request);
    }
    return found;
  }

  /** How far those have come that `list` would give: the places that they have passed. Cheap next to it: for each look. */
  progress(most: number, domid?: number): { begun: number; done: number; places: number } {
    const found = this.first(most, domid);
    return {
      begun: found.length,
      done: found.filter(({ isDone }) => isDone).length,
      places: found.reduce((sum, { hops }) => sum + hops.length, 0),
    };
  }

  /**
   * The requests of a domain (undefined: of all) that were seen first, at most this many, in the order of their numbers; each with its places in the order in
   * which it passed them.
   */
  list(domid?: number, most = MOST_REQUESTS): Followed[] {
    return this.first(most, domid)
      .map(request => ({ ...request, hops: inOrder(request.hops) }))
      .sort((a, b) => a.number - b.number);
  }

  close(): void {
    for (const { reader } of this.readers) reader.close();
  }
}

/** Each worker's records are in order; an emulated card that sends writes before the bridge, and one that receives after it. */
function inOrder(hops: readonly Hop[]): Hop[] {
  const isBefore = ({ hop, details: [, sends] }: Hop): boolean =>
    hop === IO_HOP.VIRTQUEUE || (hop === IO_HOP.CARD && sends === 1);
  const sending = hops.find(isBefore);
  const isSending = (hop: Hop): boolean =>
    sending !== undefined && hop.domid === sending.domid && (isBefore(hop) || hop.hop === IO_HOP.EXIT);
  const isReceiving = ({ hop, details: [, sends] }: Hop): boolean => hop === IO_HOP.CARD && sends === 0;
  return [
    ...hops.filter(isSending),
    ...hops.filter(hop => !isSending(hop) && !isReceiving(hop)),
    ...hops.filter(isReceiving),
  ];
}

const OP_NAMES: Readonly<Record<number, string>> = {
  [IO_OP.READ]: 'read',
  [IO_OP.WRITE]: 'write',
  [IO_OP.FLUSH]: 'flush',
  [IO_OP.DISCARD]: 'discard',
};
const DRIVES = 'hda hdb hdc hdd fda fdb vda vdb vdc vdd vde vdf vdg vdh'.split(' ');
const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
const sectors = (count: number): string => `${count} sector${count === 1 ? '' : 's'}`;

/** What announced a request to the host. */
function causeText({ details: [port], cause }: Hop): string {
  if (!cause) return port < 0 ? 'a request to the device model' : `port ${port}: the back end was at work already`;
  const where = `vCPU ${cause.vcpu}`;
  if (cause.kind === TRACE_KIND.EVENT) return `${where}: hypercall, EVTCHNOP_send on port ${port}`;
  const [address, isPort, isWrite] = cause.details;
  return `${where}: ${isPort ? 'I/O instruction' : 'EPT violation'}, ${isWrite ? 'writes' : 'reads'} ${isPort ? 'port' : 'address'} ${hex(address)}`;
}

/** A place in words: its name, and what happened there. */
function hopText(each: Hop, names: Names): [place: string, what: string] {
  const {
    hop,
    domid,
    details: [a, b],
  } = each;
  switch (hop) {
    case IO_HOP.EXIT:
      return ['exit', causeText(each)];
    case IO_HOP.FRONT_END:
      return ['front end', `${names.domain(domid)}, slot ${b} of its ring, id ${a}`];
    case IO_HOP.VIRTQUEUE:
      return ['virtqueue', `${names.domain(domid)}, ${b < 0 ? '' : `place ${b} of its ring, `}descriptor ${a}`];
    case IO_HOP.DRIVE:
      return ['device model', `${names.domain(domid)}, ${DRIVES[a] ?? a}: ${OP_NAMES[b]}`];
    case IO_HOP.DISK_BACK_END:
      return ['back end', `vbd ${a} (${names.disk(domid, a)}): ${OP_NAMES[b]}`];
    case IO_HOP.CARD_BACK_END:
      return ['back end', `vif${domid}.${a}: ${b ? 'from' : 'to'} the guest`];
    case IO_HOP.SECTORS:
      return ['guest disk', `sector ${a >>> 0}, ${sectors(b)}`];
    case IO_HOP.VOLUME:
      return ['volume', `${names.volume(a)}, logical extent ${b}`];
    case IO_HOP.PARTITION:
      return ['partition', `sda${a}, sector ${b >>> 0}`];
    case IO_HOP.DISK:
      return ['disk', `sda, sector ${a >>> 0}, ${sectors(b)}`];
    case IO_HOP.CONTROLLER:
      return ['controller', `command ${hex(a)}, ${sectors(b)}`];
    case IO_HOP.STORED:
      return ['stored', a < 0 ? 'nowhere yet: it reads as zeros' : `disk.data, slot ${a}, sector ${b} in it`];
    case IO_HOP.IMAGE:
      return ['image', `sector ${a >>> 0}${b ? ', as the guest has written it, in memory' : ''}`];
    case IO_HOP.CARD:
      return ['card', `${names.domain(domid)}, ${b ? 'sends' : 'receives'} ${a} bytes`];
    case IO_HOP.PORT_IN:
      return ['bridge', `in by ${names.bridgePort(a)}, ${b} bytes`];
    case IO_HOP.PORT_OUT:
      return ['bridge', `out by ${names.bridgePort(a)}, ${b} bytes`];
    case IO_HOP.DATA:
      return ['data', `${a} bytes, ${b ? 'the guest’s own memory' : 'a buffer of the drive'}`];
    case IO_HOP.FILE:
      return ['file', `${b} bytes from byte ${a} on, of what this program runs on`];
    case IO_HOP.DONE:
      return ['answer', a === 0 ? 'done' : `error ${a}`];
    default:
      return ['?', `${hop}: ${a}, ${b}`];
  }
}

/** A place in words, and microseconds since the request's first record of the same worker. */
export interface Step {
  place: string;
  what: string;
  us: number;
  /** In whose trace it is: a guest's own, or Domain 0's. */
  writer: number;
}

export function stepsOf({ hops }: Followed, names: Names): Step[] {
  const began = new Map<number, number>();
  for (const { writer, ns } of hops) began.set(writer, Math.min(ns, began.get(writer) ?? ns));
  return hops.map(hop => {
    const [place, what] = hopText(hop, names);
    return { place, what, us: (hop.ns - (began.get(hop.writer) ?? hop.ns)) / 1000, writer: hop.writer };
  });
}

/** A request with its places, a line each. */
export function formatFollowed(followed: Followed, names: Names): string {
  const lines = stepsOf(followed, names).map(
    ({ place, what, us }) => `  ${place.padEnd(13)} ${what.padEnd(58)} +${us.toFixed(0)} us`,
  );
  return `request ${followed.number}\n${lines.join('\n')}\n${exitsLine(followed)}`;
}

/** The exits that it took its guest to ask, by reason and port. */
function exitsLine({ exits, hops }: Followed): string {
  if (!hops.some(({ hop }) => hop === IO_HOP.EXIT)) return '';
  if (!exits) return '  exits         not counted: records of them were overwritten before they were read\n';
  const each = exits.map(
    ({ reason, port, count }) => `${count} ${exitName(reason)}${port === undefined ? '' : ` ${hex(port)}`}`,
  );
  return `  exits         ${exits.reduce((sum, { count }) => sum + count, 0)} since the request before it, or the first look${each.length > 0 ? `: ${each.join(', ')}` : ''}\n`;
}
