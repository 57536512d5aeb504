/** Images as they were fetched, packed: what unpacks them (packed-images.ts) is loaded for the first one. */
import { part } from '../../../formats/loading/index.ts';
import { type Packing, packingOf, unpacksHere } from '../../../formats/unpack/index.ts';
import { HEAD_BYTES } from './images.ts';

/** What a packed file must be looked at for to know what it begins with: more than an LZMA2 chunk, which has 64 KiB, and a block of zstd, which has 128. */
export const PACKED_HEAD_BYTES = 3 * HEAD_BYTES;

/** As many as tell what packs a file. */
const MAGIC_BYTES = 16;

const packedImages = part(() => import('./packed-images.ts'), 'unpacks images');

/** Whether a packed file of this name and beginning holds an image; false, too, for one that is not unpacked here. */
export const holdsImage = async (name: string, packedHead: Uint8Array): Promise<boolean> =>
  unpacksHere(packedHead) && (await packedImages.load()).holdsImage(name, packedHead);

/** What a file is packed with; undefined: nothing. */
export const packingOfFile = async (data: Blob): Promise<Packing | undefined> =>
  packingOf(new Uint8Array(await data.slice(0, MAGIC_BYTES).arrayBuffer()));

/**
 * What is in a packed image; the file itself where it is not packed, or by something that is not unpacked here, or has more than 1 GiB: `imageProblem` says
 * what to do with it then. @throws Error with a sentence where it is damaged
 */
export async function unpackedImage(name: string, data: Blob): Promise<Blob> {
  const head = new Uint8Array(await data.slice(0, PACKED_HEAD_BYTES).arrayBuffer());
  return unpacksHere(head) ? (await packedImages.load()).unpackedImage(name, data, head) : data;
}
