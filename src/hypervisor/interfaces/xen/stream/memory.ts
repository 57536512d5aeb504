/** RAM of a domain as its saved state sees it: out of a domain, and into one that has just been made. HVM, PVH and plain PCs. */
import { P2M_EXECUTE, P2M_ON_DEMAND } from '../../../../cpu/architecture/index.ts';
import type { Domain } from '../../../domain/domain.ts';
import { SavedStateError } from '../../../domain/saved-state-error.ts';
import { XEN } from '../layout.ts';
import { FRAME_BYTES, FRAME_SHIFT, HostError } from '../../../memory/machine.ts';
import { isRamGfn, ramRanges } from '../../../layout/ram-layout.ts';
import { tableFrames } from '../grants/frames.ts';
import { xenOf } from '../of-domain.ts';
import { ComingPages } from '../pv/coming-pages.ts';
import { PAGE } from './format.ts';
import { applyDelta } from './page-delta.ts';
import type { SavedPages } from './saved-state.ts';

/** Behind a guest frame that is populated on demand: zeroes. */
export const ON_DEMAND = -2;

/** The machine frame of RAM behind an entry of a domain's second stage; -1: none; or ON_DEMAND. What others show the guest (shared_info, its grant table, grants, ROMs) is not its memory. */
function looksBehind(domain: Domain): (entry: number) => number {
  const xen = xenOf(domain);
  const { machine, record } = domain.options;
  const notRam: ReadonlySet<number> = xen ? tableFrames(xen) : new Set<number>();
  return entry => {
    const mfn = entry >>> FRAME_SHIFT;
    if (entry === P2M_ON_DEMAND) return ON_DEMAND;
    if (entry === 0 || machine.ownerOf(mfn) !== record.id || machine.isDeviceFrame(mfn) || notRam.has(mfn)) return -1;
    // A grant is seen without the right to execute it, also one of its own.
    return xen && !(entry & P2M_EXECUTE) ? -1 : mfn;
  };
}

/**
 * Every guest frame that is or could be RAM, in ascending order, and the machine frame behind it, as `looksBehind` has it. `known`: by guest frame, an entry of the
 * second stage (0: none); while the stage has that entry, the guest frame is passed over.
 */
export function* ramFramesOf(domain: Domain, known?: Int32Array): Generator<[gfn: number, mfn: number]> {
  const { machine, record } = domain.options;
  const stage = machine.secondStage(record);
  const behind = looksBehind(domain);
  let from = 0;
  for (const [first, end] of [...ramRanges(record), [stage.frames, stage.frames]]) {
    // Guests of Xen have special pages below 4 GiB, and may have put RAM anywhere.
    if (xenOf(domain))
      for (const [gfn, entry] of stage.entries(from, first)) {
        const mfn = isKnown(gfn) ? -1 : behind(entry);
        if (mfn !== -1) yield [gfn, mfn];
      }
    const { words } = stage;
    for (let gfn = nextUnknown(words, first, end, known); gfn < end; gfn = nextUnknown(words, gfn + 1, end, known))
      yield [gfn, behind(domain.map.ramEntry(gfn))];
    from = end;
  }
  function isKnown(gfn: number): boolean {
    return known !== undefined && known[gfn] !== 0 && known[gfn] === stage.words[gfn];
  }
}

/** Most are known, and the guest is paused for this walk: it is a loop of its own, which an engine compiles as it does not one with a yield. */
function nextUnknown(words: Int32Array, first: number, end: number, known?: Int32Array): number {
  let gfn = first;
  if (known) while (gfn < end && known[gfn] !== 0 && known[gfn] === words[gfn]) gfn++;
  return gfn;
}

/** Frames of a PC that its graphics adapter's window takes. */
const HOLE_FRAMES = 0x20;

