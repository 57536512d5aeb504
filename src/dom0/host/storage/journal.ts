/**
 * *Idea.* A durable list of records that survives any power cut. Records are appended to one of two files (journal-format.ts) and become durable
 * together by `flush`. When the list is much longer than what it amounts to, an equivalent short list is written to the other file, which becomes the
 * valid one. After a cut the end of the list may be torn; after damage any part may be wrong; the two must not be confused. So the other file, and
 * marks in the list itself, say how far the list was flushed: only what lies behind that is a torn tail.
 *
 * Opening writes nothing. The torn tail, and what a power cut left of a new list, are cut off before the first write.
 */
import { DeviceFull } from '../../../formats/blocks/index.ts';
import { joined } from '../../../formats/bytes/index.ts';
import {
  type Flushed,
  frame,
  type Header,
  HEADER_BYTES,
  headerBytes,
  isUnborn,
  markBytes,
  readFlushed,
  readHeader,
  RECORD_HEAD_BYTES,
  writeFlushed,
} from './journal-format.ts';
import { type ListReading, readList } from './journal-list.ts';
import { damaged, type Store, type StoreFile } from './store.ts';

/** A list below this is never written again, nor before it is this many times as long as what it amounts to. */
const LEAST_COMPACTION_BYTES = 2 ** 20,
  COMPACTION_FACTOR = 4;

/** Which of the two files has the list that counts, and how far the other one says that it was flushed. */
export interface Found {
  current: number;
  /** undefined: there is none, and there never was. */
  header: Header | undefined;
  flushed: Flushed | undefined;
  /** Why it cannot be that these two belong together, or that there was none. */
  problem?: string;
}

/** Whether these are identities of two states. */
export const areOfTwo = (a: number, b: number): boolean => a !== 0 && b !== 0 && a !== b;

/** `name`: of the journal, `where`: its store's; `expected`: why there must be a list, a sentence. */
export function findList(files: readonly StoreFile[], name: string, where: string, expected?: string): Found {
  const headers = files.map(readHeader);
  const generations = headers.map(header => header?.generation ?? -1);
  const current = generations[1] > generations[0] ? 1 : 0;
  const header = headers[current];
  const marks = files.map(readFlushed);
  if (header) {
    const flushed = marks[1 - current];
    const other = headers[1 - current];
    const found = { current, header, flushed: flushed?.generation === header.generation ? flushed : undefined };
    if ([flushed, other].some(each => each && areOfTwo(each.identity, header.identity)))
      return {
        ...found,
        problem: `${name}.${current} and ${name}.${1 - current} in ${where} are of two states: one of them was copied from elsewhere.`,
      };
    if (flushed && flushed.generation > header.generation)
      return {
        ...found,
        problem: `${name}.${current} in ${where} is of an earlier time than ${name}.${1 - current}: it has the list ${header.generation}, and the list ${flushed.generation} was flushed.`,
      };
    if (other && header.generation - other.generation !== 1)
      return {
        ...found,
        problem: `${name}.0 and ${name}.1 in ${where} are not of one time: they have the lists ${generations[0]} and ${generations[1]}, of which one cannot follow the other.`,
      };
    return found;
  }
  const at = files[1].bytes > files[0].bytes ? 1 : 0;
  const found = { current: at, header, flushed: marks[0] ?? marks[1] };
  if (found.flushed)
    return {
      ...found,
      problem: `The list ${found.flushed.generation} that ${name}.${marks[0] ? 0 : 1} tells of is not in ${name}.${marks[0] ? 1 : 0}, in ${where}: its header, at byte 0, cannot be read.`,
    };
  if (!files.every(isUnborn))
    return { ...found, problem: `The header of ${name}.${at} in ${where}, at byte 0, cannot be read.` };
  return expected === undefined
    ? found
    : { ...found, problem: `${name}.0 and ${name}.1 in ${where} have no list. ${expected}` };
}

/** A list of its own in a file. Its header makes it count: that comes when the rest is durable. */
export function writeList(
  file: StoreFile,
  { generation, identity }: Pick<Header, 'generation' | 'identity'>,
  payloads: readonly Uint8Array[],
): { end: number; crc: number } {
  const end = payloads.reduce((sum, { length }) => sum + RECORD_HEAD_BYTES + length, HEADER_BYTES);
  const header = headerBytes({ generation, identity, bytes: end });
  let { crc } = header,
    at = HEADER_BYTES;
  file.truncate(0);
  for (const payload of payloads) {
    const record = frame(payload, crc);
    file.write(at, record.bytes);
    at += record.bytes.length;
    crc = record.crc;
  }
  file.flush();
  file.write(0, header.bytes);
  file.flush();
  return { end, crc };
}

export class Journal {
  private readonly files: StoreFile[];
  /** Which of the files counts. */
  private current: number;
  private generation: number;
  private state = 0;
  /** Where the next record goes, and the check sum of the last one. */
  private end = HEADER_BYTES;
  private crc = 0;
  /** Bytes of the list that was written again last; of one that was found nothing is known. */
  private liveBytes = 0;
  private readonly waiting: Uint8Array[] = [];
  private readonly leastCompaction: number;
  /** Of a list as earlier versions wrote it: it has no marks. */
  private isOld = false;
  /** What is left to do before the first write. */
  private prepare: (() => void) | undefined;
  /** Counts what was written of how far the list was flushed. */
  private turns = 0;

  private constructor(files: StoreFile[], { current, header }: Found, leastCompaction: number) {
    this.files = files;
    this.current = current;
    this.generation = header?.generation ?? 0;
    this.leastCompaction = leastCompaction;
  }

