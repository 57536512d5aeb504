/** What a processor with 64-bit code has more than others: loaded when one is wanted (`loadLevel`), since no other page needs it. */
import type { Cpu } from './cpu.ts';
import { LongRecords } from './long-records.ts';
import type { Descriptor } from './segments.ts';
import { interruptLong, type Pointer, sysenter, throughGate } from './long-transfers.ts';
import { warmUpBetween } from './warm.ts';
import { createLongInterpreter, plans } from 'virtual:long';

/** Of one processor. */
export interface LongMode {
  /** Runs 64-bit code as the two switches run other code (loop.ts). */
  runLong(record: number): void;
  /** Before much of it runs (warm.ts), between two batches. */
  warmUp(): void;
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
    warmUp: () => warmUpLong(cpu, runLong),
    records: new LongRecords(cpu.A, cpu.writer, general),
    interrupt: (vector, error, software, resume) => interruptLong(cpu, vector, error, software, resume),
    sysenter: () => sysenter(cpu),
    throughGate: (selector, d, next) => throughGate(cpu, selector, d, next),
  };
}

/** Where the warm-up accesses memory slots represent addresses below 4 GiB. */
function warmUpLong(cpu: Cpu, runLong: (record: number) => void): void {
  const { TH } = cpu.tlb,
    kept = TH.slice(0, 3);
  TH.fill(0, 0, 3);
  warmUpBetween(cpu, runLong, plans.long, 8);
  TH.set(kept);
}
