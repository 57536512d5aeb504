import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../../cpu/architecture/index.ts';
import { costOf, tookOf } from './cost.ts';
import { choiceOf, type Data, grownOf, stampOf, viewOf } from './facts.ts';
import type { SeenExit } from './log.ts';
import { aboutOf } from './words.ts';

const times = { timed: 64, ns: 64 * 9000, beforeNs: 64 * 2000, answerNs: 64 * 3000 };
const exitOf = (domain: number, reason: number, more: Partial<SeenExit> = {}): SeenExit => ({
  key: `l${domain}.${reason}`,
  domain,
  vcpu: 0,
  reason,
  ip: 0x1000,
  qualification: 0,
  ...more,
});
/** web has called the hypervisor, db has written to a port; both have halted. */
const io = exitOf(2, ExitReason.IO, { qualification: 0x1f0_0000, detail: 0x20, ns: 10_000 }),
  call = exitOf(1, ExitReason.VMCALL, { call: { number: 29, first: 0, result: 0 }, ns: 400_000 });
const data: Data = {
  counted: [
    {
      domain: 1,
      reasons: [
        { key: 'r18', reason: ExitReason.VMCALL, count: 7, ...times },
        { key: 'r12', reason: ExitReason.HLT, count: 3, ...times },
      ],
      calls: [{ key: 'h29', number: 29, count: 7 }],
    },
    {
      domain: 2,
      reasons: [
        { key: 'r30', reason: ExitReason.IO, count: 9, ...times },
        { key: 'r12', reason: ExitReason.HLT, count: 5, ...times },
      ],
      calls: [],
    },
  ],
  log: [io, call],
  lasts: new Map(),
  seen: 24,
  stepNs: 5000,
  timesOf: () => undefined,
  isHost: true,
  isOfStep: false,
  nameOf: id => ['', 'web', 'db'][id]!,
  symbolOf: () => '',
};
const counts = (filter: string): [reason: number, count: number][] =>
  viewOf(data, filter).reasons.map(({ reason, count }) => [reason, count]);

describe('exits, as a filter leaves them', () => {
  it('are summed over all domains, the most frequent first', () => {
    expect(counts('')).toEqual([
      [ExitReason.IO, 9],
      [ExitReason.HLT, 8],
      [ExitReason.VMCALL, 7],
    ]);
    expect(viewOf(data, '').reasons[1]!.ns).toBe(2 * times.ns);
  });

  it('are those of a domain that a word names, and those whose reason or hypercall has the other words', () => {
    expect(counts('web')).toEqual([
      [ExitReason.VMCALL, 7],
      [ExitReason.HLT, 3],
    ]);
    expect(counts('db hlt')).toEqual([[ExitReason.HLT, 5]]);
    expect(counts('sched_op')).toEqual([[ExitReason.VMCALL, 7]]);
    expect(viewOf(data, 'sched_op').log).toEqual([call]);
    expect(counts('no such thing')).toEqual([]);
  });

  it('have the most frequent one chosen at first, with its last exit', () => {
    expect(choiceOf({ data, chosen: '' }, '')).toEqual({ key: 'r30', reason: ExitReason.IO, exit: io, isLast: true });
    expect(choiceOf({ data, chosen: 'h29' }, '')).toEqual({ key: 'h29', hypercall: 29 });
    expect(choiceOf({ data, chosen: call.key }, '')).toEqual({ key: call.key, reason: call.reason, exit: call });
  });
});

describe('exits since a step of a lesson began', () => {
  const counters = (exits: number, calls: number) => ({
    byReason: Uint32Array.of(exits, 7),
    samples: Uint32Array.of(exits >> 1, 0),
    sampleNs: Float64Array.of(100 * exits, 0),
    beforeNs: Float64Array.of(30 * exits),
    answerNs: Float64Array.of(20 * exits),
    hypercalls: Uint32Array.of(0, calls),
  });

  it('are what the counters have grown by', () => {
    expect(grownOf(counters(1008, 445), counters(1000, 440))).toEqual({
      byReason: [8, 0],
      samples: [4, 0],
      sampleNs: [800, 0],
      beforeNs: [240],
      answerNs: [160],
      hypercalls: [0, 5],
    });
  });

  it('are all where nothing was counted before, and where the host went back to before that', () => {
    expect(grownOf(counters(8, 5), undefined).byReason).toEqual([8, 7]);
    expect(grownOf(counters(8, 5), counters(1000, 440)).hypercalls).toEqual([0, 5]);
  });
});

it('tells when an exit began: of one guest on its own clock, of several on the one that they share', () => {
  const exit = exitOf(1, ExitReason.HLT, { hostNs: 3_905_003_450_000, ownNs: 65_003_450_000 });
  expect(stampOf(exit, { isHost: false })).toBe('01:05.003 450');
  expect(stampOf(exit, { isHost: true })).toBe('05:05.003 450');
  expect(stampOf(exitOf(1, ExitReason.HLT), { isHost: false })).toBeUndefined();
});

describe('the cost of an exit', () => {
  it('is told by the mean of its kind where it took few steps of the clock, and that is near', () => {
    expect(tookOf(data, io)).toEqual({ text: '~9.0 µs', exactly: '10 µs' });
    expect(tookOf(data, call)).toEqual({ text: '400 µs' });
    expect(tookOf(data, exitOf(1, ExitReason.HLT))).toEqual({ text: '' });
  });

  it('is told in three parts that add up', () => {
    const cost = costOf(io, times, undefined, data.stepNs, { name: 'device model', by: 'guest' });
    expect(cost.title).toBe('Cost, 9.0 µs on average');
    expect(cost.parts.map(({ name, text }) => [name, text])).toEqual([
      ['exit, decode', '2.0 µs'],
      ['device model', '3.0 µs'],
      ['finish, entry', '4.0 µs'],
    ]);
  });

  it('is its own where the clock told it, and not known where nothing was timed', () => {
    const parts = { beforeNs: 100_000, answerNs: 200_000 };
    expect(costOf({ ...call, parts }, times, undefined, data.stepNs, { name: 'sched_op', by: 'xen' })).toMatchObject({
      title: 'Cost of this exit, 400 µs',
      parts: [{ share: 100_000 }, { share: 200_000 }, { share: 100_000 }],
    });
    expect(costOf(undefined, undefined, undefined, data.stepNs, undefined).parts).toEqual([]);
  });
});

it('says in a few words what an exit was about (SDM vol. 3, 28.2.1)', () => {
  expect(aboutOf(io)).toBe('0x20 → port 0x1f0');
  expect(aboutOf(exitOf(1, ExitReason.EPT_VIOLATION, { qualification: 2, detail: 0xb8000 }))).toBe('write 000b8000');
  expect(aboutOf(exitOf(1, ExitReason.RDMSR, { detail: 0x1b }))).toBe('MSR 0x1b');
  expect(aboutOf(exitOf(1, ExitReason.HLT))).toBe('nothing to do');
});
