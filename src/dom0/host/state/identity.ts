/**
 * Whether the journals of a state are of one state. Each has the state's identity, a number that is drawn when Domain 0's files are kept for the first time: the
 * files get it first, then the map of the disk. So a map that has one had files next to it; one that has none is of an earlier version, of a disk that no host
 * has used, or was on its way to one when the power was cut.
 */
import { areOfTwo, damaged, headOf, type Store } from '../storage/index.ts';

/** 0: none was given yet. undefined: there is no list. */
export interface Identities {
  files: number | undefined;
  disk: number | undefined;
}

/** What is wrong with them: a sentence that names the files. */
export function notOfOne({ files, disk }: Identities, where: string): string | undefined {
  const together = 'Put back the files that belong together.';
  if (disk && files === undefined)
    return `files.0 and files.1 in ${where} are missing: a host kept Domain 0's files there, next to the disk of disk.0 and disk.1. ${together}`;
  if (files && disk === undefined)
    return `disk.0 and disk.1 in ${where} are missing: they are next to files.0 and files.1, which a host has written. ${together}`;
  if (areOfTwo(files ?? 0, disk ?? 0) || (disk && !files))
    return `files.0 and files.1 in ${where} are of another state than disk.0 and disk.1: the ones or the others were copied from elsewhere. ${together}`;
  return undefined;
}

/** Reads them, and only reads. @throws StoreDamaged: they are not of one state */
export async function identitiesOf(store: Store): Promise<Identities> {
  const look = store.look ?? store;
  const [files, disk] = [await headOf(look, 'files'), await headOf(look, 'disk')];
  const found = { files: files.header?.identity, disk: disk.header?.identity };
  // If a header cannot be read, the code that opens that journal says more.
  if (files.problem !== undefined || disk.problem !== undefined) return found;
  const problem = notOfOne(found, store.where);
  if (problem !== undefined) throw damaged(store, problem);
  return found;
}