/** Memory that a domain has of the RAM it sees: what it was given at first, and its balloon has left it. `known`: frames of it, as in `ramFramesOf`. */
export function populatedMiB(domain: Domain, known?: Int32Array): number {
  const xen = xenOf(domain);
  const { machine, memoryMiB, record } = domain.options;
  // A paravirtual guest sees what it has.
  if (xen && !xen.isHvm) return memoryMiB;
  let frames = (xen?.frames.pod.count ?? 0) + (xen?.isPvh ? 0 : HOLE_FRAMES);
  const behind = looksBehind(domain);
  const { words } = machine.secondStage(record);
  for (const [first, end] of ramRanges(record))
    for (let gfn = first; gfn < end; gfn++)
      if ((known && known[gfn] !== 0 && known[gfn] === words[gfn]) || behind(domain.map.ramEntry(gfn)) >= 0) frames++;
  return Math.min(memoryMiB, Math.ceil(frames / 256));
}

const coming = new WeakMap<Domain, ComingPages>();

/** Memory of a paravirtual guest that is restored into a domain; undefined: it is none. */
export function comingPages(domain: Domain): ComingPages | undefined {
  const pv = xenOf(domain)?.pv;
  const pages = coming.get(domain) ?? (pv && new ComingPages(domain.options.machine, pv.frames()));
  if (pages) coming.set(domain, pages);
  return pages;
}

/** @throws SavedStateError, HostError */
export function putPages(domain: Domain, batches: readonly SavedPages[]): void {
  const { machine } = domain.options;
  const ofPv = comingPages(domain);
  for (const batch of batches) {
    if (ofPv) {
      ofPv.put(batch);
      continue;
    }
    if (batch.verify !== undefined) {
      verifyPages(domain, batch);
      continue;
    }
    if (batch.away) {
      for (const pfn of batch.pfns) {
        frameFor(domain, pfn);
        machine.secondStage(domain.options.record).setAway(pfn);
      }
      continue;
    }
    if (batch.deltas) {
      applyDeltas(domain, batch, batch.deltas);
      continue;
    }
    const { pfns, types, bytes } = batch;
    doWithout(domain, batch);
    let at = 0;
    for (let i = 0; i < pfns.length; i++) {
      if (types[i] > PAGE.LAST_DATA && types[i] !== PAGE.ALLOCATE_ONLY) {
        takeAway(domain, pfns[i]);
        continue;
      }
      // It holds zeroes as it is.
      if (types[i] === PAGE.ALLOCATE_ONLY && entryAt(domain, pfns[i]) === P2M_ON_DEMAND) continue;
      const mfn = frameFor(domain, pfns[i]);
      if (types[i] === PAGE.ALLOCATE_ONLY) machine.scrub(mfn);
      else {
        machine.bytes.set(bytes.subarray(at, at + FRAME_BYTES), mfn * FRAME_BYTES);
        at += FRAME_BYTES;
      }
    }
  }
}

/** A guest that has less memory than it sees has none where nothing lies; any other keeps what it was made with. Which it is, all of the second stage tells. */
function doWithout({ guest, options: { machine, record } }: Domain, { pfns, types }: SavedPages): void {
  if (!guest.release || !types.includes(PAGE.ALLOCATE_ONLY)) return;
  if (!machine.secondStage(record).words.includes(P2M_ON_DEMAND)) return;
  guest.release(Array.from(pfns).filter((_, i) => types[i] === PAGE.ALLOCATE_ONLY));
}

/** @throws SavedStateError where that is no delta of a page that has come, HostError */
function applyDeltas(domain: Domain, { pfns, bytes }: SavedPages, deltas: Uint32Array): void {
  const { machine } = domain.options;
  const behind = looksBehind(domain);
  let at = 0;
  pfns.forEach((gfn, i) => {
    const before = behind(entryAt(domain, gfn));
    // It came as zeroes, for which no memory was taken.
    const mfn = before === ON_DEMAND ? frameFor(domain, gfn) : before;
    const delta = bytes.subarray(at, (at += deltas[i]!));
    if (mfn < 0 || !applyDelta(machine.bytes.subarray(mfn * FRAME_BYTES, (mfn + 1) * FRAME_BYTES), delta))
      throw new SavedStateError(
        `Record RINGSIDE_PAGE_DELTAS has no delta of guest frame 0x${gfn.toString(16)} as it came before. Migrate the guest again.`,
      );
  });
}

