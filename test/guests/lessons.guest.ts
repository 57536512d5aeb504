/** Lessons whose guests compute while somebody reads: forty seconds of their time. */
import { describe, expect, it } from 'vitest';
import { read, walk } from '../../src/ui/lessons/walk.test-support.ts';

describe('the page’s lessons', () => {
  it('weight and cap: the guests compute for longer than somebody reads a step', async () => {
    expect((await walk(read('weight-and-cap', 'a'), { readMs: 20_000 })).failed).toBeUndefined();
  });
});
