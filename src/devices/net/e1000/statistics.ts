/** The 82540EM's counters of frames. Source: the manual (317453), 13.7. Lengths count the frame check sequence. */
import { FCS_BYTES } from '../ethernet.ts';
import { STAT } from './registers.ts';

/** Largest frame of each size class but the last: 64, 65-127, 128-255, 256-511, 512-1023, 1024 and more. */
const CLASSES = [64, 127, 255, 511, 1023];
const HIGH = 2 ** 32;

export class Statistics {
  private readonly words: Uint32Array;

  /** `words`: the chip's registers. */
  constructor(words: Uint32Array) {
    this.words = words;
  }

  /** They stick at their largest value. */
  count(register: number): void {
    const at = register >>> 2;
    if (this.words[at] !== 0xffffffff) this.words[at]++;
  }

  private add(register: number, bytes: number): void {
    const at = register >>> 2;
    const low = this.words[at] + bytes;
    this.words[at] = low;
    if (low >= HIGH) this.words[at + 1]++;
  }

  private group(frame: Uint8Array, broadcasts: number, multicasts: number): void {
    if (frame[0] & 1) this.count(frame.subarray(0, 6).every(byte => byte === 0xff) ? broadcasts : multicasts);
  }

  private sizes(first: number, length: number): void {
    const size = CLASSES.findIndex(most => length <= most);
    this.count(first + 4 * (size < 0 ? CLASSES.length : size));
  }

  /** A frame on the wire that went by, ours or not. */
  heard(length: number): void {
    this.count(STAT.TPR);
    this.add(STAT.TOR, length + FCS_BYTES);
  }

  received(frame: Uint8Array): void {
    const length = Math.max(60, frame.length) + FCS_BYTES;
    this.count(STAT.GPRC);
    this.add(STAT.GORC, length);
    this.group(frame, STAT.BPRC, STAT.MPRC);
    this.sizes(STAT.PRC64, length);
  }

  sent(frame: Uint8Array): void {
    const length = frame.length + FCS_BYTES;
    this.count(STAT.GPTC);
    this.count(STAT.TPT);
    this.add(STAT.GOTC, length);
    this.add(STAT.TOT, length);
    this.group(frame, STAT.BPTC, STAT.MPTC);
    this.sizes(STAT.PTC64, length);
  }
}
