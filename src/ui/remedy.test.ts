import { expect, it } from 'vitest';
import { allRemedied, remedied, remedyOf } from './remedy.ts';

const mib = { text: "memory = '64M': xl takes MiB as a number. Write 64.", line: 2, column: 10 };
const key = { text: 'memroy is no key of xl.cfg. Did you mean memory?', line: 1, column: 1 };
const action = { text: 'on_crash = \'destory\': the actions are destroy, restart. Did you mean "destroy"?', line: 1, column: 12 };

it('writes what the sentence ends with in the place of what is wrong', () => {
  expect(remedyOf(mib)).toBe('64');
  expect(remedied('name = "a"\nmemory = "64M"\n', mib)).toBe('name = "a"\nmemory = 64\n');
  expect(remedied('on_crash = "destory"', action)).toBe('on_crash = "destroy"');
  expect(allRemedied('memroy = 8\nmemory = "64M" # all', [key, mib])).toBe('memory = 8\nmemory = 64 # all');
});

it('says nothing where the sentence names no value', () => {
  const missing = { text: 'vmlinuz is not among the dropped files. Drop it together with web1.cfg.', line: 1, column: 1 };
  expect(remedied('kernel = "vmlinuz"', missing)).toBeUndefined();
  expect(allRemedied('kernel = "vmlinuz"\nmemory = "64M"', [missing, mib])).toBeUndefined();
});
