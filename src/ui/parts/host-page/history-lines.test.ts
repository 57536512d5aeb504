import { expect, it } from 'vitest';
import type { Reading } from '../../readings.ts';
import { historyLines } from './history-lines.ts';

const reading = (freeMiB: number | undefined): Reading =>
  ({
    atMs: 0,
    freeMiB,
    cpuPercent: { 0: 10, 1: 55 },
    memoryMiB: { 0: 96, 1: 128 },
    disks: { 1: { read: 2 ** 20, written: 3 * 2 ** 20 }, 2: { read: 0, written: 2 ** 20 } },
    sentPerSecond: 2048,
    gotPerSecond: undefined,
  }) as unknown as Reading;
const owners = [
  { id: 0, name: 'Domain-0' },
  { id: 1, name: 'web' },
];
const { cpu, memory, disk, net } = historyLines([reading(200), reading(undefined)], owners, 512);
const values = (lines: typeof cpu) => lines.map(({ values }) => values[0]);

it('draws a line for each domain, and what no domain has as free or Xen’s own', () => {
  expect(cpu.map(({ name }) => name)).toEqual(['Domain-0', 'web']);
  expect(values(cpu)).toEqual([10, 55]);
  expect(values(memory)).toEqual([200, 96, 128, 512 - 200 - 96 - 128]);
  expect(memory.at(-1)!.values[1]).toBeUndefined();
});

it('sums the disks of all domains, and leaves out what is not known', () => {
  expect(values(disk)).toEqual([4, 1]);
  expect(values(net)).toEqual([2, undefined]);
});
