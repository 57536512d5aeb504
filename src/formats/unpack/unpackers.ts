/** What unpacks files, which come together where somebody has a packed one. */
import { gunzipHead } from './inflate.ts';
import { isGzip, isXz } from './magic.ts';
import { statedSize, unxzHead, unxzInSteps } from './xz.ts';
import { statedZstdSize, unzstdHead, unzstdInSteps } from './zstd.ts';

export { gunzip } from './inflate.ts';
export { unxz } from './xz.ts';
export { unzstd } from './zstd.ts';

/** What a packed file begins with, as far as its own beginning tells it: of `most` bytes this many as could be unpacked. */
export const headInside = (packed: Uint8Array, most: number): Uint8Array<ArrayBuffer> =>
  (isGzip(packed) ? gunzipHead : isXz(packed) ? unxzHead : unzstdHead)(packed, most);

/** What an xz or zstd file says that it unpacks to, where it says so. */
export const statedBytes = (packed: Uint8Array): number | undefined =>
  isXz(packed) ? statedSize(packed) : statedZstdSize(packed);

/** An xz or zstd file, for a caller that others wait for: a step unpacks at most 2 MiB. @throws DecodeError */
export const unpackInSteps = (
  packed: Uint8Array,
  options: { limit: number },
): Generator<void, Uint8Array<ArrayBuffer>> => (isXz(packed) ? unxzInSteps : unzstdInSteps)(packed, options);
