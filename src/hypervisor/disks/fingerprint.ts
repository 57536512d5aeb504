/** Which medium a disk's is, told by a sample of it. */
import { crc32 } from '../../formats/unpack/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';

/** Of these many sectors, spread over the medium, is its fingerprint made, and of the first ones, where tables and superblocks lie. */
const SAMPLES = 128,
  SAMPLE_BYTES = 512,
  FIRST_BYTES = 16384;

/** Checksum of a sample of the medium, to tell another one by. What cannot be read counts as zeros. */
export function fingerprint(source: BlockDevice): number {
  const read = (at: number, into: Uint8Array): void =>
    source.request({ op: 'read', at, pieces: [into], waits: true }, () => {});
  const first = Math.min(source.bytes, FIRST_BYTES);
  const sample = new Uint8Array(FIRST_BYTES + SAMPLES * SAMPLE_BYTES);
  read(0, sample.subarray(0, first));
  for (let i = 0; i < SAMPLES && source.bytes >= SAMPLE_BYTES; i++) {
    const at = FIRST_BYTES + i * SAMPLE_BYTES;
    const sector = Math.floor((source.bytes / SAMPLE_BYTES - 1) * ((i + 1) / SAMPLES));
    read(sector * SAMPLE_BYTES, sample.subarray(at, at + SAMPLE_BYTES));
  }
  return crc32(sample) >>> 0;
}
