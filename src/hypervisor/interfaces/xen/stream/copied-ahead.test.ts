import { describe, expect, it } from 'vitest';
import type { SavedPart } from '../../../domain/saved-part.ts';
import { FRAME_BYTES } from '../../../memory/machine.ts';
import { xenOf } from '../of-domain.ts';
import { testGuest } from '../pvh-program.test-support.ts';
import { PAGE } from './format.ts';
import { putPages } from './memory.ts';
import { CopiedAhead } from './copied-ahead.ts';
import { applyDelta } from './page-delta.ts';
import { Saver } from './saver.ts';
import type { SavedState } from './saved-state.ts';
import { readState, saveDomain } from './state.ts';
import { StateWriter } from './writer.ts';

const BY = { name: 'a', program: 'test', definition: '' };

/** All pieces, a part after the other. */
function partsOf(next: () => SavedPart): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let isLast = false; !isLast; ) {
    const part = next();
    all.push(...part.pieces);
    ({ isLast } = part);
  }
  return all;
}

/** What a state makes of memory: by guest frame its contents, zeroes for none. */
function memoryIn(chunks: Uint8Array[]): Map<number, string> {
  const memory = new Map<number, string>();
  for (const { pfns, types, bytes, deltas } of readState(Buffer.concat(chunks), 'a').pages) {
    let at = 0;
    pfns.forEach((pfn, i) => {
      if (deltas) {
        const page = new Uint8Array(FRAME_BYTES);
        page.set(Buffer.from(memory.get(pfn)!, 'latin1'));
        expect(applyDelta(page, bytes.subarray(at, (at += deltas[i]!)))).toBe(true);
        memory.set(pfn, page.some(byte => byte !== 0) ? Buffer.from(page).toString('latin1') : '');
      } else if (types[i]! <= PAGE.LAST_DATA) {
        memory.set(pfn, Buffer.from(bytes.subarray(at, at + FRAME_BYTES)).toString('latin1'));
        at += FRAME_BYTES;
      } else memory.set(pfn, types[i] === PAGE.ALLOCATE_ONLY ? '' : 'none');
    });
  }
  return memory;
}

const populatedIn = (chunks: Uint8Array[]): number => readState(Buffer.concat(chunks), 'a').about.populatedMiB;

it.each([
  [1, 'save'],
  [2, 'save'],
  [3, 'migrate'],
  [4, 'migrate'],
] as const)(
  'is the memory as it is at the end, whatever the guest did while it was copied (seed %i, to %s)',
  (seed, precopy) => {
    const guest = testGuest(),
      { domain } = guest,
      { frames } = xenOf(domain)!;
    let state = seed;
    const pick = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    const change = (): void => {
      const gfn = 0x100 + pick(0x280);
      const what = pick(4);
      if (what === 0) frames.remove(gfn);
      else if (what === 1) frames.populate(gfn);
      else if (what === 2) frames.move(gfn, 0x100 + pick(0x280));
      else if (frames.machineFrame(gfn) >= 0) guest.put(gfn * FRAME_BYTES + 4 * pick(1024), pick(2) * pick(2 ** 31));
    };
    for (let i = 0; i < 300; i++) change();
    const ahead = new CopiedAhead(domain, precopy, 100),
      writer = new StateWriter(domain, BY),
      file: Uint8Array[] = [];
    writer.known = ahead.copied;
    let steps = 0;
    for (; ; steps++) {
      file.push(...writer.ahead(ahead.step()));
      if (ahead.isDone) break;
      for (let i = 0; i < 60; i++) change();
    }
    // More than one round.
    expect(steps).toBeGreaterThan(10);
    const saved = saveDomain(domain, BY),
      whole = memoryIn(saved);
    file.push(...writer.rest(ahead));
    expect(memoryIn(file)).toEqual(whole);
    expect(populatedIn(file)).toBe(populatedIn(saved));
    // What was begun and given up, or not begun, changes nothing.
    const saver = new Saver(domain, BY);
    saver.copyAhead();
    saver.forget();
    expect(memoryIn(partsOf(() => saver.save()))).toEqual(whole);
  },
);

