/** Unpacks Debian packages. Source: deb(5). */

import { gunzipSync } from 'node:zlib';
import { unxz } from '../../src/formats/unpack/xz.ts';
import { readAr } from './ar.ts';
import { readTar, type TarEntry } from './tar.ts';

/** The files that a package installs. */
export const readDeb = (deb: Uint8Array): Promise<TarEntry[]> => memberArchive(deb, 'data');

/** What a package says of itself: `control`, its maintainer's scripts, and lists. */
export const readControl = (deb: Uint8Array): Promise<TarEntry[]> => memberArchive(deb, 'control');

async function memberArchive(deb: Uint8Array, part: 'data' | 'control'): Promise<TarEntry[]> {
  const members = readAr(deb);
  for (const [name, data] of members) {
    if (name === `${part}.tar.xz`) return readTar(unxz(data));
    if (name === `${part}.tar.gz`) return readTar(gunzipSync(data));
    if (name === `${part}.tar`) return readTar(data);
    if (name.startsWith(`${part}.tar`)) throw new Error(`${name}: this compression is not Debian 12's (xz or gzip)`);
  }
  throw new Error(`not a Debian package: it has no ${part}.tar`);
}

/** Picks files of a package by path; throws when one is missing. */
export async function pickFiles(deb: Uint8Array, paths: readonly string[]): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const entry of await readDeb(deb)) if (entry.type === 'file' && paths.includes(entry.path)) found.set(entry.path, entry.data);
  const missing = paths.filter(path => !found.has(path));
  if (missing.length > 0) throw new Error(`the package has no ${missing.join(', ')}`);
  return found;
}
