/**
 * How a domain's worker is reached while it runs or sleeps: a ring of verbs in machine memory (message-ring.ts), and a doorbell that ends its slice or its sleep.
 * One worker writes, Domain 0's; the domain's reads. Nothing here waits: a writer that finds no room tries again later.
 */
import { MAILBOX, MAILBOX_RING_BYTES } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import { VERBS } from '../verbs/index.ts';
import type { Verbs } from '../verbs/verb.ts';
import { ringDoorbell } from './doorbell.ts';
import { MESSAGE_HEAD_BYTES, MessageRing } from './message-ring.ts';

/** A verb that came, with its arguments; of one whose arguments come as a message: without them. */
export interface Sent {
  name: string;
  given: readonly unknown[];
}

/** A verb as it goes through the ring: its place in the table, and its arguments. */
export interface VerbMessage {
  verb: number;
  bytes: Uint8Array;
}

/** Bytes of one verb's argument that go at once. */
const PART_BYTES = 1024;

const partsOf = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / PART_BYTES) }, (_, i) =>
    bytes.slice(i * PART_BYTES, (i + 1) * PART_BYTES),
  );

const isGiven = (argument: unknown): boolean => argument !== undefined;

export class Mailbox {
  private readonly machine: Machine;
  private readonly record: DomainRecord;
  private readonly verbs: Verbs;
  private readonly names: readonly string[];
  private readonly words: Int32Array;
  private readonly ring: MessageRing;
  /** Index of the doorbell in an Int32Array over machine memory. */
  readonly doorbell: number;

  /** `verbs`: the same at both ends. */
  constructor(machine: Machine, record: DomainRecord, verbs: Verbs = VERBS) {
    this.machine = machine;
    this.record = record;
    this.verbs = verbs;
    this.names = Object.keys(verbs);
    const { words, bytes } = machine;
    const base = record.mailboxOffset >>> 2;
    this.words = words;
    this.ring = new MessageRing({
      words,
      bytes,
      written: base + MAILBOX.WRITTEN,
      read: base + MAILBOX.READ,
      data: record.mailboxOffset + MAILBOX.RING * 4,
      size: MAILBOX_RING_BYTES,
    });
    this.doorbell = base + MAILBOX.DOORBELL;
  }

  // Domain 0.

  /** Messages that say this, for `post`; of bytes several, which the domain takes as one after another. @throws Error where it is too long for any ring */
  messages(name: string, given: readonly unknown[]): VerbMessage[] {
    const { by } = this.verbs[name];
    const verb = this.names.indexOf(name);
    if (by === 'message') return [{ verb, bytes: new Uint8Array(0) }];
    if (by === 'bytes') return partsOf(given[0] as Uint8Array).map(bytes => ({ verb, bytes }));
    // JSON has no undefined: an argument that is left out at the end would come as null, for which no default is taken.
    const bytes = new TextEncoder().encode(JSON.stringify(given.slice(0, 1 + given.findLastIndex(isGiven))));
    if (bytes.length > MAILBOX_RING_BYTES - MESSAGE_HEAD_BYTES)
      throw new Error(`${name}: ${bytes.length} bytes of arguments are too long for a domain's mailbox.`);
    return [{ verb, bytes }];
  }

  /** False: there is no room for this message now. */
  post({ verb, bytes }: VerbMessage): boolean {
    if (!this.ring.put(bytes, verb)) return false;
    ringDoorbell(this.machine, this.record);
    return true;
  }

  // The domain's worker.

  get doorbellValue(): number {
    return Atomics.load(this.words, this.doorbell);
  }

  /** There is something to take. */
  get hasVerbs(): boolean {
    return !this.ring.isEmpty;
  }

  /** Takes the next verb; undefined: there is none. The ring's content is another worker's word. */
  take(): Sent | undefined {
    for (let bytes = this.ring.take(); bytes; bytes = this.ring.take()) {
      const name = this.names[this.ring.tag];
      const given = name === undefined ? undefined : this.given(name, bytes);
      if (given) return { name, given };
    }
    return undefined;
  }

  private given(name: string, payload: Uint8Array): unknown[] | undefined {
    const { by } = this.verbs[name];
    if (by !== undefined) return by === 'bytes' ? [payload] : [];
    try {
      const given: unknown = JSON.parse(new TextDecoder().decode(payload));
      return Array.isArray(given) ? given : undefined;
    } catch {
      return undefined;
    }
  }

  /** Looks for a ring after `seen` was read without sleeping: true if one came within `looks`, some nanoseconds each. */
  watch(seen: number, looks: number): boolean {
    for (let i = 0; i < looks; i++) if (Atomics.load(this.words, this.doorbell) !== seen) return true;
    return false;
  }

  /** Sleeps until someone rings after `seen` was read, or for `timeoutMs`. Only where Atomics.wait is allowed: a worker over shared memory. */
  wait(seen: number, timeoutMs: number): void {
    Atomics.wait(this.words, this.doorbell, seen, timeoutMs);
  }
}
