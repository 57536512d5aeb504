/** Pages of a domain's memory as records PAGE_DATA. */
import type { Domain } from '../../../domain/domain.ts';
import { FRAME_BYTES, type Machine } from '../../../memory/machine.ts';
import { LIBXC, openRecord, PAGE, PAGES_PER_RECORD } from './format.ts';
import { ON_DEMAND, ramFramesOf } from './memory.ts';

/** A page by its guest frame; contents of those whose type brings some, or what of them is not as it came before. */
export type Page = { pfn: number; type: number; bytes?: Uint8Array; delta?: Uint8Array; away?: true };

/** The page at a guest frame, behind which `ramFramesOf` finds this. */
export function pageOf({ bytes }: Machine, pfn: number, behind: number): Page {
  if (behind === ON_DEMAND) return { pfn, type: PAGE.ALLOCATE_ONLY };
  if (behind < 0) return { pfn, type: PAGE.INVALID };
  return { pfn, type: PAGE.NORMAL, bytes: bytes.subarray(behind * FRAME_BYTES, (behind + 1) * FRAME_BYTES) };
}

export function* pagesOf(domain: Domain): Generator<Page> {
  for (const [pfn, behind] of ramFramesOf(domain)) yield pageOf(domain.options.machine, pfn, behind);
}

/** All frames of RAM by their numbers, those that hold something with their contents. */
export function* pageData(pages: Iterable<Page>): Generator<Uint8Array> {
  let batch: Page[] = [],
    deltas: Page[] = [],
    away: number[] = [];
  for (const page of pages) {
    if (page.away) {
      away.push(page.pfn);
      if (away.length < MOST_AWAY) continue;
      yield awayRecord(away);
      away = [];
      continue;
    }
    if (page.delta) {
      deltas.push(page);
      if (deltas.length < PAGES_PER_RECORD) continue;
      yield deltasRecord(deltas);
      deltas = [];
      continue;
    }
    batch.push(
      page.type === PAGE.NORMAL && page.bytes && isZero(page.bytes)
        ? { pfn: page.pfn, type: PAGE.ALLOCATE_ONLY }
        : page,
    );
    if (batch.length < PAGES_PER_RECORD) continue;
    yield pageRecord(batch);
    batch = [];
  }
  if (batch.length > 0) yield pageRecord(batch);
  if (deltas.length > 0) yield deltasRecord(deltas);
  if (away.length > 0) yield awayRecord(away);
}

/** Of a record: 64 KiB. */
const MOST_AWAY = 16 * 1024;

function awayRecord(pfns: readonly number[]): Uint8Array {
  const { record, view } = openRecord(LIBXC.RINGSIDE_PAGES_AWAY, 8 + 4 * pfns.length);
  view.setUint32(0, pfns.length, true);
  pfns.forEach((pfn, i) => view.setUint32(8 + 4 * i, pfn, true));
  return record;
}

function deltasRecord(batch: readonly Page[]): Uint8Array {
  const bytes = batch.reduce((sum, { delta = NO_BYTES }) => sum + delta.length, 0);
  const { record, body, view } = openRecord(LIBXC.RINGSIDE_PAGE_DELTAS, 8 + batch.length * 8 + bytes);
  view.setUint32(0, batch.length, true);
  let at = 8 + batch.length * 8;
  batch.forEach(({ pfn, delta = NO_BYTES }, i) => {
    view.setUint32(8 + i * 8, pfn, true);
    view.setUint32(12 + i * 8, delta.length, true);
    body.set(delta, at);
    at += delta.length;
  });
  return record;
}

function pageRecord(batch: readonly Page[]): Uint8Array {
  const full = batch.filter(({ type }) => type <= PAGE.LAST_DATA);
  const { record, body, view } = openRecord(LIBXC.PAGE_DATA, 8 + batch.length * 8 + full.length * FRAME_BYTES);
  view.setUint32(0, batch.length, true);
  batch.forEach(({ pfn, type }, i) => {
    view.setUint32(8 + i * 8, pfn, true);
    view.setUint32(12 + i * 8, type << 28, true);
  });
  full.forEach(({ bytes = NO_BYTES }, i) => body.set(bytes, 8 + batch.length * 8 + i * FRAME_BYTES));
  return record;
}

const NO_BYTES = new Uint8Array(0);

/** Of a whole frame, which lies at a multiple of four bytes. */
export function isZero(page: Uint8Array): boolean {
  const words = new Int32Array(page.buffer, page.byteOffset, FRAME_BYTES / 4);
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  return true;
}
