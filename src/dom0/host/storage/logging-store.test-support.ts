/**
 * A store whose power can be cut: of what was not flushed any part is then lost, and one write is torn. The host that comes after the cut opens
 * `afterCut()`.
 */
import { DeviceFull, ImmediateDevice } from '../../../formats/blocks/index.ts';
import { MemoryFile, type Store, type StoreFile } from './store.ts';

/** Whole numbers from 0 to `below` − 1. */
export type Random = (below: number) => number;

/** Deterministic (xorshift32). */
export function seeded(seed: number): Random {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

export class PowerCut extends Error {}

type Change = { at: number; bytes: Uint8Array } | { truncateTo: number };

/** Small: each cut makes new files. */
const CHUNK_BYTES = 4096;

class LoggingFile extends ImmediateDevice implements StoreFile {
  readonly durable: MemoryFile;
  readonly seen: MemoryFile;
  readonly changes: Change[] = [];
  private readonly store: LoggingStore;

  constructor(store: LoggingStore, durable = new MemoryFile(CHUNK_BYTES)) {
    super();
    this.store = store;
    this.durable = durable;
    this.seen = durable.copy();
  }

  get bytes(): number {
    return this.seen.bytes;
  }

  read(at: number, into: Uint8Array): void {
    this.seen.read(at, into);
  }

  override write(at: number, from: Uint8Array): void {
    this.store.room(at + from.length - this.seen.bytes);
    this.change({ at, bytes: from.slice() });
  }

  truncate(bytes: number): void {
    this.store.room(bytes - this.seen.bytes);
    this.change({ truncateTo: bytes });
  }

  private change(change: Change): void {
    this.changes.push(change);
    apply(this.seen, change);
    this.store.step();
  }

  override flush(): void {
    this.store.step();
    for (const change of this.changes.splice(0)) apply(this.durable, change);
  }

  close(): void {}
}

function apply(file: MemoryFile, change: Change): void {
  if ('bytes' in change) file.write(change.at, change.bytes);
  else file.truncate(change.truncateTo);
}

export class LoggingStore implements Store {
  readonly where = 'a store whose power is cut';
  readonly outlivesHost = true;
  /** Changes and flushes until the power is cut. */
  stepsLeft = Infinity;
  /** Bytes by which files may still grow. */
  roomLeft = Infinity;
  private readonly files = new Map<string, LoggingFile>();

  async open(name: string): Promise<StoreFile> {
    let file = this.files.get(name);
    if (!file) this.files.set(name, (file = new LoggingFile(this)));
    return file;
  }

  /** Counts what goes to the device. @throws PowerCut */
  step(): void {
    if (--this.stepsLeft < 0) throw new PowerCut();
  }

  room(more: number): void {
    // A file that becomes shorter gives its room back.
    if (more > 0 && more > this.roomLeft) throw new DeviceFull('no room is left');
    this.roomLeft -= more;
  }

  /** What a power cut leaves: everything flushed, and of the rest a random part, each write whole, torn or lost. */
  afterCut(random: Random): LoggingStore {
    const next = new LoggingStore();
    // Some cuts lose all, some nothing: between them each write has a fate of its own.
    const keep = random(5);
    for (const [name, { durable, changes }] of this.files) {
      const left = durable.copy();
      const torn = random(changes.length + 1);
      changes.forEach((change, i) => {
        if (random(4) >= keep) return;
        if (i === torn && 'bytes' in change) for (const part of tear(change, random)) apply(left, part);
        else apply(left, change);
      });
      next.files.set(name, new LoggingFile(next, left));
    }
    return next;
  }
}

/** A device writes the sectors of a write in any order: some parts of it are there. */
function* tear({ at, bytes }: { at: number; bytes: Uint8Array }, random: Random): Generator<Change> {
  for (let from = 0; from < bytes.length; ) {
    const count = 1 + random(bytes.length - from);
    if (random(2) === 0) yield { at: at + from, bytes: bytes.subarray(from, from + count) };
    from += count;
  }
}
