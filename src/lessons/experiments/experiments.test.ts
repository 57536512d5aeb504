/** What experiments are made of; all of them are run in test/guests/experiments.guest.ts. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { timersOfTest } from '../../dom0/service/host.test-support.ts';
import { wattsApart } from './consolidation.ts';
import { drivers } from './drivers.ts';
import type { Row } from './form.ts';
import { guestText, type Lab } from './lab.ts';
import { EXPERIMENTS } from './list.ts';
import { openLab } from './open-lab.ts';
import { measured } from './run.ts';
import { cellsOf, csvOf } from './table.ts';
import { short } from './words.ts';
import { guestBy, pings, readDisk } from './works.ts';

const guests = new URL('../../../guests/', import.meta.url);
const lab = (): Promise<Lab> =>
  openLab({ read: async path => new Uint8Array(readFileSync(new URL(path, guests))), ...timersOfTest() });

it('have names of their own, columns that their pictures draw, and say how they measure', () => {
  expect(new Set(EXPERIMENTS.map(({ id }) => id)).size).toBe(EXPERIMENTS.length);
  for (const { id, columns, drawing, how, conditions, mayBeTimed, untimed } of EXPERIMENTS) {
    // It runs in real time, or says why not.
    expect(mayBeTimed === true, id).toBe(untimed === undefined);
    const { kind: _kind, isLog: _isLog, ...drawn } = { isLog: false, ...drawing };
    for (const column of Object.values(drawn))
      expect(
        columns.map(each => each.id),
        id,
      ).toContain(column);
    expect(how.length, id).toBeGreaterThan(0);
    expect(new Set(conditions(1).map(({ name }) => name)).size, id).toBe(conditions(1).length);
  }
});

it('who waits for the processor sees time pass, and it is never idle while somebody has something to do', async () => {
  const host = await lab(),
    three = [];
  for (const name of ['a', 'b', 'c']) three.push(await host.boot(guestText(name, 'pv', { kernel: 'service.asm' })));
  // Half of a processor each.
  for (const guest of three) guest.type('serve 1000000 5000');
  await host.run(30);
  const began = host.nowMs,
    before = await Promise.all(three.map(guest => guest.facts()));
  await host.run(60);
  const ms = host.nowMs - began,
    after = await Promise.all(three.map(guest => guest.facts()));
  const grown = (fact: string): number =>
    after.reduce((sum, { counts }, i) => sum + counts[fact]! - before[i]!.counts[fact]!, 0) / 1000;
  expect(grown('run_us')).toBeGreaterThan(0.98 * ms);
  // Two of three wait at any time.
  expect(grown('wait_us')).toBeGreaterThan(1.5 * ms);
});

it('a system call enters Xen where the guest is paravirtual, and nobody where it is not', async () => {
  const host = await lab(),
    each = async (type: 'pv' | 'hvm', kernel: string): Promise<number> =>
      (await (await host.boot(guestText(type, type, { kernel }))).cost('call 90', 'call 10')).exits / 80;
  expect(await each('hvm', 'calls.asm')).toBe(0);
  expect(await each('pv', 'pv-calls.asm')).toBe(1);
});

it('a guest of KVM writes and reads by virtio, with an exit for each lot of requests, and hears of answers in its memory', async () => {
  const guest = await guestBy(await lab(), 'kvm', 'virtio');
  const filled = /crc \w+/.exec(await guest.command('fill vda 256 512 7'))![0];
  expect(await guest.command('sum vda 256 512')).toContain(filled);
  // What it prints has some digits more, each an exit at the serial port.
  const DIGITS = 10;
  for (const [requestKib, depth, lots] of [
    [64, 8, 1],
    [4, 1, 128],
  ] as const) {
    const { exits } = await readDisk(guest, 'virtio', 512, requestKib, depth);
    expect(exits).toBeGreaterThanOrEqual(lots);
    expect(exits).toBeLessThanOrEqual(lots + DIGITS);
  }
  expect(await guest.command('dhcp')).toContain('10.0.2.');
  const pinged = await pings(guest, 10, 1400);
  expect(pinged.of('exit.IO')).toBeGreaterThanOrEqual(10);
  // Its clock is KVM's, and it waits in HLT: polling took 834,000 exits at the boot, and a million instructions a ping.
  expect(pinged.of('retired')).toBeLessThan(10 * 20_000);
  const { counts } = await guest.facts();
  expect(counts['exit.IO']).toBeLessThan(20_000);
});

const rowOf = (work: string, driver: string, crossings: number): Row => ({
  work,
  driver,
  crossings,
  exits: crossings,
  switches: 0,
  instructions: 10,
});

it('hosts apart from each other give each guest what it asks for, also more than one host has', () => {
  expect([1, 10, 12].map(wattsApart)).toEqual([110, 1100, 1320]);
});

it('a cell that is no finite number fails', () => {
  expect(() => measured('one', [{ a: 1, b: 'x' }, { a: 1 / 0 }])).toThrow('one: “a” came to Infinity');
  expect(() => measured('one', [{ a: Number.NaN }])).toThrow('came to NaN');
});

it('their sentences follow from the rows', () => {
  const works = drivers
      .conditions(1)
      .map(({ name }) => name.replace(/, (emulated|paravirtual|virtio, under KVM)$/, '')),
    rows = (paravirtual: number): Row[] =>
      [...new Set(works)].flatMap(work => [
        rowOf(work, 'emulated', 10),
        rowOf(work, 'paravirtual', paravirtual),
        rowOf(work, 'virtio, under KVM', 1),
      ]);
  expect(drivers.verdict(rows(1)).held).toBe('yes');
  expect(drivers.verdict(rows(10)).held).toBe('no');
  expect(drivers.verdict(rows(1)).text).toContain('(10)');
});

it('their tables reckon what counts cost, and keep every digit for a spreadsheet', () => {
  const cells = cellsOf(drivers, [rowOf('disk, a', 'emulated', 1 / 3)]);
  expect(cells.rows[0]!.reckonedUs).toBeCloseTo(((1 / 3) * 2000) / 2.93 / 1000 + 0.004);
  expect(csvOf(cells)).toMatch(/^"what is done, once",drivers,.*\(µs\)\r\n"disk, a",emulated,0\.3333333333333333,/);
  expect([0, 0.0123456, 4.126, 51.14, 1034.4].map(short)).toEqual(['0', '0.0123', '4.13', '51.1', '1034']);
});
