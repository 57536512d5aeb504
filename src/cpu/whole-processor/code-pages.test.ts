/** What is known of the pages of code, behind flushes of the TLB: SDM vol. 3, 4.10.4.1. */
import { beforeEach, describe, expect, it } from 'vitest';
import { CR3, CR4, EAX, ECX, EIP } from '../architecture/registers.ts';
import { Bench, CODE, d, FREE, TABLES } from '../test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
/** Frames of two functions, and the linear page that leads to the one or the other. */
const ONE = 0x40000,
  OTHER = 0x41000,
  PAGE = 0x300000;
const PGE = 0x80,
  GLOBAL = 0x100;
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

const MOV_CR3 = '0f 22 db',
  INVLPG = '0f 01 3f',
  PGE_OFF_AND_ON = '0f 20 e1 83 f1 80 90 0f 22 e1 80 f1 80 0f 22 e1';

it('a CR3 write forgets where a page of code lies', () => expect(calledTwice(7, MOV_CR3)).toEqual([1, 2]));
it('of a global page it does not: the old function runs', () =>
  expect(calledTwice(7 | GLOBAL, MOV_CR3)).toEqual([1, 1]));
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

/**
 * A processor may keep a translation whose entry was changed (SDM vol. 3, 4.10.4), and may leave its accessed bit clear (4.10.4.3), until software invalidates it.
 * Whether ours does follows from what the guest did. It does not follow from what became of records: these are dropped at other instants where regions are
 * compiled, and where a saved processor goes on.
 */
describe('a translation that the guest did not invalidate outlives', () => {
  /** Calls the page, lets its entry lead elsewhere (with the accessed bit clear), runs `more` up to a HLT, forgets what `forget` does, and calls the page again. */
  function calledAround(forget: () => void, ...more: (string | number[])[]): void {
    bench.setWord(entry, ONE | 7);
    bench.code('bf', d(PAGE), 'ff d7 89 c6 c7 05', d(entry), d(OTHER | 7), ...more, 'f4 ff d7');
    bench.run();
    expect([R[6], bench.word(entry)]).toEqual([1, OTHER | 7]);
    forget();
    R[EIP]! += 1;
    bench.run();
    expect([R[EAX], bench.word(entry)]).toEqual([1, OTHER | 7]);
  }

  it('nothing at all', () => calledAround(() => {}));
  it('a write by others into code', () => calledAround(() => bench.cpu.invalidate(CODE >> 12)));
  it('a write by others into the code that it leads to', () => calledAround(() => bench.cpu.invalidate(ONE >> 12)));
  it('the end of all records', () => calledAround(() => bench.cpu.code.dropAll()));
  it('a segment that makes code another kind, and one that makes it the same again', () => {
    bench.descriptor(FREE, 0, 0xff, 0x93);
    calledAround(() => {}, 'b8', d(FREE), '8e c0 b8', d(0x10), '8e c0');
  });
  it('so many stores into code that the page is taken for data', () => {
    // inc byte [the constant]; mov eax, the constant; dec ecx; jnz back
    const loop = CODE + 0x100;
    bench.put(loop, 'fe 05', d(loop + 7), 'b8', d(0), '49 75 f2 c3');
    calledAround(() => {}, 'b9', d(1000), 'bb', d(loop), 'ff d3');
    expect(R[ECX]).toBe(0);
  });
});
