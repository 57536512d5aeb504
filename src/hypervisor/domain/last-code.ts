/**
 * The last instructions of each vCPU, and what each did, for whoever asks what led to a crash: as a probe looks on (cpu/architecture/edge.ts), each
 * instruction runs alone. Xen's likeness is the buffer of vmtrace_buf_kb, which the processor itself fills.
 */
import type { Probe } from '../../cpu/architecture/index.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import {
  LAST_CODE,
  LAST_CODE_ABOUT as ABOUT,
  LAST_CODE_COUNT,
  LAST_CODE_RING,
  LAST_CODE_WORDS,
} from '../layout/layout.ts';

const GENERAL = 8,
  MOST_VALUES = 3;

export class LastCode implements Probe {
  private readonly regs: Int32Array;
  private readonly current: () => { id: number; block: Int32Array };
  /** As the instruction under way found them: whose they are, general registers, where its segment begins, and how wide its code is. */
  private vcpu = -1;
  private readonly found = new Int32Array(GENERAL);
  private base = 0;
  private is32 = false;
  /** Its last write to memory; 0 bytes: none. */
  private written = { linear: 0, bytes: 0, value: 0 };

  constructor(regs: Int32Array, current: () => { id: number; block: Int32Array }) {
    this.regs = regs;
    this.current = current;
  }

  /** See Probe. Never ends a run. */
  before(): boolean {
    const { regs } = this,
      code = R.SEG + R.CS * R.SEG_WORDS;
    this.vcpu = this.current().id;
    this.found.set(regs.subarray(R.EAX, R.EAX + GENERAL));
    this.base = regs[code + R.SEG_BASE];
    this.is32 = (regs[code + R.SEG_RIGHTS] & R.RIGHTS_DB) !== 0;
    this.written.bytes = 0;
    return false;
  }

  memory(linear: number, bytes: number, isWrite: boolean, value: number): void {
    if (isWrite) this.written = { linear, bytes, value };
  }

  retired(linear: number): void {
    const { regs, found, written } = this,
      { id, block } = this.current(),
      at = LAST_CODE_RING + ((block[LAST_CODE] >>> 0) % LAST_CODE_COUNT) * LAST_CODE_WORDS;
    // Another vCPU has had its turn between: what this one changed is not known.
    const isKnown = id === this.vcpu;
    let about = (this.is32 ? ABOUT.IS_32 : 0) | (isKnown ? ABOUT.IS_KNOWN : 0),
      count = 0;
    for (let i = 0; isKnown && i < GENERAL && count < MOST_VALUES; i++) {
      const value = regs[R.EAX + i];
      if (value === found[i]) continue;
      about |= i << (ABOUT.REGISTERS + 3 * count);
      block[at + 3 + count++] = value;
    }
    if (isKnown && written.bytes > 0) {
      about |= written.bytes << ABOUT.WRITTEN;
      block[at + 6] = written.linear;
      block[at + 7] = written.value;
    }
    block[at] = linear;
    block[at + 1] = linear - this.base;
    block[at + 2] = about | (count << ABOUT.COUNT);
    block[LAST_CODE]++;
    // Where the next one begins unseen, as after IRET with RF, it finds what this one left.
    this.before();
  }
}

/** Both look on; null: nobody does. */
export function bothOf(first: Probe | undefined, second: Probe | undefined): Probe | null {
  if (!first || !second) return first ?? second ?? null;
  return {
    before: linear => [first.before?.(linear), second.before?.(linear)].includes(true),
    retired: linear => {
      first.retired?.(linear);
      second.retired?.(linear);
    },
    memory: (linear, size, isWrite, value) => {
      first.memory?.(linear, size, isWrite, value);
      second.memory?.(linear, size, isWrite, value);
    },
  };
}
