import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { assembleDomain } from '../../assemble.ts';
import { createDomain } from '../../../memory/domain-table.ts';
import { FRAME_BYTES, Machine } from '../../../memory/machine.ts';
import { FRAME_TYPE } from '../../../layout/layout.ts';
import { SavedStateError } from '../../../domain/saved-state-error.ts';
import { xenOf } from '../of-domain.ts';
import { ComingPages } from '../pv/coming-pages.ts';
import type { PvImage } from '../pv/saved.ts';
import { XEN_PV } from '../records.ts';
import { PAGE } from './format.ts';
import type { Page } from './pages.ts';
import { PvCopiedAhead } from './pv-copied-ahead.ts';
import type { SavedPages } from './saved-state.ts';

const kernel = new Uint8Array(
  readFileSync(new URL('../../../../../guests/neighbour/neighbour-pv.elf', import.meta.url)),
);

/** A paravirtual domain whose last pages are in no table of its, so that anything can be done with them. */
function make() {
  const machine = Machine.create(new SharedArrayBuffer(32 * 2 ** 20));
  const record = createDomain(machine, 4, machine.frames, { vcpus: 1, guest: XEN_PV });
  const domain = assembleDomain({
    machine,
    record,
    memoryMiB: 4,
    boot: { kind: 'pv', kernel, name: 'guest', cmdline: '' },
    startEpochMs: 0,
    onReset: 'end',
    onTripleFault: 'end',
    serial: () => {},
  });
  const { types } = xenOf(domain)!.pv!;
  const mfns = new Int32Array(record.ramFrames).fill(-1);
  for (let mfn = 0; mfn < machine.frames; mfn++) {
    const pfn = machine.words[machine.m2p + mfn]! >>> 0;
    if (machine.ownerOf(mfn) === record.id && pfn < mfns.length) mfns[pfn] = mfn;
  }
  const isTable = (pfn: number): boolean =>
    mfns[pfn]! >= 0 && ![FRAME_TYPE.NONE, FRAME_TYPE.WRITABLE].includes(types.typeOf(mfns[pfn]!) as 0);
  const pageOf = (mfn: number): Uint8Array => machine.bytes.subarray(mfn * FRAME_BYTES, (mfn + 1) * FRAME_BYTES);
  /** As savePv has it, but for the entries of tables. */
  const image = {
    *pages() {
      for (const [pfn, mfn] of mfns.entries())
        if (mfn < 0) yield { pfn, type: PAGE.INVALID };
        else if (isTable(pfn)) yield { pfn, type: 1, bytes: pageOf(mfn) };
        else yield { pfn, mfn, type: PAGE.NORMAL, bytes: pageOf(mfn) };
    },
  } as unknown as PvImage;
  return { machine, domain, record, types, mfns, pageOf, image };
}

/** As they go to the other host, one by one. */
const sent = ({ pfn, type, bytes, delta }: Page): SavedPages => ({
  pfns: Uint32Array.of(pfn),
  types: Uint8Array.of(type),
  bytes: (delta ?? bytes ?? new Uint8Array()).slice(),
  ...(delta ? { deltas: Uint32Array.of(delta.length) } : {}),
});

it.each([1, 2, 3, 4])(
  'is the memory as it is at the end, whatever the guest did while it was copied (seed %i)',
  seed => {
    const { machine, domain, types, mfns, image } = make();
    let state = seed;
    const pick = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    const first = 0x340,
      some = (): number => first + pick(0xc0);
    const pinned = new Set<number>();
    const show = (pfn: number, mfn: number): void => {
      mfns[pfn] = mfn;
      machine.words[machine.m2p + mfn] = pfn;
    };
    const change = (): void => {
      const pfn = some(),
        other = some();
      switch (pick(5)) {
        case 0: {
          // What it was is where the other one was, as a guest does that gives memory back and gets it elsewhere.
          if (pinned.has(pfn) || pinned.has(other)) return;
          const [a, b] = [mfns[pfn]!, mfns[other]!];
          show(pfn, b);
          show(other, a);
          return;
        }
        case 1:
          if (pinned.has(pfn)) return;
          machine.scrub(mfns[pfn]!);
          types.written(mfns[pfn]!);
          if (types.pin(mfns[pfn]!, FRAME_TYPE.L1) === 0) pinned.add(pfn);
          return;
        case 2:
          if (pinned.delete(pfn)) types.unpin(mfns[pfn]!);
          return;
        default:
          if (pinned.has(pfn)) return;
          machine.words[mfns[pfn]! * (FRAME_BYTES / 4) + pick(1024)] = pick(2 ** 31);
          types.written(mfns[pfn]!);
      }
    };
    for (let i = 0; i < 100; i++) change();
    const ahead = new PvCopiedAhead(domain, 100);
    const there = Machine.create(new SharedArrayBuffer(8 * 2 ** 20));
    const coming = new ComingPages(
      there,
      Int32Array.from(mfns, (_, pfn) => pfn),
    );
    for (; !ahead.isDone; ) {
      for (const page of ahead.step()) coming.put(sent(page));
      if (ahead.isDone) break;
      for (let i = 0; i < 20; i++) change();
    }
    expect(ahead.round.iteration).toBeGreaterThan(1);
    let last = 0;
    for (const page of ahead.rest(image)) {
      if (page.type === PAGE.NORMAL) last++;
      coming.put(sent(page));
    }
    expect(last).toBeLessThan(200);
    for (const { pfn, type, bytes } of image.pages()) {
      expect([pfn, coming.absent.has(pfn), coming.tables.has(pfn)]).toEqual([pfn, type === PAGE.INVALID, type === 1]);
      const has =
        type === 1 ? coming.tables.get(pfn)!.bytes : there.bytes.subarray(pfn * FRAME_BYTES, (pfn + 1) * FRAME_BYTES);
      if (bytes) expect(Buffer.compare(has, bytes)).toBe(0);
    }
  },
);

it('is no delta of a page that has not come, or came as a page table: that is refused', () => {
  const coming = new ComingPages(Machine.create(new SharedArrayBuffer(8 * 2 ** 20)), Int32Array.of(1, 2, 3));
  const bytes = new Uint8Array(FRAME_BYTES);
  coming.put(sent({ pfn: 0, type: 1, bytes }));
  coming.put(sent({ pfn: 1, type: PAGE.INVALID }));
  const delta = Uint8Array.of(0, 1, 7);
  for (const pfn of [0, 1]) expect(() => coming.put(sent({ pfn, type: PAGE.NORMAL, delta }))).toThrow(SavedStateError);
  coming.put(sent({ pfn: 0, type: PAGE.NORMAL, bytes }));
  coming.put(sent({ pfn: 0, type: PAGE.NORMAL, delta }));
  expect(coming.tables.size).toBe(0);
});
