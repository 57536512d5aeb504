/**
 * Every experiment of the page: what theory predicts of the direction and size of its rows, and that it repeats itself. `npm run -s experiments` runs each as
 * a whole twice, and compares all that the page shows of it.
 */
import { readFileSync } from 'node:fs';
import { Window } from 'happy-dom';
import { h, render } from 'preact';
import { describe, expect, it, vi } from 'vitest';
import { later, soon } from '../../src/dom0/service/host.test-support.ts';
import {
  cellsOf,
  csvOf,
  type Experiment,
  EXPERIMENTS,
  type Row,
  runExperiment,
} from '../../src/lessons/experiments/index.ts';
import { Figures } from '../../src/ui/experiments/figures.tsx';
import { file } from '../support/needs.ts';

const IS_WHOLE = import.meta.env.MODE === 'whole';

const parts = {
  read: async (path: string) => new Uint8Array(readFileSync(file(`guests/${path}`))),
  soon,
  later,
};

const cell = (rows: readonly Row[], words: Row, column: string): number =>
  Number(rows.find(row => Object.entries(words).every(([id, word]) => row[id] === word))?.[column]);

/** By experiment. */
const THEORY: Readonly<Record<string, (rows: readonly Row[]) => void>> = {
  'paravirtual-or-full': rows => {
    const of = (work: string, mode: string): number => cell(rows, { work, mode }, 'crossings');
    // Nested paging and gates of the guest's own: nobody is asked.
    for (const work of ['a system call', 'a change of a page table']) {
      expect(of(work, 'full, nested paging')).toBe(0);
      expect(of(work, 'paravirtual')).toBe(1);
    }
    // An INVLPG and two faults for two changes.
    expect(of('a change of a page table', 'full, shadow page tables')).toBeCloseTo(1.5, 1);
    for (const work of ['a boot to the prompt', 'disk, 64 KiB read', 'network, 64 KiB in bulk'])
      expect(of(work, 'full, nested paging') / of(work, 'paravirtual')).toBeGreaterThan(5);
    // Its tables and gates are its own, and a kick is an exit.
    for (const work of ['a system call', 'a change of a page table']) expect(of(work, 'KVM, with virtio')).toBe(0);
    // Its clock is the host's word, and nothing is polled.
    expect(of('a boot to the prompt', 'KVM, with virtio')).toBeLessThan(5000);
    expect(of('network, 64 KiB in bulk', 'KVM, with virtio')).toBeLessThan(
      of('network, 64 KiB in bulk', 'full, nested paging'),
    );
    // Digits that it prints are exits at its serial port: of eight requests at most one more each.
    expect(of('disk, 64 KiB read', 'KVM, with virtio')).toBeGreaterThanOrEqual(1);
    expect(of('disk, 64 KiB read', 'KVM, with virtio')).toBeLessThan(2.5);
  },
  drivers: rows => {
    const factor = (work: string): number =>
      cell(rows, { work, driver: 'emulated' }, 'crossings') / cell(rows, { work, driver: 'paravirtual' }, 'crossings');
    // IDE DMA has 15 exits a command and as many ioreqs; a ring two hypercalls and a wake.
    expect(factor('disk, a KiB in requests of 4')).toBeCloseTo(10, 0);
    expect(factor('disk, a KiB in requests of 64, eight at a time')).toBeGreaterThan(50);
    expect(factor('network, a KiB in bulk')).toBeGreaterThan(50);
    expect(factor('network, one ping at a time')).toBeLessThan(1.2);
    // One kick for each lot of requests.
    const virtio = (work: string): number => cell(rows, { work, driver: 'virtio, under KVM' }, 'crossings');
    expect(virtio('disk, a KiB in requests of 4')).toBeCloseTo(1 / 4, 1);
    expect(virtio('disk, a KiB in requests of 64, eight at a time')).toBeLessThan(8 / 512);
    expect(virtio('computing, 128 pages written')).toBeLessThan(0.1);
    // A kick, a wait, the line's request, a buffer given back.
    expect(virtio('network, one ping at a time')).toBeLessThan(6);
    expect(cell(rows, { driver: 'emulated', work: 'computing, 128 pages written' }, 'crossings')).toBe(0);
  },
  layers: rows => {
    const of = (what: string, way: string): number => cell(rows, { what, way }, 'count');
    // A request, a wait; a notification, and one back.
    expect(of('ways into Xen and back', 'a ring to Domain 0')).toBe(2);
    expect(of('events between guest and Domain 0', 'a ring to Domain 0')).toBe(2);
    // Each register access gives the processor to Domain 0 and gets it back.
    expect(of('switches of the processor', 'emulated in Domain 0')).toBe(
      2 * of('of them, to the device model', 'emulated in Domain 0'),
    );
    expect(of('switches of the processor', 'emulated with the guest')).toBe(0);
  },
  consolidation: rows => {
    // A tenth of a processor each.
    expect(cell(rows, { guests: 10 }, 'answered')).toBeGreaterThan(95);
    expect(cell(rows, { guests: 11 }, 'answered')).toBeLessThan(95);
    for (const guests of [2, 8]) expect(cell(rows, { guests }, 'use')).toBeCloseTo(10 * guests, 0);
  },
  'weight-and-cap': rows => {
    for (const { share, predicted } of rows) expect(Math.abs(Number(share) - Number(predicted))).toBeLessThan(6);
  },
  isolation: rows => {
    const last = (neighbour: string, column: string): number =>
      cell(rows.filter(row => row.neighbour === neighbour).slice(-1), {}, column);
    expect(last('it crashes', 'response')).toBeCloseTo(last('nothing', 'response'), 1);
    // It waits for the end of its neighbour's slice, and no request is lost.
    for (const { neighbour, response, answered } of rows) {
      expect(Number(response), String(neighbour)).toBeLessThan(6);
      expect(Number(answered), String(neighbour)).toBeGreaterThanOrEqual(2);
    }
    const attack = rows.findLast(({ tries }) => tries !== undefined)!;
    expect(attack.tries).toBeGreaterThanOrEqual(14);
    expect(attack.refused).toBe(attack.tries);
    expect(last('it computes without a pause', 'response')).toBeGreaterThan(1.5);
  },
  migration: rows => {
    const of = (measure: string): Row[] => rows.filter(row => row.measure === measure);
    for (const { goesOn } of rows) expect(goesOn).toBe('yes');
    const paused = of('guest paused').map(({ ms }) => Number(ms));
    // What it writes all the time is sent while it is paused: 128 pages at 2,048 a second, in place of none.
    expect(paused.at(-1)! - paused[0]!).toBeGreaterThan(62);
    expect(paused.at(-1)! - paused[0]!).toBeLessThan(200);
    // A sender of TCP waits for 200 ms before it says again what was lost.
    for (const [i, { ms }] of of('stream paused').entries()) {
      expect(Number(ms)).toBeGreaterThanOrEqual(paused[i]!);
      expect(Number(ms)).toBeLessThan(paused[i]! + 250);
    }
  },
  balancing: rows => {
    const of = (mode: string, host: string, column: string): number => cell(rows, { mode, host }, column);
    expect(of('off', 'alfa', 'busy')).toBeCloseTo(80, -1);
    expect(of('performance', 'alfa', 'busy')).toBeLessThan(76.5);
    expect(of('performance', 'alfa', 'waited')).toBeLessThan(of('off', 'alfa', 'waited'));
    const empty = (mode: string): number => rows.filter(row => row.mode === mode && row.guests === 0).length;
    expect(empty('density')).toBe(empty('off') + 1);
    // Guests do not change in number.
    for (const mode of ['off', 'performance', 'density'])
      expect(rows.filter(row => row.mode === mode).reduce((sum, { guests }) => sum + Number(guests), 0)).toBe(6);
  },
  answered: rows => {
    for (const interval of [10, 20, 40]) {
      const of = (way: string, column: string): number => cell(rows, { interval, way }, column);
      const free = 'answers go at once',
        held = 'answers wait (Remus)';
      expect(of(held, 'lost')).toBe(0);
      // At least what was answered in the time since the last checkpoint began.
      expect(of(free, 'lost')).toBeGreaterThan(0);
      expect(of(free, 'lost') * of(free, 'answerMs')).toBeLessThan(2 * interval + 20);
      // It waits for the next checkpoint, and for that one's way.
      expect(of(held, 'answerMs')).toBeGreaterThan(interval / 2);
      expect(of(held, 'answerMs')).toBeLessThan(2 * interval + 20);
    }
    expect(rows.every(({ goesOn }) => goesOn === 'yes')).toBe(true);
  },
  recovery: rows => {
    for (const { lost, interval, measure, predicted, differs, goesOn } of rows) {
      expect([differs, goesOn]).toEqual([0, 'yes']);
      // Slices of 2 ms: a snapshot is taken at the end of one.
      expect(Number(lost)).toBeLessThanOrEqual(Number(interval) + 2);
      if (measure === 'on average') expect(Number(lost) / Number(predicted)).toBeCloseTo(1, 0);
    }
  },
  ballooning: rows => {
    const mib = (who: string, step: number): number => cell(rows, { who, step }, 'mib');
    // Four of five give 2 MiB a step, the first one nothing; then there is room for another of 24.
    expect(mib('free on the host', 4) - mib('free on the host', 0)).toBe(32);
    expect(mib('guest0', 5)).toBe(24);
    expect(mib('guest5', 5)).toBe(24);
  },
  boost: rows => {
    const wait = (scheduler: string): number => cell(rows, { scheduler, hogs: 'next to 3 that compute' }, 'wait');
    expect(wait('round robin') / wait('credit, with BOOST')).toBeGreaterThan(4);
  },
};

