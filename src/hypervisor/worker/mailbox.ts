/**
 * How a domain's worker is reached while it runs or sleeps: words and a ring in machine memory, and a doorbell that ends its slice or its sleep.
 * Nothing here waits: a writer that finds the ring full tries again later.
 */
import { COMMAND, INPUT, INPUT_RING_BYTES, MAILBOX, XENHEAP } from '../layout/layout.ts';
import { BREAK_KINDS, type BreakPoint, MOST_BREAKS } from '../domain/breaks.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';

/** The mouse since its last message: counts right, up and of the wheel towards the user; bits of the buttons that are down (layout.ts). */
export interface MouseMove {
  dx: number;
  dy: number;
  dz: number;
  buttons: number;
}

export interface InputHandlers {
  serial(bytes: Uint8Array): void;
  key(code: string, down: boolean): void;
  mouse(move: MouseMove): void;
}

const MOUSE_BYTES = 7;

function mouseMove(message: Uint8Array): MouseMove {
  const view = new DataView(message.buffer);
  return { dx: view.getInt16(0, true), dy: view.getInt16(2, true), dz: view.getInt16(4, true), buttons: message[6] };
}

/** Wakes whoever a record is of; where there is no Domain 0 yet, nobody need be told. */
export function ringDoorbell(
  { words }: Pick<Machine, 'words'>,
  { mailboxOffset }: Pick<DomainRecord, 'mailboxOffset'>,
): void {
  if (mailboxOffset === 0) return;
  const doorbell = (mailboxOffset >>> 2) + MAILBOX.DOORBELL;
  Atomics.add(words, doorbell, 1);
  Atomics.notify(words, doorbell);
}

/** Wakes the storage worker, where there is one. */
export function ringStorage({ words }: Pick<Machine, 'words'>): void {
  Atomics.add(words, XENHEAP.STORAGE_DOORBELL, 1);
  Atomics.notify(words, XENHEAP.STORAGE_DOORBELL);
}

export class Mailbox {
  private readonly machine: Machine;
  private readonly record: DomainRecord;
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly base: number;
  private readonly ring: number;
  /** Index of the doorbell in an Int32Array over machine memory. */
  readonly doorbell: number;

  constructor(machine: Machine, record: DomainRecord) {
    this.machine = machine;
    this.record = record;
    this.words = machine.words;
    this.bytes = machine.bytes;
    this.base = record.mailboxOffset >>> 2;
    this.ring = record.mailboxOffset + MAILBOX.INPUT_RING * 4;
    this.doorbell = this.base + MAILBOX.DOORBELL;
  }

  private ringDoorbell(): void {
    ringDoorbell(this.machine, this.record);
  }

  // Senders.

  command(bit: (typeof COMMAND)[keyof typeof COMMAND]): void {
    Atomics.or(this.words, this.base + MAILBOX.COMMANDS, bit);
    this.ringDoorbell();
  }

  /** `count`: instructions; below 0: exits; 0: no step any more. */
  step(count: number): void {
    Atomics.store(this.words, this.base + MAILBOX.STEP, count);
    this.command(COMMAND.STEP);
  }

  /** What was asked for with STEP. */
  get stepCount(): number {
    return Atomics.load(this.words, this.base + MAILBOX.STEP);
  }

  /** Where the domain is to stop from now on, MOST_BREAKS points at most. */
  setBreaks(points: readonly BreakPoint[]): void {
    points.forEach(({ kind, linear, bytes }, i) => {
      this.words.set([BREAK_KINDS.indexOf(kind), linear | 0, bytes], this.base + MAILBOX.BREAK_POINTS + 3 * i);
    });
    Atomics.store(this.words, this.base + MAILBOX.BREAKS, points.length);
    this.command(COMMAND.BREAK);
  }

  /** What was asked for with BREAK. */
  get breaks(): BreakPoint[] {
    const count = Math.min(MOST_BREAKS, Atomics.load(this.words, this.base + MAILBOX.BREAKS));
    return Array.from({ length: count }, (_, i) => {
      const at = this.base + MAILBOX.BREAK_POINTS + 3 * i,
        [kind, linear, bytes] = this.words.subarray(at, at + 3);
      return { kind: BREAK_KINDS[kind] ?? 'execute', linear: linear >>> 0, bytes };
    });
  }

