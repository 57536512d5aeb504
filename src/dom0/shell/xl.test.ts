import { expect, it } from 'vitest';
import { testFiles, testHost } from '../host.test-support.ts';
import { COMMANDS } from '../toolstack/commands/index.ts';
import type { Surroundings } from './program.ts';
import { xlProgram } from './xl.ts';

it('takes the global options of xl(1) before the subcommand', async () => {
  const xl = xlProgram('xl', testHost({ files: await testFiles() }), COMMANDS);
  const around = { stdin: '', directory: '/root' } as Surroundings;
  const [plain, verbose] = [await xl.run(['list'], around), await xl.run(['-v', '-tf', 'list'], around)];
  expect(plain.stdout).toContain('Domain-0');
  expect([verbose.status, verbose.stdout.split('\n')[0]]).toEqual([0, plain.stdout.split('\n')[0]]);
  expect((await xl.run(['-z', 'list'], around)).status).not.toBe(0);
});
