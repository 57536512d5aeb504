/** What flushes leave and drop. What they forget must follow from what the guest did alone: a processor that goes on where another was saved has an empty TLB. */
import { expect, it } from 'vitest';
import { USER } from './scratch.ts';
import { INVALID, Tlb } from './tlb.ts';

const page = (number: number): number => number << 12;

it('behind a flush of all, INVLPG drops its own page alone, whatever large pages there were', () => {
  const tlb = new Tlb();
  tlb.sawLargePage(page(1));
  tlb.flushAll();
  for (const number of [1, 2]) {
    tlb.fill(page(number), 0, page(5), true, true, false, false);
    tlb.fillFetch(page(number), 0, 5, false);
  }
  tlb.flushPage(page(1));
  expect([tlb.TR[1], tlb.TX[1]]).toEqual([INVALID, 0]);
  expect([tlb.TR[2]! & 3, tlb.TX[2]]).toEqual([0, 6]);
});

it('pages of data that are too many drop pages of data alone, and pages of code those of code', () => {
  const tlb = new Tlb();
  tlb.fillFetch(page(1), 0, 5, false);
  tlb.fillCode(page(1), 0, 4096);
  for (let number = 2; number < 70_000; number++) tlb.fill(page(number), 0, page(number), true, true, false, false);
  expect([tlb.TR[2], tlb.TR[69_999]! & 3]).toEqual([INVALID, 0]);
  expect([tlb.TX[1], tlb.CP[1]]).toEqual([6, 4096]);
  for (let number = 2; number < 70_000; number++) tlb.fillFetch(page(number), 0, number, false);
  expect([tlb.TX[1], tlb.CP[1], tlb.TX[69_999]]).toEqual([0, 0, 70_000]);
  expect(tlb.TR[69_999]! & 3).toBe(0);
});

it('one that comes after another that is gone has its tables, and nothing in them', () => {
  const tlb = new Tlb();
  tlb.enterUser();
  for (const isGlobal of [false, true]) {
    const at = isGlobal ? 7 : 8;
    tlb.fill(page(at), 0, page(5), true, true, false, isGlobal);
    tlb.fill(page(at), USER, page(5), true, true, true, isGlobal);
    tlb.fillFetch(page(at), 0, 5, isGlobal);
  }
  tlb.fillCode(page(9), 0, 4096);
  tlb.sawLargePage(page(1024));
  tlb.fill(tlb.slotAddress(page(3), 0xffff_8000 | 0), 0, page(5), true, true, false, false);
  tlb.release();
  const next = new Tlb();
  expect(next.TR === tlb.TR).toBe(true);
  const isAll = (table: Int32Array, value: number): boolean => table.every(each => each === value);
  expect([isAll(next.TR, INVALID), isAll(next.TW, INVALID)]).toEqual([true, true]);
  expect([next.TX, next.CP, next.TH].map(table => isAll(table, 0))).toEqual([true, true, true]);
});

it('one that is given up twice is refused the second time, so that no two have its tables', () => {
  const tlb = new Tlb();
  tlb.release();
  expect(() => tlb.release()).toThrow('given up before');
  expect(new Tlb().TR === new Tlb().TR).toBe(false);
});

it('tables of records that are too many for their list drop no translation', () => {
  const tlb = new Tlb();
  tlb.fillFetch(page(1), 0, 5, true);
  for (let number = 0; number < 70_000; number++) tlb.fillCode(page(1), 0, 4096);
  expect([tlb.TX[1], tlb.CP[1]]).toEqual([6, 4096]);
  tlb.flushNonGlobal();
  expect([tlb.TX[1], tlb.CP[1]]).toEqual([6, 4096]);
  tlb.flushAll();
  expect([tlb.TX[1], tlb.CP[1]]).toEqual([0, 0]);
});
