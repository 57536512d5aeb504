/** What Domain 0 itself does with its file tree; KeptFiles is one. */
import type { IFileSystem } from 'just-bash/browser';
import type { KeptFiles } from './kept-files.ts';

export type HostFiles = Pick<IFileSystem, 'readFileBuffer' | 'writeFile' | 'appendFile' | 'readdir' | 'mkdir' | 'rm' | 'symlink' | 'stat' | 'lstat' | 'realpath' | 'exists'> &
  Pick<KeptFiles, 'truncate'>;

/** Writes a file and the folders that it lies in. @throws Error with a sentence of the file system */
export async function writeWhole(files: HostFiles, path: string, bytes: Uint8Array): Promise<void> {
  await files.mkdir(path.slice(0, path.lastIndexOf('/')) || '/', { recursive: true });
  await files.writeFile(path, bytes);
}
