/** Every lesson of the page from another seed than src/ui/lessons/walks.test.ts has, and one whose guests compute while somebody reads: forty seconds of their time. */
import { describe, expect, it } from 'vitest';
import { LESSONS } from '../../src/ui/lessons/list.ts';
import { read, walk } from '../../src/ui/lessons/walk.test-support.ts';

describe('the page’s lessons', () => {
  it.each(LESSONS.map(({ id }) => id))(
    '%s: holds from another seed, with the same code however long somebody reads a step',
    async id => {
      const lesson = read(id, 'ringside'),
        codes: string[] = [];
      for (const readMs of [17, 1234]) {
        const { failed, code } = await walk(lesson, { readMs });
        expect(failed).toBeUndefined();
        codes.push(code);
      }
      expect(codes[0]).toBe(codes[1]);
    },
  );

  it('weight and cap: the guests compute for longer than somebody reads a step', async () => {
    expect((await walk(read('weight-and-cap', 'a'), { readMs: 20_000 })).failed).toBeUndefined();
  });
});
