import { expect, it } from 'vitest';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { COMMANDS } from '../toolstack/commands/index.ts';
import type { Surroundings } from '../toolstack/programs/index.ts';
import { xlProgram } from './xl.ts';

it('takes the global options of xl(1) before the subcommand', async () => {
  const xl = xlProgram('xl', testHost({ files: await testFiles() }), COMMANDS);
  const around = { stdin: '', directory: '/root' } as Surroundings;
  const [plain, verbose] = [await xl.run(['list'], around), await xl.run(['-v', '-tf', 'list'], around)];
  expect(plain.stdout).toContain('Domain-0');
  expect([verbose.status, verbose.stdout.split('\n')[0]]).toEqual([0, plain.stdout.split('\n')[0]]);
  // main() of tools/xl/xl.c: a command that cannot is refused; create -n can.
  expect(await xl.run(['-N', 'pause', '1'], around)).toMatchObject({
    status: 1,
    stderr: 'command does not implement -N (dryrun) option\n',
  });
  const cfg = new TextEncoder().encode('name = "a"\ntype = "pvh"\nmemory = 8\n');
  const reads = { ...around, readFile: async () => cfg } as Surroundings;
  const [short, long] = [
    await xl.run(['-vN', 'create', '/a.cfg'], reads),
    await xl.run(['create', '-n', '/a.cfg'], reads),
  ];
  expect(short).toEqual(long);
  expect((await xl.run(['-z', 'list'], around)).status).not.toBe(0);
});
