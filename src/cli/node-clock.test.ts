import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { upClock } from './node-clock.ts';

it('the time since the machine started goes on as its file says, and is none where there is no such file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-uptime-'));
  try {
    const path = join(folder, 'uptime');
    expect(upClock(path)).toBeUndefined();
    writeFileSync(path, '738.90 640.63\n');
    expect(upClock(path)!.nowMs()).toBe(738_900);
    // An hour later, of which the monotonic clock has seen nothing.
    writeFileSync(path, '4339.06 640.63\n');
    expect(upClock(path)!.nowMs()).toBeCloseTo(4_339_060, 3);
    writeFileSync(path, 'no number\n');
    expect(upClock(path)).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
