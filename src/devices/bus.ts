/**
 * What a device may touch: its bus, its interrupt line, the clock that the machine passes in. Nothing here knows Xen, workers or pages.
 */

/** Monotonic time in nanoseconds since the machine was made. In virtual time it is paused unless instructions retire. */
export interface Clock {
  nowNs(): number;
}

/** Deadlines: the machine calls `run(now)` when time has come; nothing polls. */
export interface Timers {
  readonly clock: Clock;
  /** Calls back once at or after `deadlineNs`. Replaces an earlier deadline of the same timer. */
  create(name: string, callback: () => void): Timer;
}
export interface Timer {
  /** Absolute, on the machine's clock; Infinity: never. */
  deadlineNs: number;
  /** `slackNs`: so much later is early enough while the machine has nothing else to do (0). */
  set(deadlineNs: number, slackNs?: number): void;
  cancel(): void;
  /** Its owner is gone: the queue knows it no longer, and it never fires. */
  remove(): void;
}

/** An interrupt request line: a level, as the pin has. */
export interface IrqLine {
  set(level: boolean): void;
}

/** State of a device as plain data (numbers, strings, booleans, arrays, Uint8Array): structured-cloneable. */
export type State = { [key: string]: unknown };

export interface Device {
  /** Unique in a machine, e.g. "pit", "uart0". */
  readonly name: string;
  /** What it answers wherever it is plugged in; the windows of a PCI function are its BARs' instead. */
  readonly portRanges?: readonly PortRange[];
  readonly memoryRanges?: readonly MemoryRange[];
  /** Boards of earlier versions had none: restored from one of their states it is as after RESET. */
  readonly addedLater?: boolean;
  save(): State;
  restore(state: State): void;
  /** Registers for a debugger: no side effects. */
  peek(): State;
  /** As the RESET pin does. */
  reset(): void;
}

/** A range of ports; the device sees offsets from the range's first port. Sizes are 1, 2 or 4 bytes; the bus splits what is wider than a device knows. */
export interface PortRange {
  readonly base: number;
  readonly count: number;
  /** Widest access the handler takes (default 1). */
  readonly width?: 1 | 2 | 4;
  /** What is read changes no interrupt line: a hypervisor whose own device this is may answer without leaving the processor. */
  readonly readsQuietly?: boolean;
  read(offset: number, size: number): number;
  write(offset: number, value: number, size: number): void;
  /** REP INS: as many items of `size` bytes as the device has ready, at most what fits `into`. Returns the bytes given. */
  readBlock?(offset: number, size: number, into: Uint8Array): number;
  /** REP OUTS, likewise: returns the bytes taken. */
  writeBlock?(offset: number, size: number, from: Uint8Array): number;
}

/** A range of guest-physical addresses that is not memory. */
export interface MemoryRange {
  readonly base: number;
  readonly length: number;
  /** What a read finds where it changes nothing, so that no exit need tell of it, unsigned; -1: it may change something. */
  readQuietly?(offset: number, size: number): number;
  read(offset: number, size: number): number;
  write(offset: number, value: number, size: number): void;
}

/** Memory as a device reaches it by DMA, a PCI function by its own view (pci/function-dma.ts): RAM only; the rest of an access that leaves RAM is dropped (read as 0xFF). */
export interface Dma {
  read(address: number, into: Uint8Array): void;
  write(address: number, from: Uint8Array): void;
  /**
   * The bytes themselves where all of them are RAM, in as few pieces as they lie in; null: they can only be copied. For use at once, not to be kept.
   * `forWriting`: the caller is about to write them all.
   */
  views?(address: number, length: number, forWriting: boolean): Uint8Array[] | null;
}
