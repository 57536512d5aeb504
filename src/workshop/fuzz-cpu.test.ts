import { expect, it } from 'vitest';
import { main } from './fuzz-cpu.ts';
import { MODES } from './fuzz/machine.ts';
import { patient } from '../../test/support/patience.ts';

const run = async (...argv: string[]) => {
  let text = '';
  const status = await main(
    argv,
    line => void (text += line),
    () => {},
  );
  return { status, lines: text.trim().split('\n') };
};

for (const mode of MODES) {
  it(`random bytes in ${mode} mode end in the same state twice, without a JavaScript exception or a foreign byte`, {
    timeout: patient(240_000),
  }, async () => {
    const { status, lines } = await run('--instructions', '40000', '--seed', '7', '--mode', mode);
    expect(lines.filter(line => line.includes('FAILED'))).toEqual([]);
    expect([status, lines.at(-1)]).toEqual([0, '1 passed, 0 failed']);
  });
}

it('random bytes in protected mode end in the same state with whatever a batch begins at compiled', {
  timeout: patient(240_000),
}, async () => {
  const { status, lines } = await run(
    '--instructions',
    '40000',
    '--seed',
    '8',
    '--mode',
    'protected',
    '--threshold',
    '1',
  );
  expect(lines[0]).toMatch(/, \d{4,} in \d+ regions$/);
  expect([status, lines.at(-1)]).toEqual([0, '1 passed, 0 failed']);
});

it('a wrong command line gives status 2', async () => {
  expect((await run('--mode', 'long')).status).toBe(2);
  expect((await run('--instructions', '-1')).status).toBe(2);
});
