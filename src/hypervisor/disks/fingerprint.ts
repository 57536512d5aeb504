/** Which medium a disk's is, recognized by a sample of it. */
import { crc32 } from '../../formats/unpack/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';

/** Of these many sectors, spread over the medium, is its fingerprint made, and of the first ones, where tables and superblocks lie. */
const SAMPLES = 128,
  SAMPLE_BYTES = 512,
  FIRST_BYTES = 16384;

/** Of a medium of this many bytes: where each piece of its sample lies, and its place there. */
function* piecesOf(bytes: number, sample: Uint8Array): Generator<[at: number, into: Uint8Array]> {
  yield [0, sample.subarray(0, Math.min(bytes, FIRST_BYTES))];
  for (let i = 0; i < SAMPLES && bytes >= SAMPLE_BYTES; i++) {
    const at = FIRST_BYTES + i * SAMPLE_BYTES;
    const sector = Math.floor((bytes / SAMPLE_BYTES - 1) * ((i + 1) / SAMPLES));
    yield [sector * SAMPLE_BYTES, sample.subarray(at, at + SAMPLE_BYTES)];
  }
}

const emptySample = (): Uint8Array => new Uint8Array(FIRST_BYTES + SAMPLES * SAMPLE_BYTES);

/** Checksum of a sample of the medium, to tell another one by. What cannot be read counts as zeros. */
export function fingerprint(source: BlockDevice): number {
  const sample = emptySample();
  for (const [at, into] of piecesOf(source.bytes, sample))
    source.request({ op: 'read', at, pieces: [into], waits: true }, () => {});
  return crc32(sample) >>> 0;
}

/** The same of a file that nobody has opened as a medium. @throws what reading it throws */
export async function fingerprintOfFile(file: Blob): Promise<number> {
  const sample = emptySample();
  for (const [at, into] of piecesOf(file.size, sample))
    into.set(new Uint8Array(await file.slice(at, at + into.length).arrayBuffer()));
  return crc32(sample) >>> 0;
}
