/**
 * Files of this machine as plain bytes. A Buffer's `slice` shares the bytes that a Uint8Array's copies, and small ones lie somewhere in a
 * buffer that others share: what is written for a page would read and write elsewhere.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const plain = ({ buffer, byteOffset, length }: Buffer): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, length);

/** By its path, or open. @throws what node's readFileSync throws */
export const fileBytes = (path: string | number): Uint8Array<ArrayBuffer> => plain(readFileSync(path));

/** Rejects with what node's readFile rejects with. */
export const fileBytesLater = async (path: string): Promise<Uint8Array<ArrayBuffer>> => plain(await readFile(path));

/** What to say behind a path for what those have thrown. */
export function cannotRead(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'does not exist; check the path';
  if (code === 'EISDIR') return 'is a folder; name a file';
  if (code === 'EACCES') return 'may not be read; check its permissions';
  return `cannot be read (${code ?? (error as Error).message})`;
}
