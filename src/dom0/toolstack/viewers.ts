/** Who looks at a domain: each gets what its console showed, what it shows, and, where memory is not shared, copies of screen and counters. */
import { COUNTER_WORDS, SCREEN, SCREEN_BYTES } from '../../hypervisor/layout/index.ts';
import type { DomainRecord, Machine } from '../../hypervisor/memory/index.ts';
import { joined } from '../../formats/bytes/index.ts';
import { ConsoleHistory, type ConsoleLog } from '../backends/console/index.ts';
import type { ConsoleInput, ConsoleOutput } from './wire.ts';

/** Copies are made this often. */
const SNAPSHOT_MS = 100;
/** RIS: a terminal is as it was at first (ECMA-48, 8.3.105). */
const RESET_TERMINAL = Uint8Array.of(0x1b, 0x63);
/** SCREEN.MODE of a picture. */
const GRAPHICS = 2;

export class Viewers {
  private readonly machine: Machine;
  private readonly record: DomainRecord;
  /** Milliseconds of the host; absent: viewers read the memory itself. */
  private readonly hostMs: (() => number) | undefined;
  /** What it shows from now on is kept there, too. */
  log: ConsoleLog | undefined;
  private readonly ports: MessagePort[] = [];
  private history = new ConsoleHistory();
  private lastSnapshotMs = 0;
  /** Generation of the screen in the last snapshot with pixels. */
  private lastGeneration = 0;

  constructor(machine: Machine, record: DomainRecord, hostMs?: () => number) {
    this.machine = machine;
    this.record = record;
    this.hostMs = hostMs;
  }

  /** A new viewer's end of the console; `hear` gets what it sends. */
  open(hear: (message: Uint8Array | ConsoleInput) => void): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.ports.push(port1);
    port1.onmessage = event => hear(event.data as Uint8Array | ConsoleInput);
    port1.addEventListener('close', () => this.ports.splice(this.ports.indexOf(port1), 1), { once: true });
    const { shown } = this.history;
    if (shown.length > 0) port1.postMessage({ serial: shown } satisfies ConsoleOutput);
    this.snapshot(true);
    return port2;
  }

  /** What a new viewer would get to see of the console. */
  get shown(): Uint8Array {
    return this.history.shown;
  }

  print(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.log?.add(bytes);
    this.history.add(bytes);
    for (const port of this.ports) port.postMessage({ serial: bytes } satisfies ConsoleOutput);
  }

  /** Its terminals show what they did at a moment to which the domain goes back. */
  goBack(shown: Uint8Array): void {
    this.history = new ConsoleHistory();
    this.history.add(shown);
    const serial = joined([RESET_TERMINAL, shown]);
    for (const port of this.ports) port.postMessage({ serial } satisfies ConsoleOutput);
  }

  /** Copies of what viewers would read in shared memory, ten times a second; `now`: whenever the last ones were. */
  snapshot(now: boolean): void {
    if (!this.hostMs || this.ports.length === 0) return;
    const ms = this.hostMs();
    if (!now && ms - this.lastSnapshotMs < SNAPSHOT_MS) return;
    this.lastSnapshotMs = ms;
    const { bytes } = this.machine;
    const { countersOffset, screenOffset } = this.record;
    const counters = bytes.slice(countersOffset, countersOffset + COUNTER_WORDS * 4).buffer as ArrayBuffer;
    const screen = bytes.slice(screenOffset, screenOffset + SCREEN_BYTES).buffer as ArrayBuffer;
    const pixels = this.newPicture(new Int32Array(screen), now);
    for (const port of this.ports)
      port.postMessage({ counters, screen, ...(pixels ? { pixels } : {}) } satisfies ConsoleOutput);
  }

  /** Pixels of a graphics screen that changed since the last call; `whole`: for a viewer that has none yet. */
  private newPicture(screen: Int32Array, whole: boolean): ArrayBuffer | undefined {
    const generation = screen[SCREEN.GENERATION];
    if (screen[SCREEN.MODE] !== GRAPHICS || (!whole && generation === this.lastGeneration)) return undefined;
    this.lastGeneration = generation;
    const offset = screen[SCREEN.PIXELS] >>> 0;
    return this.machine.bytes.slice(offset, offset + screen[SCREEN.WIDTH] * screen[SCREEN.HEIGHT] * 4)
      .buffer as ArrayBuffer;
  }

  close(): void {
    void this.log?.flush();
    for (const port of [...this.ports]) port.close();
  }
}
