/** What the tests of this room share: a clock that a test moves, lines and memory that it can look at. */
import type { Clock, Dma, IrqLine } from './bus.ts';
import { Pc, type PcOptions } from './machine.ts';
import { TimerQueue } from './timers.ts';

export class TestClock implements Clock {
  ns = 0;
  nowNs(): number {
    return this.ns;
  }
}

/** Timers on a clock that moves only when the test moves it; deadlines fire in order, each at its own time. */
export class TestTimers extends TimerQueue {
  readonly test: TestClock;

  constructor(clock = new TestClock()) {
    super(clock);
    this.test = clock;
  }

  advanceNs(ns: number): void {
    const end = this.test.ns + ns;
    while (this.nextDeadlineNs <= end) {
      this.test.ns = Math.max(this.test.ns, this.nextDeadlineNs);
      this.run();
    }
    this.test.ns = end;
  }

  advanceMs(ms: number): void {
    this.advanceNs(ms * 1e6);
  }
}

export class TestLine implements IrqLine {
  level = false;
  rises = 0;
  set(level: boolean): void {
    if (level && !this.level) this.rises++;
    this.level = level;
  }
}

export class TestMemory implements Dma {
  readonly bytes: Uint8Array;

  constructor(size = 1 << 20) {
    this.bytes = new Uint8Array(size);
  }

  read(address: number, into: Uint8Array): void {
    into.fill(0xff);
    if (address < this.bytes.length)
      into.set(this.bytes.subarray(address, Math.min(address + into.length, this.bytes.length)));
  }

  write(address: number, from: Uint8Array): void {
    if (address < this.bytes.length) this.bytes.set(from.subarray(0, this.bytes.length - address), address);
  }

  views(address: number, length: number): Uint8Array[] | null {
    return address + length <= this.bytes.length ? [this.bytes.subarray(address, address + length)] : null;
  }
}

export interface TestPc {
  pc: Pc;
  timers: TestTimers;
  memory: TestMemory;
  /** What COM1 and COM2 sent. */
  sent: number[][];
  events: string[];
  in(port: number, size?: number): number;
  out(port: number, value: number, size?: number): void;
}

export function testPc(options: Partial<PcOptions> = {}): TestPc {
  const timers = new TestTimers();
  const memory = new TestMemory();
  const sent: number[][] = [[], []];
  const events: string[] = [];
  const pc = new Pc({
    timers,
    dma: memory,
    memoryMiB: 64,
    startEpochMs: Date.UTC(2026, 10, 20, 9, 0, 0),
    serial: [byte => sent[0].push(byte), byte => sent[1].push(byte)],
    onPowerOff: () => events.push('power off'),
    onReset: () => events.push('reset'),
    onDebugExit: value => events.push(`exit ${value}`),
    ...options,
  });
  return {
    pc,
    timers,
    memory,
    sent,
    events,
    in: (port, size = 1) => pc.bus.readPort(port, size),
    out: (port, value, size = 1) => pc.bus.writePort(port, value, size),
  };
}
