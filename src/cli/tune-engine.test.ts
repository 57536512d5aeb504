import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { ENGINE_OPTIONS } from './tune-engine.ts';

it.each(ENGINE_OPTIONS)('%s is an option of this engine', option => {
  // Of one that it does not know node says `bad option`, with status 9.
  expect(spawnSync(process.execPath, [option, '--eval', '0'], { encoding: 'utf8' })).toMatchObject({
    status: 0,
    stderr: '',
  });
});
