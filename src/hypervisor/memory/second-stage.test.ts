import { expect, it } from 'vitest';
import { P2M_ON_DEMAND, P2M_READ, P2M_RWX, P2M_WRITE } from '../../cpu/architecture/index.ts';
import { P2M_PART_SHIFT, p2mParts } from '../layout/layout.ts';
import { SecondStage } from './second-stage.ts';

it('says what lies at a guest frame, and nothing past its end', () => {
  const stage = new SecondStage(new Int32Array(16));
  stage.map(3, 0x70001);
  stage.map(4, 0x123, P2M_READ);
  stage.defer(5);
  expect([3, 4, 5, 6, -1, 16, NaN].map(gfn => [stage.mfn(gfn), stage.rights(gfn)])).toEqual([
    [0x70001, P2M_RWX],
    [0x123, P2M_READ],
    ...Array(5).fill([-1, 0]),
  ]);
  expect([stage.isOnDemand(5), stage.isOnDemand(6), stage.highest]).toEqual([true, false, 5]);
  expect([stage.isEmpty(6, 10), stage.isEmpty(5, 2), stage.isEmpty(6, 11)]).toEqual([true, false, false]);
  stage.allow(4, P2M_WRITE);
  stage.deny(4, P2M_READ);
  expect(stage.rights(4)).toBe(P2M_WRITE);
  const before = stage.copy();
  stage.unmap(3);
  expect([...stage.entries()]).toEqual([
    [4, (0x123 << 12) | P2M_WRITE],
    [5, P2M_ON_DEMAND],
  ]);
  expect(before.mfn(3)).toBe(0x70001);
});

it('holds memory behind the hole below 4 GiB', () => {
  const stage = new SecondStage(new Int32Array(0x100000 + 16));
  stage.map(0x10000f, 0x42);
  expect([stage.offset(2 ** 32 + 0xf123), stage.offset(0xf123), stage.offset(2 ** 36)]).toEqual([0x42123, -1, -1]);
});

it('passes over parts where nothing has ever lain, and finds all others', () => {
  const part = 1 << P2M_PART_SHIFT;
  const words = new Int32Array(5 * part + 7);
  const stage = new SecondStage(words, new Uint8Array(p2mParts(words.length)));
  const gfns = [3, part - 1, 3 * part, 5 * part + 6];
  for (const gfn of gfns) stage.map(gfn, gfn + 1);
  // Nobody looks where nothing was put.
  words[2 * part] = 0x5007;
  const found = (of: SecondStage): number[] => [...of.entries()].map(([gfn]) => gfn);
  expect(found(stage)).toEqual(gfns);
  expect([stage.next(4), stage.next(part), stage.next(5 * part + 7)]).toEqual([part - 1, 3 * part, words.length]);
  const copy = stage.copy();
  stage.unmap(3 * part);
  stage.defer(part);
  expect(found(stage.copy(copy))).toEqual([3, part - 1, part, 5 * part + 6]);
});

it('can be composed: the memory of a guest’s guest', () => {
  const [outer, inner, both] = Array.from({ length: 3 }, () => new SecondStage(new Int32Array(32)));
  outer!.map(7, 0x500, P2M_READ);
  inner!.map(1, 7);
  for (const [gfn] of inner!.entries()) {
    const guests = inner!.mfn(gfn);
    both!.map(gfn, outer!.mfn(guests), inner!.rights(gfn) & outer!.rights(guests));
  }
  expect([both!.mfn(1), both!.rights(1)]).toEqual([0x500, P2M_READ]);
});
