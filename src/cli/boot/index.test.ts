/** What `ringside boot` ends with, where that is known before or after a short run. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { program } from '../../hypervisor/domain/program.test-support.ts';
import { boot } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-boot-'));
afterAll(() => rmSync(folder, { recursive: true }));
const kernel = join(folder, 'kernel');
// mov al, 10h; out F4h, al: the debug exit, with status 21h.
writeFileSync(kernel, program(['mov al, 0x10; out 0xf4, al']));
const run = (...words: string[]): Promise<number> =>
  boot(['--kernel', kernel, '--memory', '4', '--virtual-time', ...words]);

it('is wrong use where a file could not be written at the end, before anything runs', async () => {
  const script = join(folder, 'script');
  writeFileSync(script, `screenshot ${folder}/none/s.png\n`);
  const wrong = [
    ['--stats', '/none/s.json'],
    ['--screenshot', '/none/s.png'],
    ['--save', '/none/s', '--save-at', '5'],
    ['--script', script],
    ['--debugcon', '/none/d'],
    ['--stats', folder],
  ];
  for (const words of wrong)
    expect(await run(...words.map(word => word.replace(/^\/none/, join(folder, 'none')))), words.join(' ')).toBe(2);
  // Nothing ran: else the debug exit had given its value.
  expect(await run()).toBe(0x21);
});

it('says with status 1 that a guest ended before --save-at, and saves nothing', async () => {
  const state = join(folder, 'state');
  expect([await run('--save', state, '--save-at', '1000000'), existsSync(state)]).toEqual([1, false]);
  expect([await run('--save', state, '--save-at', '1'), existsSync(state)]).toEqual([0, true]);
});
