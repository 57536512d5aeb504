import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FakeCore, fixtures, replay } from './fake-core.ts';

// The other groups are replayed on the whole processor by test/oracle.test.ts.
describe("a real processor's fixtures", () => {
  it('SSE3 to SSE4.2, CRC32 and POPCNT', () => {
    const core = new FakeCore();
    const bad = fixtures(fileURLToPath(new URL('fixtures/sse4.jsonl.gz', import.meta.url))).flatMap(t => {
      const differences = replay(core, t);
      return differences.length > 0 ? [`${t.n} ${t.c}: ${differences.slice(0, 4).join('; ')}`] : [];
    });
    expect(bad).toEqual([]);
  });
});
