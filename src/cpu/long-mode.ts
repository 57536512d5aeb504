/** What a processor with 64-bit code has more than others: loaded when one is wanted (`loadLevel`), since no other page needs it. */
import type { Cpu } from './cpu.ts';
import { LongRecords } from './long-records.ts';
import type { Descriptor } from './segments.ts';
import { interruptLong, type Pointer, sysenter, throughGate } from './long-transfers.ts';
import { createLongInterpreter } from 'virtual:long';

/** Of one processor. */
export interface LongMode {
  /** Runs 64-bit code as the two switches run other code (loop.ts). */
  runLong(record: number): void;
  readonly records: LongRecords;
  /** Through the IDT of long mode (long-transfers.ts). */
  interrupt(vector: number, error: number, software: boolean, resume: boolean): void;
  sysenter(): void;
  /** JMP, or CALL that returns to `next`, by a selector of no code segment. */
  throughGate(selector: number, d: Descriptor, next: Pointer | null): void;
}

export function createLongMode(cpu: Cpu): LongMode {
  const { runLong, general } = createLongInterpreter(cpu);
  return {
    runLong,
    records: new LongRecords(cpu.A, cpu.writer, general),
    interrupt: (vector, error, software, resume) => interruptLong(cpu, vector, error, software, resume),
    sysenter: () => sysenter(cpu),
    throughGate: (selector, d, next) => throughGate(cpu, selector, d, next),
  };
}
