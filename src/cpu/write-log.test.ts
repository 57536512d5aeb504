import { expect, it } from 'vitest';
import { CR0_PG } from './architecture/control-bits.ts';
import { PTE_A, PTE_D, PTE_P, PTE_W } from './architecture/paging.ts';
import { CR0, CR3 } from './architecture/registers.ts';
import { WRITE_LOG_HEAD } from './architecture/write-log.ts';
import { Bench } from './test-support/bench.ts';

const LOG = 0x60000,
  DIRECTORY = 0x50000,
  TABLE = 0x51000,
  PAGE = 0x30000,
  LINEAR = 0x400000 + PAGE;

/** Paging with one page at LINEAR, whose entries have these bits. */
function paged(upper: number, leaf: number): Bench {
  const bench = new Bench({ writeLog: LOG / 4 }).protectedMode();
  bench.setWord(DIRECTORY + 4, TABLE | PTE_P | PTE_W | upper);
  bench.setWord(TABLE + (PAGE >>> 12) * 4, PAGE | PTE_P | PTE_W | leaf);
  bench.R[CR3] = DIRECTORY;
  bench.R[CR0]! |= CR0_PG;
  bench.cpu.reload();
  bench.setWord(LOG, 1);
  return bench;
}

/** Frames that the log has. */
function logged({ words }: Bench): number[] {
  const bits = words.subarray(LOG / 4 + WRITE_LOG_HEAD, LOG / 4 + WRITE_LOG_HEAD + 16);
  return [...bits].flatMap((word, i) =>
    Array.from({ length: 32 }, (_, bit) => bit)
      .filter(bit => word & (1 << bit))
      .map(bit => 32 * i + bit),
  );
}

it('notes a frame that is stored to, and not one that is only read, though the page is dirty already', () => {
  const bench = paged(PTE_A, PTE_A | PTE_D);
  bench.cpu.memory.read32(LINEAR);
  expect(logged(bench)).toEqual([]);
  bench.cpu.memory.write32(LINEAR, 1);
  expect(logged(bench)).toEqual([PAGE >>> 12]);
});

it('notes tables whose accessed and dirty bits the processor sets', () => {
  const bench = paged(0, 0);
  bench.cpu.memory.read32(LINEAR);
  expect(logged(bench)).toEqual([DIRECTORY >>> 12, TABLE >>> 12]);
  bench.words.fill(0, LOG / 4 + WRITE_LOG_HEAD, LOG / 4 + WRITE_LOG_HEAD + 16);
  bench.cpu.memory.write32(LINEAR, 1);
  expect(logged(bench)).toEqual([PAGE >>> 12, TABLE >>> 12]);
});

it('notes nothing while nobody keeps count, and a store again once entries were flushed', () => {
  const bench = paged(PTE_A, PTE_A | PTE_D);
  bench.setWord(LOG, 0);
  bench.cpu.memory.write32(LINEAR, 1);
  expect(logged(bench)).toEqual([]);
  bench.setWord(LOG, 1);
  bench.cpu.flushTlb();
  bench.cpu.memory.write8(LINEAR, 2);
  expect(logged(bench)).toEqual([PAGE >>> 12]);
});
