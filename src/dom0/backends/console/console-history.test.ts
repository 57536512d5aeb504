import { expect, it } from 'vitest';
import { ConsoleHistory } from './console-history.ts';

it('has the end of what came, in whatever pieces it came', () => {
  const all = Uint8Array.from({ length: 700_001 }, (_, i) => i % 251);
  for (const step of [1, 4096, 300_000]) {
    const history = new ConsoleHistory();
    expect(history.shown.length).toBe(0);
    for (let at = 0; at < all.length; at += step) history.add(all.subarray(at, at + step));
    const { shown } = history;
    expect(shown.length).toBeGreaterThanOrEqual(128 * 1024);
    expect(shown.length).toBeLessThanOrEqual(256 * 1024);
    expect(Buffer.compare(shown, all.subarray(all.length - shown.length))).toBe(0);
  }
});
