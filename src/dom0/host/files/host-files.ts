/** What Domain 0 itself does with its file tree; KeptFiles is one. */
import type { IFileSystem } from 'just-bash/browser';

export type HostFiles = Pick<
  IFileSystem,
  | 'readFileBuffer'
  | 'writeFile'
  | 'appendFile'
  | 'readdir'
  | 'mkdir'
  | 'rm'
  | 'symlink'
  | 'stat'
  | 'lstat'
  | 'realpath'
  | 'readlink'
  | 'chmod'
  | 'utimes'
  | 'mv'
  | 'exists'
> & {
  truncate(path: string, bytes: number): Promise<void>;
};

/** What HostFiles has. */
const FILE_CALLS = [
  'readFileBuffer',
  'writeFile',
  'appendFile',
  'readdir',
  'mkdir',
  'rm',
  'symlink',
  'stat',
  'lstat',
  'realpath',
  'readlink',
  'chmod',
  'utimes',
  'mv',
  'exists',
  'truncate',
] as const satisfies (keyof HostFiles)[];

/** Files that `open` has at each call, which it may look at. */
export const filesFrom = (open: (name: string, given: readonly unknown[]) => Promise<HostFiles>): HostFiles =>
  Object.fromEntries(
    FILE_CALLS.map(name => [
      name,
      async (...given: unknown[]) => {
        const tree = await open(name, given);
        return (tree[name] as (...given: unknown[]) => unknown).call(tree, ...given);
      },
    ]),
  ) as unknown as HostFiles;

/** Writes a file and the folders that it lies in. @throws Error with a sentence of the file system */
export async function writeWhole(files: HostFiles, path: string, bytes: Uint8Array): Promise<void> {
  await files.mkdir(path.slice(0, path.lastIndexOf('/')) || '/', { recursive: true });
  await files.writeFile(path, bytes);
}

/** The path of a name itself, not of what it links to. */
export async function entryOf(tree: Pick<IFileSystem, 'resolvePath' | 'realpath'>, path: string): Promise<string> {
  const whole = tree.resolvePath('/', path);
  const slash = whole.lastIndexOf('/');
  const folder = await tree.realpath(whole.slice(0, slash) || '/').catch(() => whole.slice(0, slash));
  return `${folder === '/' ? '' : folder}${whole.slice(slash)}`;
}
