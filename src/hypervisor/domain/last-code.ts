/**
 * The last instructions of each vCPU, and what each did, to show what led to a crash: as a probe looks on (cpu/architecture/edge.ts), each
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

const GENERAL = 16,
  MOST_VALUES = 3;

export class LastCode implements Probe {
  private readonly regs: Int32Array;
  private readonly current: () => { id: number; block: Int32Array };
  /** As the instruction under way found them: whose they are, general registers, where its segment begins, and how wide its code is. */
  private vcpu = -1;
  private readonly found = new Int32Array(GENERAL);
  private readonly foundHigh = new Int32Array(GENERAL);
  private base = 0;
  private about = 0;
  /** Its last write to memory; 0 bytes: none. */
  private readonly written = { linear: 0, bytes: 0, value: 0, high: 0 };

  constructor(regs: Int32Array, current: () => { id: number; block: Int32Array }) {
    this.regs = regs;
    this.current = current;
  }

  /** See Probe. Never ends a run. */
  before(): boolean {
    const { regs, found, foundHigh } = this,
      code = R.SEG + R.CS * R.SEG_WORDS;
    this.vcpu = this.current().id;
    for (let i = 0; i < GENERAL; i++) {
      const word = R.generalWord(i);
      found[i] = regs[word];
      foundHigh[i] = regs[word + R.HIGH];
    }
    const is64 = R.isLongCode(regs),
      is32 = !is64 && (regs[code + R.SEG_RIGHTS] & R.RIGHTS_DB) !== 0;
    this.base = is64 ? 0 : regs[code + R.SEG_BASE];
    this.about = (is64 ? ABOUT.IS_64 : 0) | (is32 ? ABOUT.IS_32 : 0);
    this.written.bytes = 0;
    return false;
  }

  memory(linear: number, bytes: number, isWrite: boolean, value: number): void {
    const { written } = this;
    if (!isWrite) return;
    // A wide one comes in parts.
    if (bytes === 4 && written.bytes === 4 && linear === written.linear + 4) {
      written.bytes = 8;
      written.high = value;
      return;
    }
    written.linear = linear;
    written.bytes = bytes;
    written.value = value;
    written.high = 0;
  }

  retired(linear: number): void {
    const { regs, found, foundHigh, written } = this,
      { id, block } = this.current();
    const at = entryAt(block, 0),
      // Of code that is no 64-bit code it is what comes next.
      high = entryAt(block, 1);
    // Another vCPU has had its turn between: what this one changed is not known.
    const isKnown = id === this.vcpu,
      is64 = (this.about & ABOUT.IS_64) !== 0;
    let about = this.about | (isKnown ? ABOUT.IS_KNOWN : 0),
      count = 0;
    const put = (word: number, low: number, highHalf: number): void => {
      block[at + word] = low;
      if (is64) block[high + word] = highHalf;
    };
    for (let i = 0; isKnown && i < GENERAL && count < MOST_VALUES; i++) {
      const word = R.generalWord(i);
      if (regs[word] === found[i] && regs[word + R.HIGH] === foundHigh[i]) continue;
      about |= i << (ABOUT.REGISTERS + 4 * count);
      put(3 + count++, regs[word], regs[word + R.HIGH]);
    }
    if (isKnown && written.bytes > 0) {
      about |= written.bytes << ABOUT.WRITTEN;
      put(6, written.linear, Math.floor(written.linear / 2 ** 32));
      put(7, written.value, written.high);
    }
    put(0, linear, Math.floor(linear / 2 ** 32));
    put(1, linear - this.base, 0);
    put(2, about | (count << ABOUT.COUNT), ABOUT.IS_HIGH);
    block[LAST_CODE] += is64 ? 2 : 1;
    // Where the next one begins unseen, as after IRET with RF, it finds what this one left.
    this.before();
  }
}

/** Where the ring's next entry is, or the one after it. */
const entryAt = (block: Int32Array, after: 0 | 1): number =>
  LAST_CODE_RING + (((block[LAST_CODE] + after) >>> 0) % LAST_CODE_COUNT) * LAST_CODE_WORDS;
