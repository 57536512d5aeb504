import { expect, it } from 'vitest';
import { main } from './fuzz-doors.ts';

it('strangers at every server of ours end none, and keep nobody out', async () => {
  let text = '';
  expect(await main(['--messages', '192', '--seed', '3'], more => void (text += more)), text).toBe(0);
  expect(text).toMatch(/^192 messages from seed 3: 192 connections to 6 servers, [1-9]\d* bytes answered, /);
});
