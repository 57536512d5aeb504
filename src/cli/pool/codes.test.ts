import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { testCode } from '../../dom0/pool/rooms.test-support.ts';
import { addressWithCode, givenCodes } from './codes.ts';

const OTHER = '0000-0000-0000-0002';

function fileOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-code-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'code');
  writeFileSync(path, text);
  return path;
}

it('a hub’s codes come from its command line, a file or the environment', () => {
  expect(givenCodes({}, {})).toBeUndefined();
  expect(givenCodes({}, { RINGSIDE_POOL_CODE: testCode })).toEqual({ codes: [testCode], from: 'RINGSIDE_POOL_CODE' });
  expect(givenCodes({ code: [OTHER] }, { RINGSIDE_POOL_CODE: testCode })).toEqual({ codes: [OTHER] });
  const file = fileOf(`# of the lab\n${testCode}\n\n${OTHER.replaceAll('-', '')}\n`);
  expect(givenCodes({ file }, { RINGSIDE_POOL_CODE: OTHER })).toEqual({ codes: [testCode, OTHER], from: file });
});

it('a host’s address gets the code that is not on its command line', () => {
  expect(addressWithCode('ws://hub/#x', undefined, { RINGSIDE_POOL_CODE: OTHER })).toBe('ws://hub/#x');
  expect(addressWithCode('ws://hub/', undefined, { RINGSIDE_POOL_CODE: testCode })).toBe(`ws://hub/#${testCode}`);
  expect(addressWithCode('ws://hub/#', fileOf(OTHER), {})).toBe(`ws://hub/#${OTHER}`);
  expect(addressWithCode('ws://hub/', undefined, {})).toBe('ws://hub/');
});

it('what is wrong with a code is said without the code', () => {
  const wrong = fileOf('# fine\nsecret-but-wrong\n');
  expect(() => givenCodes({ file: wrong }, {})).toThrow(`--code-file ${wrong}:2: this is no code of a pool.`);
  expect(() => givenCodes({ file: fileOf('\n') }, {})).toThrow('there is no code in it');
  expect(() => givenCodes({ file: '/nowhere/code' }, {})).toThrow('--code-file /nowhere/code: ENOENT');
  expect(() => givenCodes({ file: wrong, code: [OTHER] }, {})).toThrow('write one of them');
  expect(() => givenCodes({}, { RINGSIDE_POOL_CODE: 'wrong' })).toThrow(/^RINGSIDE_POOL_CODE: this is no code/);
  expect(() => addressWithCode('ws://hub/#x', wrong, {})).toThrow('has a code already');
  expect(() => addressWithCode('ws://hub/', fileOf(`${testCode}\n${OTHER}`), {})).toThrow('several codes');
});
