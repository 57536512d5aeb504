/**
 * One virtual processor of a domain: its state words while another is current, its last exits, and what it waits for. They lie in its block of machine memory
 * (layout.ts, VCPU).
 */
import { type ProcessorExtra, registers as R } from '../../cpu/architecture/index.ts';
import {
  LAST_EXITS,
  LAST_EXITS_COUNT,
  LAST_EXITS_RING,
  LAST_EXIT_WORDS,
  VCPU_BYTES,
  VCPU_EXITS,
} from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import { put64 } from '../memory/words.ts';
import type { LoopState, Spin } from './spin.ts';

/**
 * What a vCPU does: Intel's activity states (SDM vol. 3, 25.4.2), and three of ours: it waits for an event of the hypervisor, for a device model, or for a frame
 * that comes from another host.
 */
export const ACTIVE = 0,
  HALTED = 1,
  WAIT_FOR_SIPI = 3,
  BLOCKED = 4,
  WAITS_FOR_MODEL = 5,
  WAITS_FOR_FRAME = 6;
export type Activity =
  | typeof ACTIVE
  | typeof HALTED
  | typeof WAIT_FOR_SIPI
  | typeof BLOCKED
  | typeof WAITS_FOR_MODEL
  | typeof WAITS_FOR_FRAME;

/** What a vCPU does, as Xen's runstates name it. */
export type VcpuState = 'running' | 'runnable' | 'blocked' | 'offline';

/** Turns until it is watched for the first time whether a vCPU goes round for nothing (turns.ts). */
export const PATIENCE = 16;

export class Vcpu {
  readonly id: number;
  /** Its block: state words (of a vCPU that is not current), then the ring of last exits. */
  readonly block: Int32Array;
  /** The state words of the block. */
  readonly saved: Int32Array;
  activity: Activity = ACTIVE;
  /** Guest frame for which it waits. */
  awaits = 0;
  nmiPending = false;
  /** It waits no longer, though it has not gone on yet: an interrupt waits for it. */
  ready = false;
  /** INIT came while it ran: it takes effect before its next instruction. */
  initPending = false;
  /** Instructions that it has run inside turns of others since its last one. */
  ahead = 0;
  /** The loop in which it gave its turn up. */
  spin: Spin | undefined;
  /** Its registers at its last turn's end; loops in which it goes round for nothing; turns until that is watched again, and how many these were last. */
  rest: LoopState | undefined;
  rounds: Spin[] = [];
  patience = 0;
  patienceBefore = PATIENCE / 2;
  /** What the processor knows of it beyond the words, while another is current. */
  extra: ProcessorExtra = { version: 1, injection: [0, 0], accesses: [] };

  constructor(machine: Machine, record: DomainRecord, id: number) {
    this.id = id;
    const at = record.vcpuOffset + id * VCPU_BYTES;
    this.block = new Int32Array(machine.memory, at, VCPU_BYTES / 4);
    this.saved = new Int32Array(machine.memory, at, R.STATE_WORDS);
  }

  /** An exit of the reason with this counter (exits.ts). */
  countExit(counter: number): void {
    this.block[VCPU_EXITS + counter]++;
  }

  /** Adds an entry to the ring of last exits; `ip` and `detail` have signs where they have 64 bits. */
  recordExit(reason: number, qualification: number, ip: number, detail: number): void {
    const { block } = this;
    const at = LAST_EXITS_RING + ((block[LAST_EXITS] >>> 0) % LAST_EXITS_COUNT) * LAST_EXIT_WORDS;
    block[at] = reason;
    block[at + 1] = qualification;
    put64(block, at + 2, ip);
    put64(block, at + 4, detail);
    block[LAST_EXITS]++;
  }

  /** What the last of them was about is known only now. */
  detailExit(detail: number): void {
    const { block } = this;
    put64(block, LAST_EXITS_RING + (((block[LAST_EXITS] - 1) >>> 0) % LAST_EXITS_COUNT) * LAST_EXIT_WORDS + 4, detail);
  }
}