  /**
   * Opens the files `name`.0 and `name`.1 and gives each record to `apply`, in the order in which they were appended. `leastCompaction`: see above;
   * `expected`: why there must be a list.
   * @throws StoreDamaged where something that was flushed cannot be read, and where there is no list and must be one
   */
  static async open(
    store: Store,
    name: string,
    apply: (payload: Uint8Array) => void,
    { leastCompaction = LEAST_COMPACTION_BYTES, expected }: { leastCompaction?: number; expected?: string } = {},
  ): Promise<Journal> {
    const files = [await store.open(`${name}.0`), await store.open(`${name}.1`)];
    try {
      const found = findList(files, name, store.where, expected);
      if (found.problem) throw damaged(store, found.problem);
      const journal = new Journal(files, found, leastCompaction);
      if (!found.header) journal.prepare = () => journal.writeAnew([]);
      else {
        const reading = readList(files[found.current], found.header, found.flushed?.bytes ?? 0, apply);
        const [bad] = reading.damage;
        if (bad)
          throw damaged(
            store,
            `${name}.${found.current} in ${store.where} is damaged at byte ${bad.at}: ${bad.why}. ${reading.records} records before it can be read.`,
          );
        journal.goOn(found.header, reading);
      }
      return journal;
    } catch (error) {
      for (const file of files) file.close();
      throw error;
    }
  }

  private goOn({ version, isWhole, durable, generation, identity }: Header, { end, crc, torn }: ListReading): void {
    this.end = end;
    this.crc = crc;
    this.isOld = version === 1;
    this.state = identity;
    const list = this.files[this.current],
      other = this.files[1 - this.current];
    this.prepare = () => {
      // A whole record of a torn tail could check behind a new one.
      if (torn > 0) list.truncate(end);
      if (!isWhole) list.write(0, headerBytes({ generation, identity, bytes: durable }).bytes);
      if (torn > 0 || !isWhole) list.flush();
      // What a power cut left of the list before this one, or of one that should have followed.
      if (other.bytes > 0 && !readFlushed(other)) {
        other.truncate(0);
        other.flush();
      }
    };
  }

  /** Durable with the next flush. */
  append(payload: Uint8Array): void {
    this.waiting.push(payload);
  }

  /**
   * Makes what was appended durable. `snapshot` gives records that amount to all of them, those not flushed too; it is asked when the list is long.
   * @throws DeviceFull, after which it may be tried again; any other Error of the store
   */
  flush(snapshot: () => Iterable<Uint8Array>): void {
    if (this.waiting.length === 0) return;
    this.prepare?.();
    this.prepare = undefined;
    const isLong = this.end > Math.max(this.leastCompaction, this.liveBytes * COMPACTION_FACTOR);
    if ((isLong || this.isOld) && this.tryAnew(snapshot())) {
      this.waiting.length = 0;
      return this.tellFlushed();
    }
    const file = this.files[this.current];
    const framed: Uint8Array[] = this.isOld ? [] : [markBytes(this.generation, this.end, this.crc)];
    let { crc } = this;
    for (const payload of this.waiting) {
      const record = frame(payload, crc);
      framed.push(record.bytes);
      crc = record.crc;
    }
    const bytes = framed.length === 1 ? framed[0] : joined(framed);
    file.write(this.end, bytes);
    file.flush();
    this.end += bytes.length;
    this.crc = crc;
    this.waiting.length = 0;
    this.tellFlushed();
  }

  /** Of the state that it is of; 0: none was given. */
  get identity(): number {
    return this.state;
  }

  /** Gives it one, when all that was appended is flushed: the list is written again. Nothing is said of a device that is full. @returns whether it has it */
  identify(identity: number, snapshot: () => Iterable<Uint8Array>): boolean {
    if (this.state === identity) return true;
    const { state } = this;
    this.prepare?.();
    this.prepare = undefined;
    this.state = identity;
    if (this.tryAnew(snapshot())) {
      this.tellFlushed();
      return true;
    }
    this.state = state;
    return false;
  }

  /** Says in the other file how far the list was flushed. That is not flushed itself: where it is lost the next mark in the list says so. */
  private tellFlushed(): void {
    if (this.isOld) return;
    try {
      const { generation, state: identity, end: bytes } = this;
      writeFlushed(this.files[1 - this.current], this.turns++, { generation, identity, bytes });
    } catch (error) {
      if (!(error instanceof DeviceFull)) throw error;
    }
  }

  /** False: there is no room for another list. */
  private tryAnew(payloads: Iterable<Uint8Array>): boolean {
    try {
      this.writeAnew(payloads);
      return true;
    } catch (error) {
      if (!(error instanceof DeviceFull)) throw error;
      // Its header may be there already.
      const other = this.files[1 - this.current];
      other.truncate(0);
      other.flush();
      return false;
    }
  }

  /** Writes a list of its own in place of all records until now; the old one counts until the new one is durable. */
  private writeAnew(payloads: Iterable<Uint8Array>): void {
    const old = this.files[this.current];
    const file = this.files[1 - this.current];
    const { end, crc } = writeList(file, { generation: this.generation + 1, identity: this.state }, [...payloads]);
    this.current = 1 - this.current;
    this.generation++;
    this.end = this.liveBytes = end;
    this.crc = crc;
    this.isOld = false;
    old.truncate(0);
  }

  close(): void {
    try {
      // How far it was flushed is durable, too, with a host that ends as it should.
      if (this.turns > 0) this.files[1 - this.current].flush();
    } finally {
      for (const file of this.files) file.close();
    }
  }
}
