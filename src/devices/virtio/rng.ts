/**
 * A source of random bytes. Source: OASIS Virtual I/O Device (VIRTIO) 1.2, 5.4. They follow from the seed of the host, as all that is random here, by
 * xoshiro128** (Blackman and Vigna, 2018): a run in virtual time repeats itself.
 */
import type { State } from '../bus.ts';
import { StateError } from '../state.ts';
import { VirtioPci, type VirtioParts } from './transport.ts';
import type { VirtQueue } from './queue.ts';

const QUEUE_SIZE = 8;
/** Linux asks for less at a time; a buffer need not be filled (5.4.6.1). */
const MOST_BYTES = 4096;

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/** Words that a seed begins with: Weyl's sequence through the finalizer of MurmurHash3, none of them all zeros together. */
function begin(seed: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: 4 }, (_, i) => {
    let word = (seed + Math.imul(i + 1, 0x9e3779b9)) | 0;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return (word ^ (word >>> 16)) >>> 0 || i + 1;
  });
}

export class VirtioRng extends VirtioPci {
  /** Goes on over a reset, so that what comes after one is not what came before. */
  private readonly words: Uint32Array<ArrayBuffer>;

  constructor({ irq, name, seed }: VirtioParts) {
    super(
      {
        name,
        title: 'virtio random numbers',
        type: 4,
        device: 0x1005,
        class: 0x00ff00,
        queues: [QUEUE_SIZE],
        features: 0,
      },
      irq,
    );
    this.words = begin(seed);
  }

  private next(): number {
    const [a, b, c, d] = this.words;
    const x = c ^ a,
      y = d ^ b;
    this.words.set([a ^ y, b ^ x, x ^ (b << 9), rotate(y, 11)]);
    return Math.imul(rotate(Math.imul(b, 5), 7), 9);
  }

  protected notified(queue: VirtQueue): void {
    for (let left = queue.r.size; left > 0; left--) {
      const chain = queue.take();
      if (!chain) break;
      const bytes = new Uint8Array(Math.min(MOST_BYTES, chain.writable.bytes));
      for (let i = 0; i < bytes.length; i += 4) {
        const word = this.next();
        for (let j = i; j < i + 4 && j < bytes.length; j++) bytes[j] = word >>> (8 * (j - i));
      }
      chain.writable.write(0, bytes);
      queue.give(chain, bytes.length);
    }
    queue.rest();
    this.tell(queue);
  }

  protected forget(): void {}

  protected saveOwn(): State {
    return { words: this.words.slice() };
  }

  protected restoreOwn({ words }: State): void {
    if (!(words instanceof Uint32Array) || words.length !== 4) throw new StateError(this.name, 'words', 'are not four');
    this.words.set(words);
  }
}
