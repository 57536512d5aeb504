/** What devices ask of requests and of the bytes that they are about: how many, where, in which units. */
import type { BlockRequest, Done } from './block-device.ts';

/** Bytes at, at + length − 1 in units of `unit` bytes: for each its number, the first byte within it, where that lies in the whole, and how many. */
export function inUnits(
  at: number,
  length: number,
  unit: number,
  visit: (number: number, within: number, from: number, count: number) => void,
): void {
  for (let from = 0; from < length; ) {
    const number = Math.floor((at + from) / unit);
    const within = (at + from) % unit;
    const count = Math.min(length - from, unit - within);
    visit(number, within, from, count);
    from += count;
  }
}

/** Bytes that a request is about. */
export function lengthOf(request: BlockRequest): number {
  if (request.op === 'flush') return 0;
  if (request.op === 'discard') return request.bytes;
  return request.pieces.reduce((sum, { length }) => sum + length, 0);
}

/** `done` of each of this many requests: `all` is called once all have ended, with the first error. */
export function endOf(requests: number, all: Done): Done {
  let left = requests;
  let failed: Error | undefined;
  return error => {
    failed ??= error;
    if (--left === 0) all(failed);
  };
}

/** What is wrong with bytes that leave their device; `what`: the device. The caller has checked, so this is a defect of ours and no way out of a guest's disk. */
export const outside = (
  { bytes }: { bytes: number },
  at: number,
  length: number,
  what: string,
): RangeError | undefined =>
  at >= 0 && length >= 0 && at + length <= bytes
    ? undefined
    : new RangeError(`${length} bytes at ${at} do not lie within ${what}.`);

/** @throws RangeError, see `outside` */
export function within(device: { bytes: number }, at: number, length: number, what: string): void {
  const error = outside(device, at, length, what);
  if (error) throw error;
}

/** What lies in pieces, one behind the other, to byte `at` of `into`. */
export function gather(pieces: readonly Uint8Array[], into: Uint8Array, at = 0): void {
  let to = at;
  for (const piece of pieces) {
    into.set(piece, to);
    to += piece.length;
  }
}

/** From byte `at` of `from` on, into pieces. */
export function scatter(from: Uint8Array, pieces: readonly Uint8Array[], at = 0): void {
  let next = at;
  for (const piece of pieces) {
    piece.set(from.subarray(next, next + piece.length));
    next += piece.length;
  }
}