/** @throws SavedStateError where memory is not as it comes */
function verifyPages(domain: Domain, { pfns, types, bytes, verify }: SavedPages): void {
  const { machine } = domain.options;
  const behind = looksBehind(domain);
  let at = 0;
  for (let i = 0; i < pfns.length; i++) {
    const mfn = behind(entryAt(domain, pfns[i]));
    const has = types[i] <= PAGE.LAST_DATA ? bytes.subarray(at, (at += FRAME_BYTES)) : NO_BYTES;
    const isSame =
      types[i] === PAGE.INVALID
        ? mfn === -1
        : mfn === ON_DEMAND
          ? types[i] === PAGE.ALLOCATE_ONLY
          : mfn >= 0 && isEqual(machine.bytes.subarray(mfn * FRAME_BYTES, (mfn + 1) * FRAME_BYTES), has);
    if (!isSame)
      throw new SavedStateError(
        `verify pfn 0x${pfns[i].toString(16)} failed: it came again at byte ${verify} of the stream, and is not as it came before. Migrate the guest again, and tell how it came to that.`,
      );
  }
}

const NO_BYTES = new Uint8Array();

/** `has`: of a page that holds zeroes none. */
function isEqual(page: Uint8Array, has: Uint8Array): boolean {
  for (let i = 0; i < page.length; i++) if (page[i] !== (has[i] ?? 0)) return false;
  return true;
}

const entryAt = (domain: Domain, gfn: number): number => {
  const { machine, record } = domain.options;
  return isRamGfn(record, gfn) ? domain.map.ramEntry(gfn) : machine.secondStage(record).entry(gfn);
};

/** Guest frames of a PC that are its chipset's to show. */
const LEGACY_FIRST = 0xa0,
  LEGACY_END = 0x100;

/** Machine frame of RAM at a guest frame, which is made where there is none. */
function frameFor(domain: Domain, gfn: number): number {
  const xen = xenOf(domain);
  const { machine, record } = domain.options;
  const noMemory = (): never => {
    throw new HostError('The host has too little memory for what the guest had. Destroy another domain.');
  };
  if (entryAt(domain, gfn) === P2M_ON_DEMAND && !(xen ? xen.frames.pod.demand(gfn) : domain.guest.demand(gfn)))
    noMemory();
  const entry = entryAt(domain, gfn);
  const refuse = (): never => {
    throw new SavedStateError(
      `Record PAGE_DATA has a page for guest frame 0x${gfn.toString(16)}, where this guest has no RAM. Save the guest again.`,
    );
  };
  if (entry !== 0)
    return machine.isDeviceFrame(entry >>> FRAME_SHIFT) || machine.ownerOf(entry >>> FRAME_SHIFT) !== record.id
      ? refuse()
      : entry >>> FRAME_SHIFT;
  if (!xen || (!xen.isPvh && gfn >= LEGACY_FIRST && gfn < LEGACY_END)) return refuse();
  const mfn = machine.allocate(1, record.id)?.[0] ?? noMemory();
  machine.secondStage(record).map(gfn, mfn);
  machine.words[xen.xenBlock + XEN.CURRENT_FRAMES]++;
  return mfn;
}

/** The guest had given this frame back. */
function takeAway(domain: Domain, gfn: number): void {
  const xen = xenOf(domain);
  const { machine, record } = domain.options;
  if (!xen || xen.frames.pod.dropEntry(gfn)) return;
  const mfn = entryAt(domain, gfn) >>> FRAME_SHIFT;
  if (mfn === 0 || machine.isDeviceFrame(mfn) || machine.ownerOf(mfn) !== record.id) return;
  machine.secondStage(record).unmap(gfn);
  machine.release(mfn);
  machine.words[xen.xenBlock + XEN.CURRENT_FRAMES]--;
}
