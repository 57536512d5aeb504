/** The plain walk against the general one: the same answers and the same entries of the TLB, where it has an answer. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CR0_WP, CR4_PGE, CR4_PSE, CR4_SMAP, EFER_NXE } from './architecture/control-bits.ts';
import { ALLOWED, PageWalk, PTE_A, PTE_D, PTE_G, PTE_P, PTE_PS, PTE_U, PTE_W } from './architecture/paging.ts';
import { CPL, CR0, CR4, DR, EFER } from './architecture/registers.ts';
import { createPlainWalk, UNKNOWN } from './plain-walks.ts';
import { USER } from './scratch.ts';
import { Bench, DIRECTORY, FRAMES, TABLES } from './test-support/bench.ts';
import { mostly } from './test-support/ordinary.ts';
import { Tlb } from './tlb.ts';

const PAGE = 0x30000,
  LINEAR = 0x400000 + PAGE,
  TABLE = TABLES + 0x6000;

it('answers and marks as the general walk does and leaves the same entries, or leaves the walk to it', () => {
  const bench = new Bench(),
    { cpu, R } = bench,
    { memory } = cpu,
    general = new PageWalk(R, bench.words, bench.p2m),
    tlb = new Tlb(),
    plain = createPlainWalk(cpu, tlb, cpu.code, cpu.debug, cpu.log);
  tlb.enterUser();
  Object.assign(memory, { plainWalk: () => UNKNOWN });
  const taken = { allowed: 0, faults: 0, marked: 0 };
  const bits = fc
    .tuple(
      mostly(PTE_P, 0),
      mostly(PTE_W, 0),
      mostly(PTE_U, 0),
      mostly(PTE_A, 0),
      fc.constantFrom(PTE_D, 0),
      mostly(0, PTE_PS),
      fc.constantFrom(0, PTE_G),
    )
    .map(all => all.reduce((sum, bit) => sum | bit));
  const high = mostly(0, -0x80000000, 0x10, 1);
  const drawn = fc.record({
    upper: bits,
    upperHigh: high,
    frame: mostly(PAGE, FRAMES << 12, 0xfffff000 | 0),
    leaf: bits,
    leafHigh: high,
    entry: mostly(7, 15, 5, 1, 16, 0),
    table: mostly(TABLE, 0x500000),
    tableEntry: mostly(7, 15, 5),
    codeInTable: mostly(false, true),
    pae: fc.boolean(),
    nxe: fc.boolean(),
    wp: fc.boolean(),
    user: fc.boolean(),
    write: fc.boolean(),
    watched: mostly(false, true),
    cr4: fc.constantFrom(0, CR4_PSE, CR4_PGE, CR4_PSE | CR4_PGE, CR4_PGE | CR4_SMAP),
  });
  fc.assert(
    fc.property(drawn, of => {
      const { user, write, pae } = of,
        size = pae ? 8 : 4,
        at = TABLE + ((LINEAR >> 12) & (pae ? 511 : 1023)) * size;
      bench.protectedMode(user ? 3 : 0);
      if (pae) bench.pagingPae(7);
      else bench.paging32(7);
      R[CR0] = (R[CR0]! & ~CR0_WP) | (of.wp ? CR0_WP : 0);
      R[CR4] = R[CR4]! | of.cr4;
      R[EFER] = of.nxe ? EFER_NXE : 0;
      R[DR + 7] = of.watched ? 0x30002 : 0x400;
      R[DR] = LINEAR;
      bench.setWord(DIRECTORY + (pae ? 16 : 4), of.table | of.upper);
      bench.setWord(at, of.frame | of.leaf);
      if (pae) {
        bench.setWord(DIRECTORY + 20, of.upperHigh);
        bench.setWord(at + 4, of.leafHigh);
      }
      bench.p2m[PAGE >> 12] = PAGE | of.entry;
      bench.p2m[TABLE >> 12] = TABLE | of.tableEntry;
      cpu.code.lines[TABLE >> 12] = of.codeInTable ? 1 : 0;
      cpu.reload();
      tlb.flushAll();
      const words = () => [bench.word(DIRECTORY + (pae ? 16 : 4)), bench.word(at)],
        before = words(),
        found = plain(LINEAR, write),
        marked = words();
      const page = (LINEAR >>> 12) + (user ? USER : 0),
        entries = ({ TR, TW }: Tlb) => [TR[page], TW[page]];
      if (found !== ALLOWED) expect([entries(tlb), marked]).toEqual([[3, 3], before]);
      if (found === UNKNOWN) return;
      expect(found).toBe(general.access(LINEAR, write, false, R[CPL] === 3, false));
      taken[found === ALLOWED ? 'allowed' : 'faults']++;
      if (found !== ALLOWED) return;
      if (marked[1] !== before[1]) taken.marked++;
      bench.setWord(at, before[1]!);
      if (write) memory.hostWrite(LINEAR);
      else memory.hostRead(LINEAR);
      expect(entries(tlb)).toEqual(entries(cpu.tlb));
      tlb.flushNonGlobal();
      cpu.tlb.flushNonGlobal();
      expect(entries(tlb)).toEqual(entries(cpu.tlb));
      expect(words()).toEqual(marked);
    }),
    { numRuns: 2000, seed: 11 },
  );
  expect(taken.allowed).toBeGreaterThan(200);
  expect(taken.faults).toBeGreaterThan(100);
  expect(taken.marked).toBeGreaterThan(50);
});
