/** What is known of the pages of code, behind flushes of the TLB: SDM vol. 3, 4.10.4.1. */
import { beforeEach, describe, expect, it } from 'vitest';
import { CR3, CR4, EAX, ECX, EIP } from '../architecture/registers.ts';
import { Bench, CODE, FREE, TABLES } from '../test-support/bench.ts';

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
  bench.put(ONE, 'mov eax, 1; ret');
  bench.put(OTHER, 'mov eax, 2; ret');
});

/** Calls the page as `rights` map it, lets its entry lead to the other frame, does `flush` (MOV EBX is its CR3), and calls it again. */
function calledTwice(rights: number, flush: string): [first: number, second: number] {
  bench.setWord(entry, ONE | rights);
  bench.code(
    `
      mov ebx, ${R[CR3]!}; mov edi, ${PAGE}; call edi; mov esi, eax
      mov dword [${entry}], ${OTHER | rights}
    `,
    flush,
    'call edi',
  );
  bench.run();
  return [R[6]!, R[EAX]!];
}

const MOV_CR3 = 'mov cr3, ebx',
  INVLPG = 'invlpg [edi]',
  PGE_OFF_AND_ON = 'mov ecx, cr4; xor ecx, -128; nop; mov cr4, ecx; xor cl, 0x80; mov cr4, ecx';

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
  bench.code(
    `mov ebx, ${R[CR3]!}; mov edi, ${PAGE}; call edi; mov esi, eax; mov dword [${ONE + 1}], 9`,
    MOV_CR3,
    'call edi',
  );
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
    bench.code(
      `mov edi, ${PAGE}; call edi; mov esi, eax; mov dword [${entry}], ${OTHER | 7}`,
      ...more,
      'hlt; call edi',
    );
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
    calledAround(() => {}, `mov eax, ${FREE}; mov es, ax; mov eax, 0x10; mov es, ax`);
  });
  it('so many stores into code that the page is taken for data', () => {
    const loop = CODE + 0x100;
    bench.put(loop, `again: inc byte [${loop + 7}]; mov eax, 0; dec ecx; jne again; ret`);
    calledAround(() => {}, `mov ecx, 1000; mov ebx, ${loop}; call ebx`);
    expect(R[ECX]).toBe(0);
  });
});
