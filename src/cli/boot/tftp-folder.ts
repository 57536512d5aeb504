/** Files of this machine that the machine on the host's wire gives out by TFTP: those of one folder, read when somebody asks. */
import { statSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import type { PeerOptions } from '../../devices/net/index.ts';
import { fileBytes } from '../file-bytes.ts';

/** TFTP's block numbers go round: a transfer of any length ends. What is read stays in memory while it is sent. */
export function tftpFolder(bootFile: string): PeerOptions {
  const folder = dirname(bootFile);
  const get = (path: string): Uint8Array | undefined => {
    const name = normalize(path);
    // No way out of the folder.
    if (name.startsWith('..') || name.includes('\0')) return undefined;
    const file = join(folder, name);
    return statSync(file, { throwIfNoEntry: false })?.isFile() ? fileBytes(file) : undefined;
  };
  return { files: { get }, bootFile: basename(bootFile) };
}
