import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { copyBySequence, MemoryView, wholeEntries } from './memory-view.ts';

describe('machine memory as readers see it', () => {
  const memory = new ArrayBuffer(2 * 4096);
  const view = new MemoryView(memory);
  new Int32Array(memory).fill(-1);

  it('reads as 0 where there is none', () => {
    expect([
      view.word(2047),
      view.word(2048),
      view.word(-1),
      view.word(NaN),
      view.unsigned(1e12),
      view.pair(2048),
      view.byte(-5),
      view.byte(8192),
    ]).toEqual([-1, 0, 0, 0, 0, 0, 0, 0]);
    expect(view.double(4096)).toBe(0);
    expect([view.frame(1), view.frame(2), view.frame(-1), view.frame(0x7fffffff)]).toEqual([1024, -1, -1, -1]);
  });

  it('has no block that does not lie in it whole', () => {
    expect([
      view.block(4096, 1024).length,
      view.block(4096, 1025).length,
      view.block(-4096, 4).length,
      view.block(0, 4).length,
      view.block(4096, -1).length,
    ]).toEqual([1024, 0, 0, 0, 0]);
    expect(view.copy(1024, 1025).torn).toBe(true);
  });
});

describe('a copy of a block with a sequence counter', () => {
  const WORDS = 64;
  const block = new Int32Array(new SharedArrayBuffer(WORDS * 4));
  const writer = new Worker(
    `const { workerData: block } = require('node:worker_threads');
     for (let n = 0; ; n = (n + 1) & 0xffff) {
       Atomics.add(block, 0, 1);
       for (let i = 1; i < block.length; i++) block[i] = n;
       Atomics.add(block, 0, 1);
       // Time in which the block stands still, so that a reader can have it whole.
       if ((n & 7) === 0) Atomics.wait(block, 0, block[0], 1);
     }`,
    { eval: true, workerData: block },
  );
  afterAll(() => writer.terminate());

  it('is whole, or says that it is not', async () => {
    while (Atomics.load(block, 0) < 100) await new Promise(resolve => setTimeout(resolve, 5));
    let whole = 0;
    for (let i = 0; i < 50_000; i++) {
      const { words, torn } = copyBySequence(block, 0);
      if (torn) continue;
      whole++;
      if (words.some((word, at) => at > 0 && word !== words[1])) expect([...words]).toEqual('all of one write');
    }
    expect(whole).toBeGreaterThan(0);
  });

  it('is shown as torn where its writer has died in the middle, and where there is none', () => {
    expect(copyBySequence(Int32Array.of(1, 7, 8), 0)).toEqual({ words: Int32Array.of(1, 7, 8), torn: true });
    expect(copyBySequence(Int32Array.of(2, 7, 8), 0)).toEqual({ words: Int32Array.of(2, 7, 8), torn: false });
    expect(copyBySequence(new Int32Array(0), 0).torn).toBe(true);
  });
});

describe('whole entries of a ring', () => {
  it('are those that the writer had not come to again', () => {
    expect(wholeEntries(0, 3, 3, 8)).toEqual({ first: 0, missed: 0 });
    // The entry under way overwrites number 0.
    expect(wholeEntries(0, 8, 8, 8)).toEqual({ first: 1, missed: 1 });
    expect(wholeEntries(5, 8, 20, 8)).toEqual({ first: 8, missed: 3 });
    // Counts run free, past 2^31.
    expect(wholeEntries(0x7ffffffe, 0x80000002 | 0, 0x80000002 | 0, 8)).toEqual({ first: 0x7ffffffe, missed: 0 });
    expect(wholeEntries(0x7ffffff0, 0x80000002 | 0, 0x80000002 | 0, 8)).toEqual({ first: 0x7ffffffb, missed: 11 });
  });
});