it.each([
  ['is stopped in its first round', undefined, 1],
  ['may stand still for what it has written', 500, 1],
  ['may not stand still for so much', 5, 5],
] as const)('is the memory as it is at the end, where the guest %s', (_how, few, rounds) => {
  const { domain, put } = testGuest();
  for (let gfn = 0x100; gfn < 0x300; gfn++) put(gfn * FRAME_BYTES, gfn);
  const ahead = new CopiedAhead(domain, 'migrate', 100),
    writer = new StateWriter(domain, BY),
    file: Uint8Array[] = [];
  ahead.few = few;
  writer.known = ahead.copied;
  for (let n = 0; ; n++) {
    file.push(...writer.ahead(ahead.step()));
    for (let gfn = 0x200; gfn < 0x220; gfn++) put(gfn * FRAME_BYTES, 1000 * n + gfn);
    if (few === undefined) ahead.stop();
    if (ahead.isDone) break;
  }
  expect(ahead.round.iteration + 1).toBe(rounds);
  const whole = memoryIn(saveDomain(domain, BY));
  expect(memoryIn([...file, ...writer.rest(ahead)])).toEqual(whole);
});

it('leaves little to copy at the end, and logs writes no longer than that', () => {
  const { domain, put, machine } = testGuest();
  for (let gfn = 0x100; gfn < 0x300; gfn++) put(gfn * FRAME_BYTES, gfn);
  const saver = new Saver(domain, BY);
  const file = partsOf(() => saver.copyAhead());
  expect(machine.words[machine.writeLogAt]).toBe(1);
  put(0x180 * FRAME_BYTES, 0xabcd);
  const { pages } = readState(Buffer.concat([...file, ...partsOf(() => saver.save())]), 'a');
  expect(machine.words[machine.writeLogAt]).toBe(0);
  const last = pages.at(-1)!;
  expect([...last.pfns].filter((_, i) => last.types[i] === PAGE.NORMAL)).toContain(0x180);
  expect(last.bytes.length / FRAME_BYTES).toBeLessThan(20);
});

it('tells how far its rounds are where it moves, and counts nothing for a file or a checkpoint', () => {
  const { domain } = testGuest();
  const saver = new Saver(domain, BY);
  for (const precopy of ['save', 'checkpoint', 'migrate'] as const) {
    let told = 0,
      parts = 0;
    partsOf(() => {
      const part = saver.copyAhead(precopy);
      parts++;
      if (part.round) told++;
      return part;
    });
    expect(told).toBe(precopy === 'migrate' ? parts : 0);
    saver.forget();
  }
});

it('is rehearsed behind the first round as often as is wished, and for each move anew, and comes as what has changed since', () => {
  const { domain, put } = testGuest();
  for (let gfn = 0x100; gfn < 0x200; gfn++) put(gfn * FRAME_BYTES, gfn);
  const saver = new Saver(domain, BY, 3);
  for (let move = 0; move < 2; move++) {
    let rehearsals = 0;
    let before: SavedState | undefined;
    const file: Uint8Array[] = [];
    for (let isLast = false; !isLast; ) {
      const { rehearsal, pieces, round, ...part } = saver.copyAhead('migrate');
      isLast = part.isLast;
      file.push(...pieces);
      if (!rehearsal) continue;
      rehearsals++;
      // All of memory is there, and what comes with it is no page.
      expect([pieces.length, round!.copied]).toEqual([0, round!.dirty]);
      const state = readState(rehearsal, 'a', before);
      expect(state.pages).toEqual([]);
      if (before) {
        expect(rehearsal.length).toBeLessThan(20_000);
        expect(() => readState(rehearsal, 'a')).toThrow(
          /record RINGSIDE_CHANGES at byte \d+ says what has changed in a state that has not come/,
        );
      }
      before = state;
    }
    expect(rehearsals).toBe(3);
    if (move === 0) {
      saver.forget();
      continue;
    }
    const { machine, record } = domain.options;
    machine.bytes[record.screenOffset + 0x1234]! ^= 1;
    const { domain: its, emulator } = readState(Buffer.concat(saveDomain(domain, BY)), 'a');
    file.push(...partsOf(() => saver.save()));
    const state = readState(Buffer.concat(file), 'a', before);
    expect([state.domain, state.emulator]).toEqual([its, emulator]);
    expect(emulator.screen[0x1234]).not.toBe(before!.emulator.screen[0x1234]);
  }
});

