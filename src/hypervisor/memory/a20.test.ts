import { expect, it } from 'vitest';
import { A20Gate } from './a20.ts';
import { SecondStage } from './second-stage.ts';

it('closed, odd MiBs show the even ones below them; open, all is as it was', () => {
  const frames = 0x350;
  const words = Int32Array.from({ length: 0x400 }, (_, gfn) => (gfn + 0x1000) << 12);
  const before = words.slice(),
    stage = new SecondStage(words);
  let flushes = 0;
  const gate = new A20Gate(stage, [[0, frames]], () => flushes++);
  gate.set(true);
  expect(flushes).toBe(0);
  gate.set(false);
  // 0x100000 is 0; 0x10FFEF, the last byte that real mode reaches, is 0xFFEF; 3 MiB is 2 MiB; what is no RAM stays.
  expect([0x100, 0x10f, 0x1ff, 0x300, 0x34f].map(gfn => stage.entry(gfn))).toEqual(
    [0, 0xf, 0xff, 0x200, 0x24f].map(gfn => before[gfn]),
  );
  expect([0x50, 0x200, 0x350].map(gfn => stage.entry(gfn))).toEqual([0x50, 0x200, 0x350].map(gfn => before[gfn]));
  expect([0x50, 0x100, 0x34f, 0x3ff].map(gfn => gate.entry(gfn))).toEqual(
    [0x50, 0x100, 0x34f, 0x3ff].map(gfn => before[gfn]),
  );
  gate.set(false);
  gate.set(true);
  expect(words).toEqual(before);
  expect(flushes).toBe(2);
});
