/**
 * Files of this machine as plain bytes. A Buffer's `slice` shares the bytes that a Uint8Array's copies, and small ones lie somewhere in a
 * buffer that others share: what is written for a page would read and write elsewhere.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const plain = ({ buffer, byteOffset, length }: Buffer): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, length);

/** @throws what node's readFileSync throws */
export const fileBytes = (path: string): Uint8Array<ArrayBuffer> => plain(readFileSync(path));

/** Rejects with what node's readFile rejects with. */
export const fileBytesLater = async (path: string): Promise<Uint8Array<ArrayBuffer>> => plain(await readFile(path));
