/** Of an adapter's memory, what may hold something: most of it is never used, and a guest is paused while its state is written and read. */
import { usedBytes } from '../state.ts';
import type { VideoMemory } from './screen.ts';

/** Four planes of 64 KiB, which every mode of a VGA uses. */
const PLANES_BYTES = 4 * 65536;

export class UsedMemory {
  private readonly memory: Uint8Array;
  private readonly video: VideoMemory | undefined;
  /** Behind this many bytes the adapter has never stored anything. */
  private reach = PLANES_BYTES;

  /** `video`: where the guest stores by itself, too. */
  constructor(memory: Uint8Array, video?: VideoMemory) {
    this.memory = memory;
    this.video = video;
  }

  /** The adapter has stored something, up to before this byte. */
  stored(end: number): void {
    this.reach = Math.max(this.reach, end);
  }

  private get bytes(): number {
    const theirs = this.video ? (this.video.reach ?? this.memory.length) : 0;
    // Words of 0 are looked for 32 bytes at a time.
    return usedBytes(this.memory.subarray(0, (Math.max(this.reach, theirs) + 31) & ~31));
  }

  save(): Uint8Array {
    return this.memory.slice(0, this.bytes);
  }

  /** False: it is none, or does not fit, and nothing has changed. */
  restore(saved: unknown): boolean {
    const { memory } = this;
    if (!(saved instanceof Uint8Array) || saved.length > memory.length) return false;
    memory.fill(0, saved.length, Math.max(saved.length, this.bytes));
    memory.set(saved);
    this.stored(saved.length);
    return true;
  }
}
