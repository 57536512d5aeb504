/** What of a kept state can be read, and another state with that: for `ringside storage check` and `repair`, and for a page whose state does not open. */
import { decodeChanges } from '../files/index.ts';
import { type Identities, notOfOne } from './identity.ts';
import { type JournalLook, lookAtJournal, salvageMap, Storage, type Store, writeJournal } from '../storage/index.ts';

export interface StateCheck {
  /** For people. */
  lines: string[];
  isDamaged: boolean;
}

const JOURNALS = ['files', 'disk'] as const;
const DATA = 'disk.data';
/** Paths that are named at most. */
const MOST_NAMED = 20;

async function dataBytes(store: Store): Promise<number> {
  const data = await store.open(DATA);
  try {
    return data.bytes;
  } finally {
    data.close();
  }
}

/** Reads a state that no host has open, and only reads: `store` opens its files for nothing else. @throws Error of the store */
export async function checkState(store: Store): Promise<StateCheck> {
  const lines: string[] = [];
  let isDamaged = false;
  const bad = (line: string): void => {
    isDamaged = true;
    lines.push(line);
  };
  const bytes = await dataBytes(store);
  const identities: Identities = { files: undefined, disk: undefined };
  for (const name of JOURNALS) {
    const look = await lookAtJournal(store, name);
    identities[name] = look.header?.identity;
    tellJournal(look, lines, bad);
    if (look.header === undefined) {
      if (look.problem !== undefined) continue;
      if (name === 'disk' && bytes > 0) bad(`disk.0 and disk.1: there is no map, and ${DATA} has ${bytes} bytes.`);
      else lines.push(`${name}.0 and ${name}.1: nothing was kept in them yet.`);
    } else if (name === 'files') {
      const { paths, unreadable } = readFiles(look.records, store.where);
      lines.push(`files: ${paths.size} files, folders and links.`);
      if (unreadable > 0) bad(`files: ${unreadable} records check and cannot be understood.`);
    } else tellMap(look, bytes, lines, bad);
  }
  const problem = isDamaged ? undefined : notOfOne(identities, store.where);
  if (problem !== undefined) bad(problem);
  if (!isDamaged && bytes > 0)
    try {
      const volumes = await volumesOf(store);
      lines.push(`vg0: ${volumes.length} volumes.`);
    } catch (error) {
      bad((error as Error).message);
    }
  return { lines, isDamaged };
}

function tellJournal(look: JournalLook, lines: string[], bad: (line: string) => void): void {
  const { file, header, bytes, records, torn, damage, problem, flushedBytes } = look;
  if (problem !== undefined) bad(problem);
  if (header)
    lines.push(
      `${file}: list ${header.generation}, ${records.length} records in ${bytes} bytes; ${
        header.version === 1
          ? 'an earlier version wrote it, and did not say how far it was flushed'
          : `${flushedBytes} bytes are known to be flushed`
      }.`,
    );
  if (torn > 0) lines.push(`${file}: its last ${torn} bytes were never flushed; the next write cuts them off.`);
  for (const { at, to, why, bit } of damage)
    bad(
      bit
        ? `${file}: damaged at byte ${at}: bit ${bit.bit} of byte ${bit.at} is wrong. repair puts it right.`
        : `${file}: damaged at byte ${at}: ${why}. ${to > at ? `Bytes ${at} to ${to - 1} cannot be read.` : ''}`,
    );
}

function tellMap(look: JournalLook, bytes: number, lines: string[], bad: (line: string) => void): void {
  const map = salvageMap(look.records, bytes);
  lines.push(`disk: ${map.extents} extents in ${bytes} bytes of ${DATA}.`);
  if (!map.hasSize) bad('disk: the record of its size is not there.');
  for (const problem of map.problems.slice(0, MOST_NAMED)) bad(`disk: ${problem}.`);
  if (map.lostExtents > 0 || (map.isWhole && bytes < map.dataBytes))
    bad(`${DATA}: it ends at byte ${bytes}, and the map names ${map.neededBytes} bytes.`);
}

function readFiles(records: readonly Uint8Array[], where: string) {
  const paths = new Set<string>();
  const good: Uint8Array[] = [];
  for (const record of records) {
    try {
      for (const { kind, path } of decodeChanges(record, where)) {
        if (kind === 'gone')
          for (const each of [...paths]) if (each === path || each.startsWith(`${path}/`)) paths.delete(each);
        if (kind !== 'gone') paths.add(path);
      }
      good.push(record);
    } catch {
      // It is counted.
    }
  }
  return { paths, good, unreadable: records.length - good.length };
}

