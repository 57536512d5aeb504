/**
 * What one request to a disk took: each exit of its guest, each time that the guest gave its processor away, each copy of the data, in the order of the records
 * that guest and Domain 0 wrote about it. It is known of a guest that does nothing else meanwhile: nothing that is between belongs to anybody else.
 */
import { ExitReason } from '../../../cpu/architecture/index.ts';
import { DOMAIN_0 } from '../../../hypervisor/memory/index.ts';
import { RUNSTATE } from '../../../hypervisor/interfaces/xen/index.ts';
import { IO_HOP, TRACE_KIND } from '../../../hypervisor/tracing/index.ts';
import type { MachineView, TraceEntry } from '../../../hypervisor/view/index.ts';
import { causeIn, type ExitsOf, groupedExits, type Hop, hopOf } from './follow.ts';

/** One thing that its guest did, or that was done with it. */
export type Crossing =
  /** It left its code and came back; `port` of an I/O instruction, which `reads` or writes; `forModel`: the device model was asked. */
  | { kind: 'exit'; reason: number; port?: number; reads?: boolean; forModel?: true; hypercall?: number }
  /** It notified another domain, by its port. */
  | { kind: 'event'; port: number }
  /** Its vCPU gave its processor away, and got it back. */
  | { kind: 'away' | 'back' };

/** A copy that a processor made of the data: from the image's bytes, or from the drive's buffer. */
export interface Copy {
  from: 'image' | 'drive';
  to: 'drive' | 'guest';
  bytes: number;
}

export interface Crossings {
  /** Bytes of data. */
  bytes: number;
  /** Through a ring, or by the registers of an emulated drive. */
  way: 'ring' | 'drive';
  order: Crossing[];
  exits: ExitsOf[];
  /** Hypercalls among the exits. */
  hypercalls: number;
  /** Requests to the device model. */
  modelRequests: number;
  /** Events to Domain 0. */
  events: number;
  /** How often the guest's vCPU gave its processor away or got it back. */
  switches: number;
  /** Calls of what this program runs on, for a part of a file: of the operating system below it, or the browser. */
  calls: number;
  copies: Copy[];
  /** The first error of the medium; 0: there was none. */
  status: number;
}

/** The exits that are the host's business, whatever a guest does: a slice ends. */
const isHosts = ({ kind, details: [reason] }: TraceEntry): boolean =>
  kind === TRACE_KIND.EXIT && (reason === ExitReason.EXTERNAL_INTERRUPT || reason === ExitReason.PREEMPTION_TIMER);
const isExit = (entry: TraceEntry): boolean => entry.kind === TRACE_KIND.EXIT && !isHosts(entry);
/** Of a qualification: it reads (SDM vol. 3, table 28-5). */
const IO_IN = 8,
  IO_PORT_SHIFT = 16;
/** Of a request, that is: not of the guest's console, by COM1 to COM4, which says what is done for nobody's request. */
const isPortAccess = (entry: TraceEntry): boolean =>
  isExit(entry) &&
  entry.details[0] === ExitReason.IO &&
  !SERIAL_PORTS.has((entry.details[2] >>> IO_PORT_SHIFT) & ~SERIAL_MASK);
const SERIAL_PORTS: ReadonlySet<number> = new Set([0x3f8, 0x2f8, 0x3e8, 0x2e8]),
  SERIAL_MASK = 7;
/** From the first record of the guest that is about the request to the one behind the last; undefined: that one has not come yet. */
function spanOf(guest: readonly TraceEntry[], cause: number, isRing: boolean): [from: number, to: number] | undefined {
  let from = cause,
    to = cause + 1;
  if (isRing) while (from > 0 && !isExit(guest[from]!)) from--;
  else
    for (let i = cause; i >= 0 && (isPortAccess(guest[i]!) || !endsAccesses(guest[i]!)); i--)
      if (isPortAccess(guest[i]!)) from = i;
  for (; to < guest.length; to++) {
    const entry = guest[to]!;
    if (isRing ? isExit(entry) && !waits(guest, to) : endsAccesses(entry)) return [from, to];
  }
  return undefined;
}

/** What no driver does between two accesses to the registers of a drive. */
const endsAccesses = (entry: TraceEntry): boolean =>
  (isExit(entry) && !isPortAccess(entry)) || entry.kind === TRACE_KIND.HYPERCALL || entry.kind === TRACE_KIND.EVENT;

/** In this exit the guest gave its processor away, without having notified anybody before. */
function waits(guest: readonly TraceEntry[], at: number): boolean {
  for (const entry of guest.slice(at + 1)) {
    if (isExit(entry) || entry.kind === TRACE_KIND.EVENT) return false;
    if (entry.kind === TRACE_KIND.RUNSTATE) return entry.details[0] !== RUNSTATE.RUNNING;
  }
  return false;
}

