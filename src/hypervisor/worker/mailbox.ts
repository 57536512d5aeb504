/**
 * How a domain's worker is reached while it runs or sleeps: a ring of verbs in machine memory, and a doorbell that ends its slice or its sleep. One worker
 * writes, Domain 0's; the domain's reads. Nothing here waits: a writer that finds no room tries again later.
 */
import { MAILBOX, MAILBOX_RING_BYTES } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import { VERBS } from '../verbs/index.ts';
import type { Verbs } from '../verbs/verb.ts';
import { ringDoorbell } from './doorbell.ts';

/** A verb that came, with its arguments; of one whose arguments come as a message: without them. */
export interface Sent {
  name: string;
  given: readonly unknown[];
}

/** Of a message in the ring: the verb's place in the table, then bytes that follow, little-endian. */
const HEAD_BYTES = 3;
/** Bytes of one verb's argument that go at once. */
const PART_BYTES = 1024;

export class Mailbox {
  private readonly machine: Machine;
  private readonly record: DomainRecord;
  private readonly verbs: Verbs;
  private readonly names: readonly string[];
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly base: number;
  private readonly ring: number;
  /** Index of the doorbell in an Int32Array over machine memory. */
  readonly doorbell: number;

  /** `verbs`: the same at both ends. */
  constructor(machine: Machine, record: DomainRecord, verbs: Verbs = VERBS) {
    this.machine = machine;
    this.record = record;
    this.verbs = verbs;
    this.names = Object.keys(verbs);
    this.words = machine.words;
    this.bytes = machine.bytes;
    this.base = record.mailboxOffset >>> 2;
    this.ring = record.mailboxOffset + MAILBOX.RING * 4;
    this.doorbell = this.base + MAILBOX.DOORBELL;
  }

  // Domain 0.

  /** Messages that say this, for `post`; of bytes several, which the domain takes as one after another. @throws Error where it is too long for any ring */
  messages(name: string, given: readonly unknown[]): Uint8Array[] {
    const { by } = this.verbs[name];
    if (by === 'message') return [this.message(name, new Uint8Array(0))];
    if (by !== 'bytes') return [this.message(name, new TextEncoder().encode(JSON.stringify(given)))];
    const bytes = given[0] as Uint8Array;
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += PART_BYTES)
      parts.push(this.message(name, bytes.subarray(at, at + PART_BYTES)));
    return parts;
  }

  private message(name: string, payload: Uint8Array): Uint8Array {
    const message = new Uint8Array(HEAD_BYTES + payload.length);
    if (message.length > MAILBOX_RING_BYTES)
      throw new Error(`${name}: ${payload.length} bytes of arguments are too long for a domain's mailbox.`);
    message.set([this.names.indexOf(name), payload.length & 255, payload.length >>> 8]);
    message.set(payload, HEAD_BYTES);
    return message;
  }

  /** False: there is no room for this message now. */
  post(message: Uint8Array): boolean {
    const written = Atomics.load(this.words, this.base + MAILBOX.WRITTEN);
    const read = Atomics.load(this.words, this.base + MAILBOX.READ);
    if (message.length > MAILBOX_RING_BYTES - ((written - read) | 0)) return false;
    for (let i = 0; i < message.length; i++)
      this.bytes[this.ring + ((written + i) & (MAILBOX_RING_BYTES - 1))] = message[i];
    Atomics.store(this.words, this.base + MAILBOX.WRITTEN, (written + message.length) | 0);
    ringDoorbell(this.machine, this.record);
    return true;
  }

  // The domain's worker.

  get doorbellValue(): number {
    return Atomics.load(this.words, this.doorbell);
  }

  /** There is something to take. */
  get hasVerbs(): boolean {
    return Atomics.load(this.words, this.base + MAILBOX.WRITTEN) !== Atomics.load(this.words, this.base + MAILBOX.READ);
  }

  /** Takes the next verb; undefined: there is none. The ring's content is another worker's word: lengths are checked against what was written. */
  take(): Sent | undefined {
    const written = Atomics.load(this.words, this.base + MAILBOX.WRITTEN);
    let at = Atomics.load(this.words, this.base + MAILBOX.READ);
    const byte = (): number => this.bytes[this.ring + (at++ & (MAILBOX_RING_BYTES - 1))];
    while (((written - at) | 0) >= HEAD_BYTES) {
      const name = this.names[byte()];
      const payload = new Uint8Array(Math.min(byte() | (byte() << 8), (written - at) | 0));
      for (let i = 0; i < payload.length; i++) payload[i] = byte();
      Atomics.store(this.words, this.base + MAILBOX.READ, at | 0);
      const given = name === undefined ? undefined : this.given(name, payload);
      if (given) return { name, given };
    }
    Atomics.store(this.words, this.base + MAILBOX.READ, written);
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