/** Names of the volumes. @throws Error with a sentence where the disk or its group cannot be read */
async function volumesOf(store: Store): Promise<string[]> {
  const opened: { close(): void }[] = [];
  const looked: Store = {
    where: store.where,
    outlivesHost: true,
    open: async name => {
      const file = await store.open(name);
      opened.push(file);
      return file;
    },
  };
  try {
    const storage = await Storage.open({ store: looked, epochMs: () => 0, random: () => 0 });
    return storage.volumes.map(({ name }) => name);
  } finally {
    for (const file of opened) file.close();
  }
}

/**
 * Writes the journals of `target` again with what can be read of those of `source`, a copy of the same files; the data are left as they are, but for their
 * length. @returns what was saved and what is lost @throws Error of the store
 */
export async function repairState(source: Store, target: Store): Promise<string[]> {
  const lines: string[] = [];
  const data = await target.open(DATA);
  try {
    const looks = { files: await lookAtJournal(source, 'files'), disk: await lookAtJournal(source, 'disk') };
    const identity = tellIdentity(looks, lines);
    for (const name of JOURNALS) {
      const look = looks[name];
      tellLost(look, lines);
      let { records } = look;
      // What never was is not made.
      if (!look.header && look.problem === undefined && (name === 'files' || data.bytes === 0)) continue;
      if (name === 'files') {
        const { paths, good, unreadable } = readFiles(records, source.where);
        records = good;
        lines.push(`files: ${paths.size} files, folders and links are saved.`);
        if (unreadable > 0)
          lines.push(`files: ${unreadable} records check and cannot be understood; they are left out.`);
      } else {
        const map = salvageMap(records, data.bytes);
        records = map.records;
        if (data.bytes < map.dataBytes) data.truncate(map.dataBytes);
        data.flush();
        tellSaved(map, lines);
      }
      await writeJournal(target, name, { generation: look.newestGeneration + 1, identity }, records);
    }
  } finally {
    data.close();
  }
  try {
    const volumes = await volumesOf(target);
    lines.push(`vg0: its volumes are ${volumes.length > 0 ? volumes.join(', ') : 'none'}.`);
  } catch (error) {
    lines.push((error as Error).message);
  }
  return lines;
}

/** @returns what both journals have from now on: without files, or without a disk, the next host draws another */
function tellIdentity(looks: Record<'files' | 'disk', JournalLook>, lines: string[]): number {
  const [files, disk] = [looks.files.header?.identity, looks.disk.header?.identity];
  const haveHeaders = looks.files.problem === undefined && looks.disk.problem === undefined;
  if (haveHeaders && notOfOne({ files, disk }, '') !== undefined)
    lines.push(
      files === undefined
        ? "files.0 and files.1 are missing: Domain 0's files are lost, and the next host begins with those of an installation."
        : disk === undefined
          ? 'disk.0 and disk.1 are missing: the volumes are lost, and the next host begins with an empty disk.'
          : 'files.0 and files.1 are of another state than disk.0 and disk.1; both are kept as they are. Definitions may name volumes that are not there.',
    );
  return files === undefined || disk === undefined ? 0 : files || disk;
}

function tellLost({ file, damage, problem, header, newestGeneration }: JournalLook, lines: string[]): void {
  if (problem !== undefined) lines.push(problem);
  if (problem !== undefined && !header) lines.push(`${file}: nothing of its list can be read.`);
  if (header && header.generation < newestGeneration)
    lines.push(`${file}: what was written after its list ${header.generation} is lost.`);
  for (const { at, to, bit, why } of damage)
    lines.push(
      bit
        ? `${file}: bit ${bit.bit} of byte ${bit.at} was wrong and is put right; nothing of that record is lost.`
        : to > at
          ? `${file}: bytes ${at} to ${to - 1} cannot be read (${why}). What they changed is lost: it is as it was before.`
          : `${file}: ${why}. What was written behind that is lost.`,
    );
}

function tellSaved(map: ReturnType<typeof salvageMap>, lines: string[]): void {
  lines.push(`disk: ${map.extents} extents of its map are saved.`);
  if (map.lostExtents > 0)
    lines.push(`disk: ${map.lostExtents} extents had data behind the end of ${DATA}: they are zeros now.`);
  if (map.unnamedSlots > 0)
    lines.push(
      `disk: ${map.unnamedSlots} slots of ${DATA} are of no extent that is known; they were free, or are lost.`,
    );
  if (map.sharedExtents > 0)
    lines.push(
      `disk: ${map.sharedExtents} extents share a slot, as copies do; where records are lost, one of them may have another's data.`,
    );
}
