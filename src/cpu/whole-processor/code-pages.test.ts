/** What is known of the pages of code, behind flushes of the TLB: SDM vol. 3, 4.10.4.1. */
import { beforeEach, expect, it } from 'vitest';
import { CR3, CR4, EAX } from '../architecture/registers.ts';
import { Bench, d, TABLES } from '../test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
/** Frames of two functions, and the linear page that leads to the one or the other. */
const ONE = 0x40000, OTHER = 0x41000, PAGE = 0x300000;
const PGE = 0x80, GLOBAL = 0x100;
const entry = TABLES + (PAGE >> 12) * 4;

beforeEach(() => {
  bench.protectedMode().paging32();
  R[CR4]! |= PGE;
  bench.put(ONE, 'b8', d(1), 'c3');
  bench.put(OTHER, 'b8', d(2), 'c3');
});

/** Calls the page as `rights` map it, lets its entry lead to the other frame, does `flush` (MOV EBX is its CR3), and calls it again. */
function calledTwice(rights: number, flush: string): [first: number, second: number] {
  bench.setWord(entry, ONE | rights);
  bench.code('bb', d(R[CR3]!), 'bf', d(PAGE), 'ff d7 89 c6 c7 05', d(entry), d(OTHER | rights), flush, 'ff d7');
  bench.run();
  return [R[6]!, R[EAX]!];
}

const MOV_CR3 = '0f 22 db', INVLPG = '0f 01 3f', PGE_OFF_AND_ON = '0f 20 e1 83 f1 80 90 0f 22 e1 80 f1 80 0f 22 e1';

it('a CR3 write forgets where a page of code lies', () => expect(calledTwice(7, MOV_CR3)).toEqual([1, 2]));
it('of a global page it does not: the old function runs', () => expect(calledTwice(7 | GLOBAL, MOV_CR3)).toEqual([1, 1]));
it('a global bit without CR4.PGE is none', () => {
  R[CR4]! &= ~PGE;
  expect(calledTwice(7 | GLOBAL, MOV_CR3)).toEqual([1, 2]);
});
it('INVLPG and a change of CR4.PGE forget a global page, too', () => {
  expect(calledTwice(7 | GLOBAL, INVLPG)).toEqual([1, 2]);
  expect(calledTwice(7 | GLOBAL, PGE_OFF_AND_ON)).toEqual([1, 2]);
});
it('so does other code written into the frame', () => {
  bench.setWord(entry, ONE | 7 | GLOBAL);
  bench.code('bb', d(R[CR3]!), 'bf', d(PAGE), 'ff d7 89 c6 c7 05', d(ONE + 1), d(9), MOV_CR3, 'ff d7');
  bench.run();
  expect([R[6], R[EAX]]).toEqual([1, 9]);
});
