import { expect, it, vi } from 'vitest';
import type { Machine } from '../hypervisor/memory/index.ts';
import { Campaign } from './fuzz/hypercalls/campaign.ts';
import { Hostile } from './fuzz/hypercalls/hostile.ts';
import { main } from './fuzz-hypercalls.ts';

it.each([
  ['hvm', 'running'],
  ['pvh', 'paused'],
  ['pv', 'running'],
])(
  'random hypercalls of a hostile %s domain hurt nobody else and throw nothing, with the others %s',
  async (type, others) => {
    let text = '';
    const status = await main(['--calls', '15000', '--seed', '7', '--type', type, '--others', others], line => {
      text += line;
    });
    expect(text).not.toContain('FAILED');
    expect([status, text.split('\n').at(-2)]).toEqual([0, '1 passed, 0 failed']);
    // It was not refused everything, and died in between.
    const [, taken, lives] = /15000 calls, (\d+) taken, (\d+) lives/.exec(text) ?? [];
    expect(Number(taken)).toBeGreaterThan(1000);
    expect(Number(lives)).toBeGreaterThan(1);
  },
);

it('a call that does harm is found out, whatever harm it is', () => {
  const campaign = new Campaign({ type: 'pvh', seed: 7, running: false });
  type Harm = (machine: Machine, foreign: number) => void;
  /** What the campaign says if a call of the hostile domain does that. */
  const said = (harm: Harm): string | undefined => {
    const call = vi.spyOn(Hostile.prototype, 'call').mockImplementationOnce(function (this: Hostile) {
      const { machine, around } = this as unknown as { machine: Machine; around: { foreign: number[] } };
      harm(machine, around.foreign[around.foreign.length >> 1]);
    });
    const problem = campaign.run(1);
    call.mockRestore();
    return problem;
  };
  const stores: Harm = (machine, foreign) => void machine.words[foreign * 1024]++,
    loses: Harm = machine => void machine.words[machine.frameEntry(machine.frames - 1)]++,
    throws: Harm = () => {
      throw new RangeError('out of bounds');
    };
  expect(said(() => {})).toBeUndefined();
  expect(said(throws)).toContain('JavaScript exception after 0 calls: RangeError: out of bounds');
  expect(said(stores)).toContain('something in the paused domains has changed');
  expect(said(loses)).toMatch(/frame/);
});
