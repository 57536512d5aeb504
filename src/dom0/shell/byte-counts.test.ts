import { InMemoryFs } from 'just-bash/browser';
import { describe, expect, it } from 'vitest';
import { Bash } from './bash.ts';
import type { Program } from '../toolstack/programs/index.ts';

/** As dd: bytes that are no text, and what it says of them. */
const bytes: Program = {
  name: 'bytes',
  summary: '',
  run: async () => ({ stdout: '\xff\x80a'.repeat(100), isBinary: true, stderr: '1+0 records\n', status: 0 }),
};

describe('bytes of a command whose errors go elsewhere', () => {
  it.each([
    ['bytes 2>/dev/null | wc -c', '300\n'],
    ['bytes 2>errors | wc -c; cat errors', '300\n1+0 records\n'],
    ['bytes 2>/dev/null | bytes 2>/dev/null | wc -c; echo on', '300\non\n'],
    ['for each in 1 2; do bytes 2>/dev/null | wc -c; done', '300\n300\n'],
    ['bytes 2>/dev/null > f; cat f none 2>/dev/null | wc -c', '300\n'],
    ['bytes 2>/dev/null | md5sum > g; bytes > f 2>/dev/null; md5sum < f | cmp - g; echo $?', '0\n'],
  ])('are as many, and their script goes on: %s', async (line, right) => {
    const fs = new InMemoryFs();
    await fs.mkdir('/root', { recursive: true });
    const bash = new Bash({
      fs,
      programs: [bytes],
      sleep: async () => {},
      directory: '/root',
      environment: { HOME: '/root', PATH: '/usr/bin:/bin' },
      random: () => 0,
    });
    const { stdout, stderr, status } = await bash.run(line, { isAll: true });
    expect([stdout, stderr, status]).toEqual([right, '', 0]);
  });
});
