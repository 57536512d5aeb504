/**
 * A durable list of records in two files that take turns. Records are appended and become durable together by `flush`; when they are many more than what
 * they amount to, a new list that says the same is written to the other file, which then counts.
 *
 *   file     header, record…           header   magic "RSJ1" (4), 0 (4), generation (8), CRC-32 of these 16 bytes (4), 0 (12): 32 bytes
 *   record   length n (4), CRC-32 (4), n bytes         all numbers little endian
 *
 * A record's check sum covers that of the record before it (the first: the header's), its length and its bytes. A power cut may leave any part of what was
 * not flushed: the first record that does not check ends the list, and what lies behind it is cut off before anything else is written.
 */
import { DeviceFull } from '../../../formats/blocks/index.ts';
import { joined } from '../../../formats/bytes/index.ts';
import { crc32 } from '../../../formats/unpack/index.ts';
import { type Store, StoreDamaged, type StoreFile } from './store.ts';

const MAGIC = 0x314a5352;
const HEADER_BYTES = 32,
  RECORD_HEAD_BYTES = 8;
/** More is no record of ours. */
const MOST_RECORD_BYTES = 2 ** 26;
/** A list below this is never written anew, nor before it is so many times as long as what it amounts to. */
const LEAST_COMPACTION_BYTES = 2 ** 20,
  COMPACTION_FACTOR = 4;
const READ_BYTES = 2 ** 16;

interface Header {
  generation: number;
  crc: number;
}

function headerBytes(generation: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setBigUint64(8, BigInt(generation), true);
  view.setUint32(16, crc32(bytes, 0, 16), true);
  return bytes;
}

/** undefined: the file has none, or half of one. */
function readHeader(file: StoreFile): Header | undefined {
  if (file.bytes < HEADER_BYTES) return undefined;
  const bytes = new Uint8Array(HEADER_BYTES);
  file.read(0, bytes);
  const view = new DataView(bytes.buffer);
  const crc = view.getUint32(16, true);
  return view.getUint32(0, true) === MAGIC && crc === crc32(bytes, 0, 16)
    ? { generation: Number(view.getBigUint64(8, true)), crc }
    : undefined;
}

/** A record as it lies in the file, behind one with the check sum `before`. */
function frame(payload: Uint8Array, before: number): { bytes: Uint8Array; crc: number } {
  const bytes = new Uint8Array(RECORD_HEAD_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(payload, RECORD_HEAD_BYTES);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, before, true);
  const crc = crc32(bytes);
  view.setUint32(4, crc, true);
  return { bytes, crc };
}

export class Journal {
  private readonly files: StoreFile[];
  /** Which of the files counts. */
  private current: number;
  private generation: number;
  /** Where the next record goes, and the check sum of the last one. */
  private end = HEADER_BYTES;
  private crc = 0;
  /** Bytes of the list that was written anew last; of one that was found nothing is known. */
  private liveBytes = 0;
  private readonly waiting: Uint8Array[] = [];
  private readonly leastCompaction: number;

  private constructor(files: StoreFile[], current: number, generation: number, leastCompaction: number) {
    this.files = files;
    this.current = current;
    this.generation = generation;
    this.leastCompaction = leastCompaction;
  }

  /**
   * Opens the files `name`.0 and `name`.1 and gives each record to `apply`, in the order in which they were appended. `leastCompaction`: see above.
   * @throws StoreDamaged where there is a list and none of the headers can be read
   */
  static async open(
    store: Store,
    name: string,
    apply: (payload: Uint8Array) => void,
    { leastCompaction = LEAST_COMPACTION_BYTES } = {},
  ): Promise<Journal> {
    const files = [await store.open(`${name}.0`), await store.open(`${name}.1`)];
    const headers = files.map(readHeader);
    const generations = headers.map(header => header?.generation ?? -1);
    const current = generations[1] > generations[0] ? 1 : 0;
    const header = headers[current];
    const journal = new Journal(files, current, header?.generation ?? 0, leastCompaction);
    if (header) journal.replay(header.crc, apply);
    else if (files.some(file => file.bytes > HEADER_BYTES))
      throw new StoreDamaged(
        `${name}.0 and ${name}.1 in ${store.where} have no header that could be read: they were damaged. Put back a copy of both.`,
      );
    else journal.writeAnew([]);
    return journal;
  }

  private replay(headerCrc: number, apply: (payload: Uint8Array) => void): void {
    const file = this.files[this.current];
    const size = file.bytes;
    this.crc = headerCrc;
    let buffer = new Uint8Array(0),
      start = 0;
    const take = (at: number, count: number): Uint8Array => {
      if (at < start || at + count > start + buffer.length) {
        start = at;
        buffer = new Uint8Array(Math.min(size - at, Math.max(count, READ_BYTES)));
        file.read(at, buffer);
      }
      return buffer.subarray(at - start, at - start + count);
    };
    while (this.end + RECORD_HEAD_BYTES <= size) {
      const head = take(this.end, RECORD_HEAD_BYTES);
      const view = new DataView(head.buffer, head.byteOffset);
      const length = view.getUint32(0, true),
        crc = view.getUint32(4, true);
      if (length > MOST_RECORD_BYTES || this.end + RECORD_HEAD_BYTES + length > size) break;
      const payload = take(this.end, RECORD_HEAD_BYTES + length).slice(RECORD_HEAD_BYTES);
      if (frame(payload, this.crc).crc !== crc) break;
      apply(payload);
      this.crc = crc;
      this.end += RECORD_HEAD_BYTES + length;
    }
    if (this.end === size) return;
    // A whole record of a torn tail could check behind a new one: it goes before anything is written.
    file.truncate(this.end);
    file.flush();
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
    if (this.end > Math.max(this.leastCompaction, this.liveBytes * COMPACTION_FACTOR) && this.tryAnew(snapshot()))
      return;
    const file = this.files[this.current];
    const framed: Uint8Array[] = [];
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
  }

  /** False: there is no room for another list. */
  private tryAnew(payloads: Iterable<Uint8Array>): boolean {
    try {
      this.writeAnew(payloads);
      return true;
    } catch (error) {
      if (!(error instanceof DeviceFull)) throw error;
      this.files[1 - this.current].truncate(0);
      return false;
    }
  }

  /** Writes a list of its own in place of all records until now; the old one counts until the new one is durable. */
  private writeAnew(payloads: Iterable<Uint8Array>): void {
    const old = this.files[this.current];
    const file = this.files[1 - this.current];
    const header = headerBytes(this.generation + 1);
    let crc = new DataView(header.buffer).getUint32(16, true),
      end = HEADER_BYTES;
    file.truncate(0);
    for (const payload of payloads) {
      const record = frame(payload, crc);
      file.write(end, record.bytes);
      end += record.bytes.length;
      crc = record.crc;
    }
    // The header makes it count: it comes when the rest is durable.
    file.flush();
    file.write(0, header);
    file.flush();
    this.current = 1 - this.current;
    this.generation++;
    this.end = this.liveBytes = end;
    this.crc = crc;
    this.waiting.length = 0;
    old.truncate(0);
  }

  close(): void {
    for (const file of this.files) file.close();
  }
}
