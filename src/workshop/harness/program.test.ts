import { expect, it } from 'vitest';
import {
  flag,
  hidden,
  listOf,
  number,
  numbers,
  oneOf,
  required,
  seconds,
  someOf,
  text,
  within,
  WrongUse,
} from './options.ts';
import { program } from './program.ts';
import { ofEach, report } from './report.ts';

const seen: unknown[] = [];
const options = {
  runs: number(10, { least: 1, most: 99 }),
  seed: numbers([1, 2]),
  kind: oneOf(['pc', 'pv']),
  what: someOf(['disk', 'card']),
  rows: listOf(['a', 'b']),
  json: flag,
  out: required(text('FILE')),
  child: hidden(text('NAME')),
};
const main = program({
  name: 'bench:it',
  operands: '[FILE…]',
  options,
  run: (values, write, operands) => {
    seen.push({ ...values, operands });
    if (operands.includes('none')) throw new WrongUse('none: there is no such file');
    write('done\n');
    return 0;
  },
});

async function called(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const status = await main(
    argv,
    text => void (said.out += text),
    text => void (said.err += text),
  );
  return { status, ...said };
}

it('gives a program what its options say, and what is usual for those that are not given', async () => {
  expect(await called('--out', 'x')).toEqual({ status: 0, out: 'done\n', err: '' });
  const usual = { runs: 10, seed: [1, 2], what: ['disk', 'card'], rows: ['a', 'b'], json: false, out: 'x' };
  expect(seen.pop()).toEqual({ ...usual, operands: [] });
  await called(
    ...['--out', 'x', '--seed', '7', '--seed', '8', '--runs', '3', '--runs', '4', '--kind', 'pv', '--what', 'card'],
    ...['--rows', 'b,a', '--json', '--child', 'c', 'one', 'two'],
  );
  const given = { runs: 4, seed: [7, 8], kind: 'pv', what: ['card'], rows: ['b', 'a'], json: true, child: 'c' };
  expect(seen.pop()).toEqual({ ...given, out: 'x', operands: ['one', 'two'] });
});

it.each([
  [['--out', 'x', '--runs', '0'], '--runs 0: write a whole number from 1 to 99.'],
  [['--out', 'x', '--seed', '1', '--seed', 'many'], '--seed many: write a whole number.'],
  [['--out', 'x', '--kind', 'kvm'], '--kind kvm: write one of pc, pv.'],
  [['--out', 'x', '--rows', 'a,c'], '--rows c: write one of a, b.'],
  [['--runs', '3'], '--out is missing.'],
  [['--out'], "Option '--out <value>' argument missing"],
  [['--nonsense'], "Unknown option '--nonsense'"],
  [['--out', 'x', 'none'], 'none: there is no such file'],
])('refuses %j with a sentence, the usage and status 2', async (argv, sentence) => {
  const { status, out, err } = await called(...argv);
  expect({ status, out }).toEqual({ status: 2, out: '' });
  const [first, ...more] = err.split('\n');
  expect(first).toContain(`bench:it: ${sentence}`);
  expect(more).toEqual([
    'usage: bench:it [FILE…] [--runs N] [--seed N]… [--kind pc|pv] [--what disk|card]… [--rows a,…] [--json] --out FILE',
    '',
  ]);
});

it('passes on what is no wrong use', async () => {
  const fails = program({ name: 'fails', options: {}, run: () => Promise.reject(new Error('a fault of ours')) });
  await expect(fails([])).rejects.toThrow('a fault of ours');
});

it('reports a line for each campaign, and the counts', async () => {
  let out = '';
  const campaigns = ofEach(['disk', 'card'], [1, 2], (kind, seed) => ({
    text: '5 cuts',
    problem: kind === 'card' && seed === 2 ? 'it is lost' : undefined,
  }));
  const write = (text: string): void => void (out += text);
  expect(await report(campaigns, write, { isOver: () => false })).toBe(1);
  expect(out).toBe(
    'disk seed 1: 5 cuts\ndisk seed 2: 5 cuts\ncard seed 1: 5 cuts\ncard seed 2: 5 cuts FAILED: it is lost\n3 passed, 1 failed\n',
  );
});

it('begins no campaign when its time is over, and says how many it left out', async () => {
  let out = '',
    done = 0;
  const campaigns = ofEach(['disk'], [1, 2, 3], () => ({ text: `${++done}` }));
  expect(await report(campaigns, more => void (out += more), { isOver: () => done === 1 })).toBe(0);
  expect(out).toBe('disk seed 1: 1\n1 passed, 0 failed, 2 not begun in time\n');
  expect(within().read([], '--within').isOver()).toBe(false);
  expect(() => within().read(['0'], '--within')).toThrow('--within 0: write seconds, such as 2 or 0.5.');
});

it('takes parts of seconds, as benches that time one row ask for them', () => {
  expect(seconds(2).read([], '--seconds')).toBe(2);
  expect(seconds(2).read(['0.25'], '--seconds')).toBe(0.25);
  for (const wrong of ['0', '-1', '.5', 'long'])
    expect(() => seconds(2).read([wrong], '--seconds')).toThrow(`--seconds ${wrong}: write seconds`);
});
