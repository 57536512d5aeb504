/**
 * What of plain data is no longer as it was, as plain data: a guest that moves is paused for that of its state, and not for all of it. Both hosts have what it
 * was. What has changed is small next to the rest: of some 250 KB, counters and registers.
 */

import { type LongParts, longOf } from './saved-state.ts';

/** Kinds of a change. */
const WHOLE = 0,
  ITEMS = 1,
  RUNS = 2;

/** Another value; of an object or an array, changes by key, and keys that are gone; of a typed array, offsets and contents of bytes, alternately. */
export type Change =
  | [kind: typeof WHOLE, value: unknown]
  | [kind: typeof ITEMS, changed: Record<string, Change>, gone: string[]]
  | [kind: typeof RUNS, ...runs: (number | Uint8Array)[]];

type Items = Record<string, unknown>;

/** Equal bytes between two that are not: with fewer they are one run. */
const RUN_GAP_BYTES = 64;

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const isItems = (value: unknown): value is Items =>
  typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);

/** Undefined: `now` is as `before`. */
export function changeOf(before: unknown, now: unknown): Change | undefined {
  if (Object.is(before, now)) return undefined;
  if (ArrayBuffer.isView(before) && ArrayBuffer.isView(now)) {
    const isAlike = before.constructor === now.constructor && before.byteLength === now.byteLength;
    if (!isAlike) return [WHOLE, now];
    const runs = runsOf(bytesOf(before), bytesOf(now));
    return runs.length > 0 ? [RUNS, ...runs] : undefined;
  }
  if (!isItems(before) || !isItems(now) || Array.isArray(before) !== Array.isArray(now)) return [WHOLE, now];
  if (Array.isArray(before) && before.length !== (now as unknown as unknown[]).length) return [WHOLE, now];
  const changed: Record<string, Change> = {};
  let isChanged = false;
  for (const key of Object.keys(now)) {
    const change = Object.hasOwn(before, key) ? changeOf(before[key], now[key]) : ([WHOLE, now[key]] as Change);
    if (!change) continue;
    put(changed, key, change);
    isChanged = true;
  }
  const gone = Object.keys(before).filter(key => !Object.hasOwn(now, key));
  return isChanged || gone.length > 0 ? [ITEMS, changed, gone] : undefined;
}

/** Offsets and contents of what differs. */
function runsOf(before: Uint8Array, now: Uint8Array): (number | Uint8Array)[] {
  const runs: (number | Uint8Array)[] = [];
  for (let at = differs(before, now, 0); at < now.length; ) {
    let end = at + 1,
      next = differs(before, now, end);
    for (; next < now.length && next - end < RUN_GAP_BYTES; next = differs(before, now, end)) end = next + 1;
    runs.push(at, now.slice(at, end));
    at = next;
  }
  return runs;
}

/** The first byte from `at` on that differs; the length: none does. */
function differs(before: Uint8Array, now: Uint8Array, at: number): number {
  const areWords = ((before.byteOffset | now.byteOffset) & 3) === 0;
  while (at < now.length && (!areWords || (at & 3) !== 0)) {
    if (before[at] !== now[at]) return at;
    at++;
  }
  if (at >= now.length) return now.length;
  const was = new Int32Array(before.buffer, before.byteOffset, before.length >>> 2),
    is = new Int32Array(now.buffer, now.byteOffset, now.length >>> 2);
  let word = at >>> 2;
  while (word < is.length && was[word] === is[word]) word++;
  at = word << 2;
  while (at < now.length && before[at] === now[at]) at++;
  return at;
}

/** A name of this is one like any other. */
const put = (items: Items, key: string, value: unknown): void => {
  if (key === '__proto__')
    Object.defineProperty(items, key, { value, enumerable: true, writable: true, configurable: true });
  else items[key] = value;
};

/** A change that is none of what it is to change. */
export class ChangeError extends Error {}

/** What it is now. What did not change is shared with `before`, and nothing of that is changed. @throws ChangeError */
export function changed(before: unknown, change: unknown): unknown {
  if (change === undefined) return before;
  if (!Array.isArray(change)) throw new ChangeError('a change is no list');
  const [kind, ...rest] = change as [unknown, ...unknown[]];
  if (kind === WHOLE && rest.length === 1) return rest[0];
  if (kind === ITEMS && isItems(before) && isItems(rest[0]) && Array.isArray(rest[1])) {
    const isList = Array.isArray(before);
    const items = (isList ? [...before] : { ...before }) as Items;
    for (const [key, its] of Object.entries(rest[0])) {
      if (isList && (key === 'length' || !Object.hasOwn(before, key))) throw new ChangeError(`there is no item ${key}`);
      put(items, key, changed(Object.hasOwn(before, key) ? before[key] : undefined, its));
    }
    if (isList && rest[1].length > 0) throw new ChangeError('a list has lost an item');
    for (const key of rest[1] as unknown[]) delete items[String(key)];
    return items;
  }
  if (kind === RUNS && ArrayBuffer.isView(before)) return withRuns(before as Uint8Array, rest);
  throw new ChangeError('a change is of another value');
}

function withRuns(before: Uint8Array, runs: readonly unknown[]): Uint8Array {
  const now = before.slice(),
    bytes = bytesOf(now);
  for (let i = 0; i < runs.length; i += 2) {
    const [at, run] = [runs[i], runs[i + 1]];
    if (!Number.isInteger(at) || !(run instanceof Uint8Array) || !((at as number) >= 0))
      throw new ChangeError('a run of bytes is none');
    if ((at as number) + run.length > bytes.length) throw new ChangeError('a run of bytes is beyond their end');
    bytes.set(run, at as number);
  }
  return now;
}

/** An adapter has 16 MiB of memory, and all else is small next to that. A sender of changes could add to what there is each time. */
const MOST_BYTES = 2 ** 25,
  ITEM_BYTES = 16;

/** What is left of `left` bytes where plain data take theirs of it, about; below 0: they have more. */
function leftBeside(value: unknown, left: number): number {
  if (typeof value === 'string') return left - value.length - ITEM_BYTES;
  if (ArrayBuffer.isView(value)) return left - value.byteLength - ITEM_BYTES;
  if (!isItems(value)) return left - ITEM_BYTES;
  let rest = left - ITEM_BYTES;
  const isList = Array.isArray(value);
  const items = isList ? (value as unknown[]) : Object.values(value);
  if (!isList) for (const key of Object.keys(value)) rest -= key.length;
  for (let i = 0; i < items.length && rest >= 0; i++) rest = leftBeside(items[i], rest);
  return rest;
}

/** What is long of a state, after what has changed in it. `fail`: says that it is none. */
export function changedParts(before: LongParts, changes: unknown, fail: (what: string) => never): LongParts {
  try {
    const after = changed(longOf(before), changes);
    if (leftBeside(after, MOST_BYTES) < 0) return fail('makes more of the state than any guest has');
    const { domain, emulator } = (after ?? {}) as LongParts;
    return isItems(domain) && isItems(emulator) ? { domain, emulator } : fail('leaves no state of the guest');
  } catch (error) {
    if (error instanceof ChangeError) return fail(`cannot be read: ${error.message}`);
    throw error;
  }
}
