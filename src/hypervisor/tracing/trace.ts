/**
 * What a domain does, event by event, for those who look: a ring in machine memory, in the spirit of xentrace. Its worker writes while anybody watches
 * (WATCHERS is not 0); readers (view/trace.ts) keep their own place and see by WRITTEN what they missed.
 */
import { DOMAIN_TRACE, TRACE_ENTRY, TRACE_RING_ENTRIES, TRACE_RING_WORDS } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import { put64 } from '../memory/words.ts';

export const TRACE_KIND = {
  /**
   * An exit: its reason, instruction pointer, qualification; next to them what it was about (view/vcpu-view.ts, LastExit), its time in nanoseconds, the guest's CR3, and of
   * its time what passed until a device or a hypercall was asked and until it had answered.
   */
  EXIT: 1,
  /** A hypercall: its number, first argument, result. */
  HYPERCALL: 2,
  /** A vCPU is notified of events. */
  UPCALL: 3,
  /** A vCPU's runstate changed: RUNSTATE. Who had which slot and why is in the run queue (view/scheduler.ts). */
  RUNSTATE: 4,
  /** An event sent: its port, the domain at the other end (-1: itself). */
  EVENT: 5,
  /** An element of a grant table operation: the operation, the reference or handle that it names, its status. */
  GRANT: 6,
  /** A request to the device model: guest-physical address or port, 1 where it is a port, 1 where it writes. */
  IOREQ: 7,
  /** An exception that the hypervisor gives to a vCPU, or gets of a paravirtual one: its vector, instruction pointer, error code or faulting address. */
  FAULT: 8,
  /** A block request or a packet at a place on its way: its number, and the words of the IO_HOP (io-trace.ts). The hop has the vCPU's place. */
  IO: 9,
} as const;

/** In the place of an exit's time: it was not taken. */
export const NO_TIME = -1;

/** Hears a record as it is written: its kind, vCPU, and the three words. */
export type Heard = (kind: number, vcpu: number, a: number, b: number, c: number) => void;

/** The writer's side; one per domain, in its worker. */
export class Trace {
  private readonly words: Int32Array;
  private readonly base: number;
  private readonly nowNs: () => number;
  /** Index of the words of the exit that is under way; -1: there is none. */
  private exitAt = -1;
  private heard: Heard | undefined;

  constructor(machine: Machine, record: DomainRecord, nowNs: () => number) {
    this.words = machine.words;
    this.base = record.traceOffset >>> 2;
    this.nowNs = nowNs;
  }

  /** Somebody watches: looked at before anything is put together for `add`. */
  get on(): boolean {
    return this.words[this.base + DOMAIN_TRACE.WATCHERS] !== 0;
  }

  /** From now on `heard` hears each record, which is written then though nobody else watches; undefined: nobody does. */
  hear(heard: Heard | undefined): void {
    const more = Number(heard !== undefined) - Number(this.heard !== undefined);
    this.heard = heard;
    Atomics.add(this.words, this.base + DOMAIN_TRACE.WATCHERS, more);
  }

  add(kind: number, vcpu: number, a: number, b = 0, c = 0): void {
    const { words, base } = this;
    const written = words[base + DOMAIN_TRACE.WRITTEN];
    const at = base + DOMAIN_TRACE.RING + (written & (TRACE_RING_ENTRIES - 1)) * TRACE_RING_WORDS;
    words[at + TRACE_ENTRY.KIND] = kind | (vcpu << 8);
    put64(words, at + TRACE_ENTRY.NS, Math.floor(this.nowNs()));
    put64(words, at + TRACE_ENTRY.DETAILS, a);
    put64(words, at + TRACE_ENTRY.DETAILS + 2, b);
    put64(words, at + TRACE_ENTRY.DETAILS + 4, c);
    put64(words, at + TRACE_ENTRY.ABOUT, 0);
    put64(words, at + TRACE_ENTRY.CR3, 0);
    words[at + TRACE_ENTRY.EXIT_NS] = words[at + TRACE_ENTRY.BEFORE_NS] = words[at + TRACE_ENTRY.ANSWER_NS] = NO_TIME;
    // A long multicall goes round the ring: what was begun there is gone.
    if (at === this.exitAt) this.exitAt = -1;
    Atomics.store(words, base + DOMAIN_TRACE.WRITTEN, (written + 1) | 0);
    this.heard?.(kind, vcpu, a, b, c);
  }

  /** An exit that begins; what it was about and how long it took come while it is handled. */
  beginExit(vcpu: number, reason: number, ip: number, qualification: number, cr3: number): void {
    const { words, base } = this;
    const at =
      base + DOMAIN_TRACE.RING + (words[base + DOMAIN_TRACE.WRITTEN] & (TRACE_RING_ENTRIES - 1)) * TRACE_RING_WORDS;
    this.add(TRACE_KIND.EXIT, vcpu, reason, ip, qualification);
    put64(words, at + TRACE_ENTRY.CR3, cr3);
    this.exitAt = at;
  }

  /** What the exit that is under way is about. */
  detail(detail: number): void {
    if (this.exitAt >= 0) put64(this.words, this.exitAt + TRACE_ENTRY.ABOUT, detail);
  }

  /** The exit that is under way has ended. `beforeNs`, `answerNs`: NO_TIME where nobody was asked. */
  endExit(ns: number, beforeNs = NO_TIME, answerNs = NO_TIME): void {
    const { words, exitAt } = this;
    this.exitAt = -1;
    if (exitAt < 0) return;
    words[exitAt + TRACE_ENTRY.EXIT_NS] = ns;
    words[exitAt + TRACE_ENTRY.BEFORE_NS] = beforeNs;
    words[exitAt + TRACE_ENTRY.ANSWER_NS] = answerNs;
  }
}
