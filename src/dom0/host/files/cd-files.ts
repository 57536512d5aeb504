/** Files for a CD that is made on the spot: what `files:PATH:PATH…` names, in definitions and behind xl cd-insert. */
import { CdError, type CdEntry, makeCd, MOST_CD_ENTRIES } from '../../../formats/file-systems/index.ts';
import { pathsIn } from './cd-names.ts';

/** What is asked of files that a CD is made of: Domain 0's, or those of the machine that `ringside boot` runs on. */
export interface CdFiles {
  stat(path: string): Promise<{ isDirectory: boolean; mtime: Date; size: number }>;
  readFileBuffer(path: string): Promise<Uint8Array>;
  readdir(path: string): Promise<string[]>;
  realpath(path: string): Promise<string>;
}

const MOST_DEPTH = 64;
/** All of it is in memory at once; a DVD of one layer holds some more. */
const MOST_BYTES = 4 * 2 ** 30;

/**
 * A CD with files and folders, each by its own name; of a path that ends in / the folder's contents, as rsync has it. Links are followed.
 * @throws Error with a sentence
 */
export async function cdOfFiles(files: CdFiles, target: string): Promise<Blob> {
  const paths = pathsIn(target);
  if (paths.length === 0)
    throw new Error(
      'files: names nothing. Write files: and the paths of files and folders, for example files:/root/drivers.',
    );
  const gathered: Gathered = { entries: [], seen: 0, bytes: 0 };
  for (const path of paths) await gather(files, path, /\/\.?$/.test(path) ? [] : [lastName(path)], gathered, []);
  const { parts } = makeCd(gathered.entries);
  return new Blob(parts as BlobPart[]);
}

const lastName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** What came together so far: links may lead to one folder on this many ways that they have no end. */
interface Gathered {
  entries: CdEntry[];
  /** Files and folders that were looked at. */
  seen: number;
  bytes: number;
}

/** What is at `path`, as `name` on the CD. `above`: the folders that it was reached through, as they are without links. */
async function gather(
  files: CdFiles,
  path: string,
  name: readonly string[],
  into: Gathered,
  above: readonly string[],
): Promise<void> {
  if (++into.seen > MOST_CD_ENTRIES)
    throw new CdError(
      `${path} is one file more than the ${MOST_CD_ENTRIES} that a CD made here has at most. Pack them into an archive first, and look for links to folders.`,
    );
  const { isDirectory, mtime, size } = await files.stat(path).catch(() => {
    throw new Error(`${path}: No such file or directory`);
  });
  const modifiedMs = mtime.getTime();
  if (!isDirectory) {
    if (name.length === 0) throw new Error(`${path}: Not a directory`);
    if ((into.bytes += size) > MOST_BYTES)
      throw new CdError(
        `With ${path} the files have ${into.bytes} bytes, and a CD made here has at most ${MOST_BYTES}. Leave some out, or give the guest a disk.`,
      );
    into.entries.push({ path: name, data: await files.readFileBuffer(path), modifiedMs });
    return;
  }
  const real = await files.realpath(path);
  if (above.includes(real) || above.length > MOST_DEPTH)
    throw new CdError(`${path} leads back to a folder that it lies in: such a tree has no end. Remove the link.`);
  if (name.length > 0) into.entries.push({ path: name, modifiedMs });
  for (const inside of (await files.readdir(path)).sort())
    await gather(files, `${path.replace(/\/$/, '')}/${inside}`, [...name, inside], into, [...above, real]);
}