/** The request of these hops, from all records of its guest since before it; undefined: it is not over yet. */
export function crossingsOf(guest: readonly TraceEntry[], hops: readonly Hop[]): Crossings | undefined {
  const told = hops.find(({ hop }) => hop === IO_HOP.EXIT),
    done = hops.find(({ hop }) => hop === IO_HOP.DONE),
    cause = told && causeIn(guest, told);
  if (!told || !done || !cause) return undefined;
  const isRing = told.details[0] >= 0,
    span = spanOf(guest, guest.indexOf(cause), isRing);
  if (!span) return undefined;
  const entries = guest.slice(...span).filter(entry => !isHosts(entry)),
    order = orderOf(entries),
    count = (kind: Crossing['kind']): number => order.filter(each => each.kind === kind).length,
    of = (hop: number): Hop | undefined => hops.find(each => each.hop === hop),
    [bytes, isGuests] = of(IO_HOP.DATA)?.details ?? [0, 1];
  return {
    bytes,
    way: isRing ? 'ring' : 'drive',
    order,
    exits: groupedExits(entries.filter(isExit)),
    hypercalls: entries.filter(({ kind }) => kind === TRACE_KIND.HYPERCALL).length,
    modelRequests: entries.filter(({ kind }) => kind === TRACE_KIND.IOREQ).length,
    events: count('event'),
    switches: count('away') + count('back'),
    calls: hops.filter(({ hop }) => hop === IO_HOP.FILE).length,
    copies: [
      ...(of(IO_HOP.IMAGE) ? [{ from: 'image', to: isGuests ? 'guest' : 'drive', bytes } as const] : []),
      ...(isGuests ? [] : [{ from: 'drive', to: 'guest', bytes } as const]),
    ],
    status: done.details[0],
  };
}

/** A guest's records as crossings: what an exit led to follows it in the trace. */
function orderOf(entries: readonly TraceEntry[]): Crossing[] {
  const order: Crossing[] = [];
  for (const { kind, details } of entries) {
    const exit = order.findLast(each => each.kind === 'exit');
    switch (kind) {
      case TRACE_KIND.EXIT: {
        const [reason, , qualification] = details;
        const io =
          reason === ExitReason.IO
            ? { port: qualification >>> IO_PORT_SHIFT, reads: (qualification & IO_IN) !== 0 }
            : {};
        order.push({ kind: 'exit', reason, ...io });
        break;
      }
      case TRACE_KIND.IOREQ:
        if (exit) exit.forModel = true;
        break;
      case TRACE_KIND.HYPERCALL:
        if (exit) exit.hypercall = details[0];
        break;
      case TRACE_KIND.EVENT:
        order.push({ kind: 'event', port: details[0] });
        break;
      case TRACE_KIND.RUNSTATE: {
        const isBack = details[0] === RUNSTATE.RUNNING,
          isAway = order.findLast(each => each.kind === 'away' || each.kind === 'back')?.kind === 'away';
        // Runnable behind blocked is no other processor, and a slice that goes on is none.
        if (isBack === isAway) order.push({ kind: isBack ? 'back' : 'away' });
        break;
      }
    }
  }
  return order;
}

/** Watches a guest and Domain 0 until the guest's first request is over. */
export class CrossingsWatch {
  private readonly readers;
  private readonly guest: TraceEntry[] = [];
  private readonly hops = new Map<number, Hop[]>();
  private readonly id: number;
  /** Records that were overwritten before they were read. */
  missed = 0;

  constructor(view: MachineView, id: number) {
    this.id = id;
    this.readers = view
      .domains()
      .filter(domain => domain.id === id || domain.id === DOMAIN_0)
      .map(domain => ({ domid: domain.id, reader: domain.watch() }));
  }

  /** Reads what came since the last call. */
  read(): void {
    for (const { domid, reader } of this.readers) {
      const { entries, missed } = reader.take();
      this.missed += missed;
      for (const entry of entries)
        if (entry.kind === TRACE_KIND.IO) {
          const [number] = entry.details;
          this.hops.set(number, [...(this.hops.get(number) ?? []), hopOf(domid, entry)]);
        } else if (domid === this.id) this.guest.push(entry);
    }
  }

  /** Undefined: none is over yet. */
  first(): Crossings | undefined {
    for (const hops of this.hops.values()) {
      const crossings = hops.some(({ domid }) => domid === this.id) && crossingsOf(this.guest, hops);
      if (crossings) return crossings;
    }
    return undefined;
  }

  close(): void {
    for (const { reader } of this.readers) reader.close();
  }
}
