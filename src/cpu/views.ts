/** The arrays that the parts of a processor work on: its state words, machine memory, the second stage, scratch. */
import type { ProcessorOptions } from './architecture/edge.ts';
import { STATE_WORDS } from './architecture/registers.ts';
import { S_WORDS } from './scratch.ts';

export class Views {
  /** State words (registers.ts), and the same as bytes and as pairs of bytes. */
  readonly R: Int32Array;
  readonly R8: Uint8Array;
  readonly R16: Uint16Array;
  /** Machine memory as cells of 1, 2, 4 and 8 bytes. */
  readonly M1: Uint8Array;
  readonly M2: Uint16Array;
  readonly M4: Int32Array;
  readonly M8: BigInt64Array;
  /** Memory that is shared, at any address; null where it is not. */
  readonly shared: DataView | null;
  /** Second stage: a word a guest frame (P2M_*). */
  readonly p2m: Int32Array;
  /** See scratch.ts. In a buffer of its own: V8 keeps an array of 64 bytes or less in its heap, where it may move, and loads its address at each use. */
  readonly S = new Int32Array(new ArrayBuffer(4 * S_WORDS));
  /** Frames of machine memory. */
  readonly frames: number;

  constructor({ memory, stateOffset, p2m }: Pick<ProcessorOptions, 'memory' | 'stateOffset' | 'p2m'>) {
    this.R = new Int32Array(memory, stateOffset, STATE_WORDS);
    this.R8 = new Uint8Array(memory, stateOffset, STATE_WORDS * 4);
    this.R16 = new Uint16Array(memory, stateOffset, STATE_WORDS * 2);
    this.M1 = new Uint8Array(memory);
    this.M2 = new Uint16Array(memory);
    this.M4 = new Int32Array(memory);
    this.M8 = new BigInt64Array(memory, 0, memory.byteLength >>> 3);
    this.shared = memory instanceof ArrayBuffer ? null : new DataView(memory);
    this.p2m = p2m;
    this.frames = memory.byteLength >>> 12;
  }
}
