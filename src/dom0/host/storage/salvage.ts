/** A look at a journal's two files that changes nothing and goes on behind what is damaged, and another journal with what was read. */
import { type Flushed, type Header, HEADER_BYTES, headerBytes, oldHeader, readHeader } from './journal-format.ts';
import { findList, type Found, writeList } from './journal.ts';
import { type Bad, firstMark, readList } from './journal-list.ts';
import type { Store, StoreFile } from './store.ts';

/** Generations of an old list whose header is gone that are tried. */
const MOST_GENERATIONS = 10_000;

export interface JournalLook {
  /** The file with the list. */
  file: string;
  /** undefined: there is no list. */
  header: Header | undefined;
  /** Of its file, and how many of them are known to be flushed. */
  bytes: number;
  flushedBytes: number;
  records: Uint8Array[];
  /** Never flushed, at its end: the next write cuts them off. */
  torn: number;
  damage: Bad[];
  /** Why the two files are no journal. */
  problem: string | undefined;
  /** Of a later list there may be none. */
  newestGeneration: number;
}

/** What the headers of a journal say, without its records. */
export async function headOf(store: Store, name: string): Promise<Found> {
  const files = [await store.open(`${name}.0`), await store.open(`${name}.1`)];
  try {
    return findList(files, name, store.where);
  } finally {
    for (const file of files) file.close();
  }
}

export async function lookAtJournal(store: Store, name: string): Promise<JournalLook> {
  const files = [await store.open(`${name}.0`), await store.open(`${name}.1`)];
  try {
    const found = findList(files, name, store.where);
    const file = files[found.current];
    const header = found.header ?? (found.problem === undefined ? undefined : lostHeader(file, found.flushed));
    const records: Uint8Array[] = [];
    const reading = header
      ? readList(file, header, found.flushed?.bytes ?? 0, record => records.push(record), { salvage: true })
      : { torn: 0, damage: [] };
    return {
      file: `${name}.${found.current}`,
      header,
      bytes: file.bytes,
      flushedBytes: Math.max(header?.durable ?? 0, found.flushed?.bytes ?? 0),
      records,
      torn: reading.torn,
      damage: reading.damage,
      problem: found.problem,
      newestGeneration: Math.max(
        found.flushed?.generation ?? 0,
        ...files.map(each => readHeader(each)?.generation ?? 0),
      ),
    };
  } finally {
    for (const file of files) file.close();
  }
}

/** What the header was, as far as the rest of the list tells it. */
function lostHeader(file: StoreFile, flushed: Flushed | undefined): Header | undefined {
  if (flushed) {
    const { generation, identity } = flushed;
    const durable = firstMark(file, generation) ?? flushed.bytes;
    const { crc } = headerBytes({ generation, identity, bytes: durable });
    return { version: 2, generation, identity, bytes: HEADER_BYTES, durable, crc, isWhole: false };
  }
  for (let generation = 1; generation <= MOST_GENERATIONS; generation++) {
    const header = oldHeader(generation);
    const head = { ...header, durable: 0 };
    if (readsOne(file, head)) return header;
  }
  return undefined;
}

/** Whether the first record fits behind this header. */
function readsOne(file: StoreFile, header: Header): boolean {
  let count = 0;
  const stop = new Error('enough');
  try {
    readList(file, header, 0, () => {
      count++;
      throw stop;
    });
  } catch (error) {
    if (error !== stop) throw error;
  }
  return count > 0;
}

/** A journal with these records, in place of whatever its files hold; nothing of them is read again. */
export async function writeJournal(
  store: Store,
  name: string,
  head: Pick<Header, 'generation' | 'identity'>,
  records: readonly Uint8Array[],
): Promise<void> {
  const files = [await store.open(`${name}.0`), await store.open(`${name}.1`)];
  try {
    for (const file of files) file.truncate(0);
    writeList(files[0], head, records);
    for (const file of files) file.flush();
  } finally {
    for (const file of files) file.close();
  }
}
