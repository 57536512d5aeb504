/** Images as they were fetched: packed. What Ringside can unpack is unpacked on the way in, once, and never written. */
import {
  crc32,
  DecodeError,
  gunzip,
  gunzipHead,
  isGzip,
  loadXz,
  nameInside,
  packingOf,
  TooLargeError,
  unpacksHere,
} from '../hypervisor/unpack/index.ts';
import { HEAD_BYTES, imageKind, MOST_UNPACKED_BYTES } from './images.ts';

/** What a packed file must be looked at for to know what it begins with: more than an LZMA2 chunk, which has 64 KiB. */
export const PACKED_HEAD_BYTES = 2 * HEAD_BYTES;
/** The last ones that were unpacked are kept: a file is judged before it is taken, and each time that it comes in it comes as another object. */
const MOST_KEPT = 4;

/** What a packed file of this beginning begins with when it is unpacked. @throws Error where what unpacks it cannot be loaded */
export async function headInside(packedHead: Uint8Array): Promise<Uint8Array> {
  return isGzip(packedHead) ? gunzipHead(packedHead, HEAD_BYTES) : (await loadXz()).unxzHead(packedHead, HEAD_BYTES);
}

/** Whether a packed file of this name and beginning holds an image; false, too, for one that is not unpacked here. */
export async function holdsImage(name: string, packedHead: Uint8Array): Promise<boolean> {
  const packing = packingOf(packedHead);
  return (
    packing !== undefined &&
    unpacksHere(packedHead) &&
    imageKind(nameInside(name, packing), await headInside(packedHead)) !== undefined
  );
}

const kept = new Map<string, Blob>();

/**
 * What is in a packed image; the file itself where it is not packed, or by something that is not unpacked here, or has more than 1 GiB: `imageProblem` says
 * what to do with it then. @throws Error with a sentence where it is damaged
 */
export async function unpackedImage(name: string, data: Blob): Promise<Blob> {
  const bytesOf = async (from: number, to: number): Promise<Uint8Array<ArrayBuffer>> =>
    new Uint8Array(await data.slice(from, to).arrayBuffer());
  const head = await bytesOf(0, PACKED_HEAD_BYTES);
  if (!unpacksHere(head)) return data;
  // A gzip file ends with its content's check sum and size.
  const key = `${data.size} ${crc32(head)} ${crc32(await bytesOf(Math.max(0, data.size - HEAD_BYTES), data.size))}`;
  const known = kept.get(key);
  if (known) return known;
  try {
    const inside = isGzip(head) ? await gunzipped(data) : await unxzed(data);
    kept.set(key, inside);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value as string);
    return inside;
  } catch (error) {
    if (error instanceof TooLargeError) return data;
    if (error instanceof DecodeError) throw new Error(damaged(name, head, error));
    throw error;
  }
}

/** What is said of a packed file that cannot be unpacked. */
export const damaged = (name: string, head: Uint8Array, { message }: DecodeError): string =>
  `${name} is damaged: it is packed with ${packingOf(head)?.name} and cannot be unpacked (${message}). Copy or fetch it again.`;

/** By the platform, a piece at a time. @throws DecodeError */
async function gunzipped(data: Blob): Promise<Blob> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  try {
    const reader = data.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return new Blob(pieces);
      pieces.push(value);
      bytes += value.length;
      if (bytes > MOST_UNPACKED_BYTES) throw new TooLargeError('unpacks to more than is kept', 0);
    }
  } catch (error) {
    if (error instanceof TooLargeError) throw error;
    // Browsers take files of one member alone, and do not say where one is damaged.
    return new Blob([gunzip(new Uint8Array(await data.arrayBuffer()), { limit: MOST_UNPACKED_BYTES })]);
  }
}

/** In steps, between which others have their turn. @throws DecodeError */
async function unxzed(data: Blob): Promise<Blob> {
  const packed = new Uint8Array(await data.arrayBuffer());
  const { statedSize, unxzInSteps } = await loadXz();
  if ((statedSize(packed) ?? 0) > MOST_UNPACKED_BYTES) throw new TooLargeError('unpacks to more than is kept', 0);
  const steps = unxzInSteps(packed, { limit: MOST_UNPACKED_BYTES });
  for (;;) {
    const { done, value } = steps.next();
    if (done) return new Blob([value]);
    await data.slice(0, 1).arrayBuffer();
  }
}
