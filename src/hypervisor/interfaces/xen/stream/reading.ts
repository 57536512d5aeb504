/** A saved domain is read: from memory, from a file, or as it comes from elsewhere. What its records say is reader.ts's to judge. */
import { readBlob } from '../../../../formats/bytes/index.ts';
import { SavedStateError } from '../../../domain/saved-state-error.ts';
import { type Asks, Complaint, takeApart } from './framing.ts';
import { Reader } from './reader.ts';
import type { SavedHead, SavedPages, SavedState } from './saved-state.ts';

/** Takes pages as they come; those that come later are what counts. */
type PageSink = (pages: SavedPages) => void;

/** Takes a state as it comes. What it gives back is waited for before any more is read. */
export interface StateTaker {
  /** All that a domain is built from is there: it comes before the first page. */
  begins(head: SavedHead): void | Promise<void>;
  pages(pages: SavedPages): void | Promise<void>;
  /** The last state of the same guest that was rehearsed: what comes may say what of that has changed. */
  rehearsed?(): SavedState | undefined;
}

/** A state that lies in memory, with its pages, which lie in `file`; `rehearsed`: as for StateTaker. @throws SavedStateError */
export function readState(file: Uint8Array, name: string, rehearsed?: SavedState): SavedState {
  const pages: SavedPages[] = [];
  const sink: PageSink = batch => {
    if (batch.verify === undefined) pages.push(batch);
  };
  const reading = reads(file.length, name, sink, undefined, () => rehearsed);
  let next = reading.next();
  for (let at = 0; !next.done; ) {
    const bytes = file.subarray(at, at + next.value);
    at += bytes.length;
    next = reading.next(bytes);
  }
  return { ...next.value, pages };
}

/** A state of which no more than a record is in memory at a time; all but its pages. @throws SavedStateError, and what `pages` throws */
export async function readStateFrom(
  file: Pick<Blob, 'size' | 'slice'>,
  name: string,
  pages: PageSink,
): Promise<SavedState> {
  const reading = reads(file.size, name, pages);
  let next = reading.next();
  for (let at = 0; !next.done; ) {
    const bytes = await bytesOf(file, at, next.value, name);
    at += bytes.length;
    next = reading.next(bytes);
  }
  return next.value;
}

/**
 * A state that comes from elsewhere; all but its pages. `next`: gives this many bytes, fewer where there are no more. @throws SavedStateError, and what `taker`
 * and `next` throw
 */
export async function readStateAsItComes(
  next: (bytes: number) => Promise<Uint8Array>,
  name: string,
  taker: StateTaker,
): Promise<SavedState> {
  let waits: unknown;
  const reading = reads(
    Infinity,
    name,
    pages => {
      waits = taker.pages(pages);
    },
    head => {
      waits = taker.begins(head);
    },
    () => taker.rehearsed?.(),
  );
  let asked = reading.next();
  while (!asked.done) {
    asked = reading.next(await next(asked.value));
    await waits;
    waits = undefined;
  }
  return asked.value;
}

/** @throws SavedStateError: the file cannot be read any more */
export const bytesOf = async (
  file: Pick<Blob, 'slice'>,
  at: number,
  bytes: number,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> =>
  readBlob(file.slice(at, at + bytes)).catch((error: Error) => {
    throw new SavedStateError(`${name} cannot be read at byte ${at}: ${error.message}. Choose it again.`);
  });

/** Asks for the bytes of a file that has this many. */
function* reads(
  bytes: number,
  name: string,
  pages: PageSink,
  begins?: (head: SavedHead) => void,
  rehearsed?: () => SavedState | undefined,
): Asks<SavedState> {
  const complaint = new Complaint(name);
  const reader = new Reader(complaint, pages, begins, rehearsed);
  yield* takeApart(bytes, complaint, reader);
  return reader.state();
}
