/**
 * Files that somebody gave, opened again after a reload. Small ones are kept as they are. Of others the browser's handle is kept where it has one; else the
 * page asks for the file, and knows it again by its size and a fingerprint.
 */

import { signal } from '@preact/signals';
import type { NamedFile } from '../dom0/service/index.ts';
import { type FileHandle, handleOf, noteHandle } from './dropped-files.ts';
import { keep, recall } from './indexed-db.ts';
import { addFiles, GIVEN_KEY, wanted } from './navigation.ts';
import { viewStrings } from './view-strings.ts';

const words = viewStrings.reopen;

export interface Remembered {
  name: string;
  bytes: number;
  fingerprint: string;
  /** Of a small one, such as a definition. */
  content?: Blob;
  handle?: FileHandle;
}

/** Files that were given together. */
export interface RememberedSet {
  files: Remembered[];
  givenMs: number;
  /** Of the domain that was made from them. */
  name?: string;
}

/** The latest first. */
export const remembered = signal<readonly RememberedSet[]>([]);
/** A set that is being opened, what is there of it, and what is wrong with the rest. */
export const opening = signal<
  { set: RememberedSet; have: NamedFile[]; missing: Remembered[]; problem?: string } | undefined
>(undefined);

const MOST_SETS = 6;
/** Not larger: it is kept. */
const CONTENT_BYTES = 256 * 1024;
/** Read from each of the beginning, the middle and the end. */
const PART_BYTES = 64 * 1024;

/** FNV-1a over parts of it, in hexadecimal: it tells files apart that somebody mixed up, not those of somebody who wants to deceive. */
export async function fingerprintOf(data: Blob): Promise<string> {
  let hash = 0x811c9dc5;
  for (const start of new Set([0, Math.max(0, (data.size - PART_BYTES) >> 1), Math.max(0, data.size - PART_BYTES)])) {
    for (const byte of new Uint8Array(await data.slice(start, start + PART_BYTES).arrayBuffer()))
      hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, '0');
}

/** `other` has all of its files, or newer ones by these names; what a domain was made from represents itself. */
const isWithin = ({ files, name }: RememberedSet, other: RememberedSet): boolean =>
  (name === undefined || files.length === other.files.length) &&
  files.every(file => other.files.some(each => each.name === file.name));

async function keepSets(sets: readonly RememberedSet[]): Promise<void> {
  remembered.value = sets;
  // A browser that keeps nothing forgets them.
  await keep(GIVEN_KEY, sets).catch(() => {});
}

/** `name`: of the domain that was made from them. A file that cannot be read is not remembered, nor are those next to it. */
export async function remember(given: readonly NamedFile[], name?: string): Promise<void> {
  try {
    const files = await Promise.all(
      [...given]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(async ({ name: called, data }): Promise<Remembered> => {
          const handle = await handleOf(data);
          return {
            name: called,
            bytes: data.size,
            fingerprint: await fingerprintOf(data),
            ...(data.size <= CONTENT_BYTES ? { content: data } : handle ? { handle } : {}),
          };
        }),
    );
    const fresh: RememberedSet = { files, givenMs: Date.now(), ...(name === undefined ? {} : { name }) };
    await loaded;
    await keepSets([fresh, ...remembered.peek().filter(each => !isWithin(each, fresh))].slice(0, MOST_SETS));
  } catch {
    // It goes on without.
  }
}

export const forget = (which: RememberedSet): Promise<void> =>
  keepSets(remembered.peek().filter(each => each !== which));

const loaded: Promise<void> = recall<RememberedSet[]>(GIVEN_KEY).then(
  sets => {
    if (Array.isArray(sets)) remembered.value = sets;
  },
  () => {},
);

/** What can be opened of one at a person's click. @throws Error where it is not what it was */
async function openOne({ name, bytes, fingerprint, content, handle }: Remembered): Promise<NamedFile | undefined> {
  if (content) return { name, data: content };
  if (!handle) return undefined;
  const how = { mode: 'read' } as const;
  let answer = (await handle.queryPermission?.(how)) ?? 'granted';
  if (answer !== 'granted') answer = (await handle.requestPermission?.(how)) ?? 'denied';
  if (answer !== 'granted') return undefined;
  // Moved, renamed or deleted: it is asked for.
  const data = await handle.getFile().catch(() => undefined);
  if (!data) return undefined;
  if (data.size !== bytes || (await fingerprintOf(data)) !== fingerprint) throw new Error(words.changed(name));
  noteHandle(data, handle);
  return { name, data };
}

/** What of them can be opened at a person's click. */
export async function filesAtHand({ files }: RememberedSet): Promise<NamedFile[]> {
  const opened = await Promise.all(files.map(file => openOne(file).catch(() => undefined)));
  return opened.filter(file => file !== undefined);
}

/** Opens them as if they were dropped again, and asks for those that cannot be opened. */
export async function reopen(which: RememberedSet): Promise<void> {
  const have: NamedFile[] = [],
    missing: Remembered[] = [];
  let problem: string | undefined;
  for (const file of which.files) {
    try {
      const opened = await openOne(file);
      if (opened) have.push(opened);
      else missing.push(file);
    } catch (error) {
      problem = (error as Error).message;
      missing.push(file);
    }
  }
  await goOn(which, have, missing, problem);
}

async function goOn(which: RememberedSet, have: NamedFile[], missing: Remembered[], problem?: string): Promise<void> {
  if (missing.length === 0) {
    stopAsking();
    return addFiles(have);
  }
  opening.value = { set: which, have, missing, ...(problem === undefined ? {} : { problem }) };
  wanted.value = takeIn;
}

export function stopAsking(): void {
  opening.value = wanted.value = undefined;
}

/** Files that were given while some are asked for: what is none of those is given back. */
async function takeIn(given: readonly NamedFile[]): Promise<NamedFile[]> {
  const now = opening.peek();
  if (!now) return [...given];
  const have = [...now.have],
    missing: Remembered[] = [];
  let problem: string | undefined;
  for (const file of now.missing) {
    const found = given.find(({ name }) => name === file.name);
    if (found && found.data.size === file.bytes && (await fingerprintOf(found.data)) === file.fingerprint)
      have.push(found);
    else {
      if (found) problem = words.other(file.name, file.bytes, found.data.size);
      missing.push(file);
    }
  }
  const rest = given.filter(({ name }) => !now.missing.some(file => file.name === name));
  if (rest.length === given.length) return rest;
  await goOn(now.set, have, missing, problem);
  return [];
}