describe('the rounds of a migration', () => {
  /** How many frames each round had, where the guest writes this many during each. */
  function rounds(writes: readonly number[]): number[] {
    const { domain, put } = testGuest();
    // All of it fits into one step.
    const ahead = new CopiedAhead(domain, 'migrate');
    const sizes: number[] = [];
    const value = (): number => sizes.length + 1;
    for (let at = 0; !ahead.isDone; ) {
      ahead.step();
      const { iteration, dirty, copied } = ahead.round;
      sizes[iteration] = dirty;
      if (copied < dirty) continue;
      for (let i = 0; i < (writes[at] ?? 0); i++) put((0x100 + i) * FRAME_BYTES, value());
      at++;
    }
    ahead.end();
    return sizes.slice(1);
  }

  it('are no more than five, however much is written', () => {
    expect(rounds([100, 100, 100, 100, 100, 100])).toEqual([100, 100, 100, 100]);
  });

  it('end with the first that has fewer than fifty frames, which is copied while the guest runs, too', () => {
    expect(rounds([200, 49])).toEqual([200, 49]);
    expect(rounds([200, 50, 10])).toEqual([200, 50, 10]);
    expect(rounds([])).toEqual([]);
  });

  it('tell how much is still to go, also once a round is over', () => {
    const { domain, put } = testGuest();
    const ahead = new CopiedAhead(domain, 'migrate', 600);
    ahead.step();
    const { dirty, left } = ahead.round;
    expect(left).toBe(dirty - 600);
    put(0x110 * FRAME_BYTES, 1);
    while (ahead.round.copied < dirty) ahead.step();
    const before = ahead.round.left;
    // What the hypervisor writes by itself is among it.
    expect(before).toBeGreaterThan(0);
    for (let gfn = 0x200; gfn < 0x220; gfn++) put(gfn * FRAME_BYTES, 1);
    expect(ahead.round.left).toBe(before + 0x20);
    ahead.end();
  });

  it('tell what part of each part of memory was written meanwhile', () => {
    const { domain, put } = testGuest();
    const ahead = new CopiedAhead(domain, 'migrate');
    ahead.step();
    expect(ahead.round.written).toBeUndefined();
    // Of sixty-four parts of 4 MiB each has sixteen frames.
    expect(domain.options.record.ramFrames).toBe(1024);
    for (let gfn = 0x100; gfn < 0x118; gfn++) put(gfn * FRAME_BYTES, 1);
    while (ahead.round.iteration === 0) ahead.step();
    const expected = new Array<number>(64).fill(0);
    expected.splice(16, 2, 1, 0.5);
    const { written } = ahead.round;
    ahead.end();
    expect(written!.slice(1, 63)).toEqual(expected.slice(1, 63));
  });
});

it('refuses what is no delta of a page that has come', () => {
  const { domain } = testGuest();
  const { machine, record } = domain.options;
  const batch = (gfn: number, delta: string) => {
    const bytes = Uint8Array.from(Buffer.from(delta, 'hex'));
    return {
      pfns: Uint32Array.of(gfn),
      types: Uint8Array.of(PAGE.NORMAL),
      bytes,
      deltas: Uint32Array.of(bytes.length),
    };
  };
  putPages(domain, [batch(0x120, '0501ab')]);
  expect(machine.bytes[machine.secondStage(record).mfn(0x120) * FRAME_BYTES + 5]).toBe(0xab);
  for (const wrong of [batch(0x120, '0502ab'), batch(0xfff00, '0501ab')])
    expect(() => putPages(domain, [wrong])).toThrow(/^Record RINGSIDE_PAGE_DELTAS has no delta of guest frame 0x/);
});

it('finds by what comes once more where memory is not as it came', () => {
  const { domain } = testGuest();
  const { machine, record } = domain.options;
  const mfn = machine.secondStage(record).mfn(0x120);
  const page = machine.bytes.subarray(mfn * FRAME_BYTES, (mfn + 1) * FRAME_BYTES);
  page[77] = 1;
  const batch = (...bytes: Uint8Array[]) => ({
    pfns: Uint32Array.of(0x120),
    types: Uint8Array.of(bytes.length > 0 ? PAGE.NORMAL : PAGE.ALLOCATE_ONLY),
    bytes: bytes[0] ?? new Uint8Array(),
    verify: 4711,
  });
  putPages(domain, [batch(page.slice())]);
  const other = page.slice();
  other[78] = 1;
  for (const wrong of [batch(other), batch()])
    expect(() => putPages(domain, [wrong])).toThrow(/^verify pfn 0x120 failed: it came again at byte 4711/);
  expect([page[77], page[78]]).toEqual([1, 0]);
  page.fill(0);
  putPages(domain, [batch()]);
});
