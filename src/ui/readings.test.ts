import { describe, expect, it } from 'vitest';
import type { Reading } from '../dom0/service/index.ts';
import { bySecond } from './readings.ts';

const reading = (atMs: number, overMs: number, percent?: number): Reading => ({
  atMs,
  overMs,
  cpuPercent: percent === undefined ? {} : { 0: percent },
  memoryMiB: {},
  network: {},
  disks: {},
});

describe('a reading of the host', () => {
  it('stands for all the seconds that it is over', () => {
    const all = [reading(1000, 1000, 100), reading(4000, 3000, 0)];
    expect(bySecond(all, 60, ({ cpuPercent }) => cpuPercent[0])).toEqual([100, 0, 0, 0]);
    const late = [...all, reading(30_000, 0)];
    expect(bySecond(late, 60, ({ cpuPercent }) => cpuPercent[0]).slice(-2)).toEqual([undefined, undefined]);
  });
});