  /** A non-maskable interrupt for a vCPU. */
  nmi(vcpu: number): void {
    Atomics.or(this.words, this.base + MAILBOX.COMMANDS, COMMAND.NMI << vcpu);
    this.ringDoorbell();
  }

  setPaused(paused: boolean): void {
    Atomics.store(this.words, this.base + MAILBOX.PAUSED, paused ? 1 : 0);
    this.ringDoorbell();
  }

  get paused(): boolean {
    return Atomics.load(this.words, this.base + MAILBOX.PAUSED) !== 0;
  }

  /** Queues bytes for COM1; returns how many found room. */
  sendSerial(bytes: Uint8Array): number {
    let sent = 0;
    while (sent < bytes.length) {
      const room = Math.min(255, this.free() - 2);
      if (room <= 0) break;
      const part = bytes.subarray(sent, sent + room);
      this.put(INPUT.SERIAL, part);
      sent += part.length;
    }
    if (sent > 0) this.ringDoorbell();
    return sent;
  }

  /** Queues a key by its KeyboardEvent.code; false: no room, or no code. */
  sendKey(code: string, down: boolean): boolean {
    if (!/^[\x20-\x7e]{1,64}$/.test(code) || this.free() < code.length + 3) return false;
    const message = new Uint8Array(code.length + 1);
    message[0] = down ? 1 : 0;
    for (let i = 0; i < code.length; i++) message[i + 1] = code.charCodeAt(i);
    this.put(INPUT.KEY, message);
    this.ringDoorbell();
    return true;
  }

  /** Queues a movement of the mouse with the buttons that are down; false: no room. Movements past 16 bits stop there. */
  sendMouse({ dx, dy, dz, buttons }: MouseMove): boolean {
    const message = new Uint8Array(MOUSE_BYTES);
    if (this.free() < MOUSE_BYTES + 2) return false;
    const view = new DataView(message.buffer);
    [dx, dy, dz].forEach((count, i) =>
      view.setInt16(2 * i, Math.max(-0x8000, Math.min(0x7fff, Math.trunc(count))), true),
    );
    view.setUint8(6, buttons);
    this.put(INPUT.MOUSE, message);
    this.ringDoorbell();
    return true;
  }

  private free(): number {
    const written = Atomics.load(this.words, this.base + MAILBOX.INPUT_WRITTEN);
    const read = Atomics.load(this.words, this.base + MAILBOX.INPUT_READ);
    return INPUT_RING_BYTES - ((written - read) | 0);
  }

  private put(kind: number, message: Uint8Array): void {
    let at = Atomics.load(this.words, this.base + MAILBOX.INPUT_WRITTEN);
    const byte = (value: number): void => {
      this.bytes[this.ring + (at & (INPUT_RING_BYTES - 1))] = value;
      at = (at + 1) | 0;
    };
    byte(kind);
    byte(message.length);
    for (const value of message) byte(value);
    Atomics.store(this.words, this.base + MAILBOX.INPUT_WRITTEN, at);
  }

  // The domain's worker.

  get doorbellValue(): number {
    return Atomics.load(this.words, this.doorbell);
  }

  /** Takes the commands that came since the last call. */
  takeCommands(): number {
    return Atomics.exchange(this.words, this.base + MAILBOX.COMMANDS, 0);
  }

  /** Takes everything that came in. The ring's content is other workers' word: lengths are checked against what was written. */
  takeInput(on: InputHandlers): void {
    const written = Atomics.load(this.words, this.base + MAILBOX.INPUT_WRITTEN);
    let at = Atomics.load(this.words, this.base + MAILBOX.INPUT_READ);
    const byte = (): number => {
      const value = this.bytes[this.ring + (at & (INPUT_RING_BYTES - 1))];
      at = (at + 1) | 0;
      return value;
    };
    while (((written - at) | 0) >= 2) {
      const kind = byte();
      const message = new Uint8Array(Math.min(byte(), (written - at) | 0));
      for (let i = 0; i < message.length; i++) message[i] = byte();
      if (kind === INPUT.SERIAL) on.serial(message);
      else if (kind === INPUT.KEY) on.key(String.fromCharCode(...message.subarray(1)), message[0] === 1);
      else if (kind === INPUT.MOUSE && message.length === MOUSE_BYTES) on.mouse(mouseMove(message));
    }
    Atomics.store(this.words, this.base + MAILBOX.INPUT_READ, at);
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
