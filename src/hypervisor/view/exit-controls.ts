/**
 * Which of its guest's instructions and exceptions somebody has chosen to exit, by the names of the VM-execution controls (SDM vol. 3C, 25.6), and where the
 * choice is in the domain's counters block, for those who look on.
 */
import { COUNTERS, MOST_CHOSEN_MSRS } from '../layout/layout.ts';

/** Controls that are on or off, as commands and lessons spell them, each a bit of COUNTERS.EXIT_CONTROLS in this order. */
export const EXIT_SWITCHES = ['hlt', 'invlpg', 'rdtsc', 'cr3-load', 'cr3-store', 'pause', 'pause-loop'] as const;
export type ExitSwitch = (typeof EXIT_SWITCHES)[number];

/** Plain data: it goes to workers and into saved states. */
export interface ExitControls extends Readonly<Record<ExitSwitch, boolean>> {
  /** Exception bitmap (25.6.3): bit n, exceptions of vector n exit. */
  readonly exceptions: number;
  /** Of the MSR bitmap (25.6.9): indices whose reads, and whose writes, exit. An MSR that is not the processor's own exits whatever this says. */
  readonly msrReads: readonly number[];
  readonly msrWrites: readonly number[];
  /** PLE_Gap and PLE_Window (25.6.13), clocks of the TSC: from 1 on. */
  readonly 'ple-gap': number;
  readonly 'ple-window': number;
}

/**
 * Where nobody chose: what hypervisors set for a guest with nested paging and an offset of its TSC. PAUSE exits of a domain with several vCPUs alone: with one
 * there is nobody to wait for. Gap and window are those of Xen (xen/arch/x86/hvm/vmx/vmcs.c, ple_gap and ple_window), which has PAUSE-loop exiting on instead.
 */
export const USUAL_EXIT_CONTROLS: ExitControls = {
  hlt: true,
  invlpg: false,
  rdtsc: false,
  'cr3-load': false,
  'cr3-store': false,
  pause: true,
  'pause-loop': false,
  exceptions: 0,
  msrReads: [],
  msrWrites: [],
  'ple-gap': 128,
  'ple-window': 4096,
};

/** Vectors that are exceptions (SDM vol. 3, table 6-1): 2 is the NMI, which the bitmap is not asked about. */
export const EXCEPTION_VECTORS: readonly number[] = [0, 1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 18, 19];

/** Those whose bits an exception bitmap has, and the bitmap that has theirs. */
export const vectorsIn = (bitmap: number): number[] =>
  EXCEPTION_VECTORS.filter(vector => (bitmap & (1 << vector)) !== 0);
export const bitmapOf = (vectors: readonly number[]): number =>
  vectors.reduce((bitmap, vector) => bitmap | (1 << vector), 0);

/** Into the counters block. What no word says is usual, so that a block of zeroes is. */
export function publishExitControls(block: Int32Array, controls: ExitControls): void {
  const bits = EXIT_SWITCHES.reduce(
    (sum, name, bit) => sum | (controls[name] === USUAL_EXIT_CONTROLS[name] ? 0 : 1 << bit),
    0,
  );
  Atomics.store(block, COUNTERS.EXIT_CONTROLS, bits);
  Atomics.store(block, COUNTERS.EXCEPTION_BITMAP, controls.exceptions);
  Atomics.store(block, COUNTERS.PLE_GAP, controls['ple-gap']);
  Atomics.store(block, COUNTERS.PLE_WINDOW, controls['ple-window']);
  for (let i = 0; i < MOST_CHOSEN_MSRS; i++) {
    Atomics.store(block, COUNTERS.MSR_READS + i, ((controls.msrReads[i] ?? -1) + 1) | 0);
    Atomics.store(block, COUNTERS.MSR_WRITES + i, ((controls.msrWrites[i] ?? -1) + 1) | 0);
  }
}

/** From it. */
export function readExitControls(block: Int32Array): ExitControls {
  const bits = block[COUNTERS.EXIT_CONTROLS] ?? 0;
  const msrs = (at: number): number[] =>
    [...block.subarray(at, at + MOST_CHOSEN_MSRS)].filter(word => word !== 0).map(word => (word - 1) >>> 0);
  const switches = Object.fromEntries(
    EXIT_SWITCHES.map((name, bit) => [name, USUAL_EXIT_CONTROLS[name] !== ((bits & (1 << bit)) !== 0)]),
  ) as Record<ExitSwitch, boolean>;
  return {
    ...switches,
    exceptions: block[COUNTERS.EXCEPTION_BITMAP] ?? 0,
    msrReads: msrs(COUNTERS.MSR_READS),
    msrWrites: msrs(COUNTERS.MSR_WRITES),
    'ple-gap': block[COUNTERS.PLE_GAP] || USUAL_EXIT_CONTROLS['ple-gap'],
    'ple-window': block[COUNTERS.PLE_WINDOW] || USUAL_EXIT_CONTROLS['ple-window'],
  };
}