/** As the page shows it, and the file that it gives. */
function shown(experiment: Experiment, rows: readonly Row[]) {
  const cells = cellsOf(experiment, rows);
  vi.stubGlobal('document', new Window().document);
  const root = document.createElement('div');
  render(h(Figures, { drawing: experiment.drawing, cells }), root);
  const figures = root.innerHTML;
  render(null, root);
  vi.unstubAllGlobals();
  return { figures, verdict: experiment.verdict(rows), csv: csvOf(cells) };
}

describe.each(EXPERIMENTS.map(({ id, ...rest }) => [id, { id, ...rest }] as const))(
  'the experiment %s',
  (id, experiment) => {
    it('shows what theory predicts, and the same when it is run again', async () => {
      const rows = await runExperiment(experiment, parts, { seed: 1 });
      THEORY[id]!(rows);
      expect(experiment.verdict(rows).text).not.toMatch(/NaN|undefined|Infinity/);
      // Each condition has a host of its own: the last one is taken for all, but where all are asked for.
      const again = await runExperiment(
        { ...experiment, conditions: seed => experiment.conditions(seed).slice(IS_WHOLE ? 0 : -1) },
        parts,
        { seed: 1 },
      );
      expect(again).toEqual(rows.slice(-again.length));
      if (!IS_WHOLE) return;
      const first = shown(experiment, rows);
      expect(first.figures).toMatch(/<figure.*<table>/s);
      expect(shown(experiment, again)).toEqual(first);
      console.log(
        `${id}: of ${experiment.conditions(1).length} conditions ${rows.length} rows, twice; chart, sentence, table and CSV equal (${first.csv.length} bytes). ${
          experiment.mayBeTimed ? 'It runs in real time, too.' : `In virtual time alone. ${experiment.untimed}`
        }`,
      );
    });
  },
);
