/** Images that lie under what guests write, identified by what is in them: two hosts may have the same one under different names. */
import { outside, readBlob } from '../../formats/bytes/index.ts';
import type { Medium } from '../../hypervisor/index.ts';
import type { CommandHost, Uses } from './command-host.ts';

export interface ImageDigest {
  /** Where the other host has it. */
  path: string;
  /** What lies in a guest's drive: what the definition calls that. */
  vdev?: string;
  bytes: number;
  /** In hexadecimal digits. */
  sha256: string;
}

/** Files and folders that are looked through for one. */
const MOST_ENTRIES = 10_000;
/** What is made as it is read, and what is no file. */
const NOT_FILES = ['/dev', '/proc', '/sys'];

const known = new WeakMap<Blob, Promise<string>>();

/** @throws what reading it throws */
export function sha256Of(data: Blob): Promise<string> {
  let digest = known.get(data);
  if (!digest) known.set(data, (digest = digestOf(data)));
  return digest;
}

async function digestOf(data: Blob): Promise<string> {
  const hash = await outside(crypto.subtle.digest('SHA-256', await readBlob(data)));
  return Array.from(new Uint8Array(hash), byte => byte.toString(16).padStart(2, '0')).join('');
}

/** What lies in a drive; undefined: it is no file that is read here. */
export const mediumData = (medium: Medium): Blob | undefined =>
  'data' in medium ? medium.data : 'bytes' in medium ? new Blob([medium.bytes as BlobPart]) : undefined;

/** Of what lies in a drive; undefined: it is no file that is read here. */
export async function mediumDigest(medium: Medium): Promise<ImageDigest | undefined> {
  const data = mediumData(medium);
  return data && { path: medium.name, bytes: data.size, sha256: await sha256Of(data) };
}

/** @throws what reading it throws */
export async function imageDigest(host: Uses<'files'>, path: string): Promise<ImageDigest> {
  const medium = await host.files.mediumOf({ name: path, data: await host.files.readFile(path) });
  return { ...(await mediumDigest(medium))!, path };
}

interface FoundImage {
  path: string;
  medium: Medium;
}

/** The image under its own path here, or another file with the same contents. @throws Error with a sentence: there is none */
export async function findImage(host: CommandHost, wanted: ImageDigest): Promise<FoundImage> {
  const is = async (path: string): Promise<FoundImage | undefined> => {
    const data = await host.files.readFile(path).catch(() => undefined);
    if (!data) return undefined;
    const medium = await host.files.mediumOf({ name: path, data });
    const unpacked = mediumData(medium);
    const isSame = unpacked?.size === wanted.bytes && (await sha256Of(unpacked)) === wanted.sha256;
    return isSame ? { path, medium } : undefined;
  };
  const there = await is(wanted.path);
  if (there) return there;
  for await (const path of filesOf(host, wanted.bytes)) {
    const found = await is(path);
    if (found) return found;
  }
  throw new Error(
    `No file here has the contents of ${wanted.path} (${wanted.bytes} bytes, SHA-256 ${wanted.sha256.slice(0, 16)}…). Copy it to this host, under any name, or have both hosts reach it by nbd://.`,
  );
}

/** Paths of Domain 0's files of this many bytes. */
async function* filesOf({ files: { own: files } }: Uses<'files'>, bytes: number): AsyncGenerator<string> {
  const folders = files ? ['/'] : [];
  for (let entries = 0; folders.length > 0; ) {
    const folder = folders.pop()!;
    for (const name of await files!.readdir(folder).catch(() => [])) {
      if (++entries > MOST_ENTRIES) return;
      const path = `${folder === '/' ? '' : folder}/${name}`;
      if (NOT_FILES.includes(path)) continue;
      const stat = await files!.lstat(path).catch(() => undefined);
      if (stat?.isDirectory) folders.push(path);
      else if (stat?.isFile && stat.size === bytes) yield path;
    }
  }
}
