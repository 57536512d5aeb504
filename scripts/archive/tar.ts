/** Reads tar archives, by modern-tar: what Debian's packages hold. */
import { unpackTar } from 'modern-tar';

export interface TarEntry {
  /** Without a leading "./". */
  path: string;
  type: 'file' | 'folder' | 'link' | 'other';
  data: Uint8Array;
  /** A link's target. */
  target: string;
  /** A second name of the file `target`, which is a path within the archive. */
  isHardLink: boolean;
  permissions: number;
  /** Numbers of the user and the group that it belongs to. */
  owner: number;
  group: number;
}

const TYPES: Readonly<Record<string, TarEntry['type']>> = {
  file: 'file',
  directory: 'folder',
  link: 'link',
  symlink: 'link',
};

/** @throws Error where it is damaged or truncated */
export async function readTar(archive: Uint8Array): Promise<TarEntry[]> {
  const entries = await unpackTar(archive, { strict: true }).catch((error: Error) => {
    throw new Error(`damaged tar archive: ${error.message}`);
  });
  return entries.map(({ header: { name, type = 'file', linkname = '', mode = 0, uid = 0, gid = 0 }, data }) => ({
    path: name.replace(/^\.\//, ''),
    type: TYPES[type] ?? 'other',
    data: data ?? new Uint8Array(0),
    target: linkname,
    isHardLink: type === 'link',
    permissions: mode & 0o7777,
    owner: uid,
    group: gid,
  }));
}
