/** Images as they were fetched: packed. What Ringside can unpack is unpacked on the way in, once, and never written. */
import {
  crc32,
  DecodeError,
  isGzip,
  unpackers,
  nameInside,
  packingOf,
  TooLargeError,
} from '../../../formats/unpack/index.ts';
import { HEAD_BYTES, imageKind, MOST_UNPACKED_BYTES } from './images.ts';

/** The last ones that were unpacked are kept, by what tells one from another: a file is judged before it is taken, and each time that it comes in it comes as another object. */
export class LastUnpacked<Content> {
  private readonly kept = new Map<string, Content>();
  private readonly most: number;

  constructor(most = 4) {
    this.most = most;
  }

  get(key: string): Content | undefined {
    return this.kept.get(key);
  }

  set(key: string, content: Content): void {
    this.kept.set(key, content);
    if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value as string);
  }
}

/** Whether a file that is packed by something that is unpacked here holds an image. @throws Error where what unpacks it cannot be loaded */
export async function holdsImage(name: string, packedHead: Uint8Array): Promise<boolean> {
  const packing = packingOf(packedHead);
  if (!packing) return false;
  const { headInside } = await unpackers.load();
  return imageKind(nameInside(name, packing), headInside(packedHead, HEAD_BYTES)) !== undefined;
}

const kept = new LastUnpacked<Blob>();

/** See packed.ts; `head`: how the file begins. @throws Error with a sentence where it is damaged */
export async function unpackedImage(name: string, data: Blob, head: Uint8Array): Promise<Blob> {
  // A gzip file ends with its content's check sum and size.
  const tail = new Uint8Array(await data.slice(Math.max(0, data.size - HEAD_BYTES)).arrayBuffer());
  const key = `${data.size} ${crc32(head)} ${crc32(tail)}`;
  const known = kept.get(key);
  if (known) return known;
  try {
    const inside = isGzip(head) ? await gunzipped(data) : await inSteps(data);
    kept.set(key, inside);
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
    return new Blob([
      (await unpackers.load()).gunzip(new Uint8Array(await data.arrayBuffer()), { limit: MOST_UNPACKED_BYTES }),
    ]);
  }
}

/** In steps, between which others have their turn. @throws DecodeError */
async function inSteps(data: Blob): Promise<Blob> {
  const packed = new Uint8Array(await data.arrayBuffer());
  const { statedBytes, unpackInSteps } = await unpackers.load();
  if ((statedBytes(packed) ?? 0) > MOST_UNPACKED_BYTES) throw new TooLargeError('unpacks to more than is kept', 0);
  const steps = unpackInSteps(packed, { limit: MOST_UNPACKED_BYTES });
  for (;;) {
    const { done, value } = steps.next();
    if (done) return new Blob([value]);
    await data.slice(0, 1).arrayBuffer();
  }
}
