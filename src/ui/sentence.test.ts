import { expect, it } from 'vitest';
import { sentence, usefulFirst } from './sentence.ts';

const REFUSED = [
  'libxl: error: libxl_create.c:709:libxl__domain_make: domain creation fail: Invalid argument',
  'libxl: error: libxl_create.c:1294:initiate_domain_create: cannot make domain: -3',
  'HVM guest support is unavailable: is VT/AMD-V supported by your CPU and enabled in your BIOS? Write type = "pv".',
];

it('says what to do before the lines that libxl writes', () => {
  expect(sentence(new Error(REFUSED.join('\n'))).split('\n')).toEqual([REFUSED[2], REFUSED[0], REFUSED[1]]);
  expect(usefulFirst('failed to free memory for the domain\nThe guest wants 64 MiB.')).toBe(
    'The guest wants 64 MiB.\nfailed to free memory for the domain',
  );
});

it('leaves a report in its order, and libxl’s alone', () => {
  expect(usefulFirst('one\ntwo')).toBe('one\ntwo');
  expect(usefulFirst(REFUSED[0]!)).toBe(REFUSED[0]);
  expect(sentence('gone')).toBe('gone');
});
