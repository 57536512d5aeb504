import { expect, it } from 'vitest';
import { inView } from './windowed-rows.tsx';

it('draws what can be seen and some on both sides, and never nothing', () => {
  // 200 rows of 24 pixels in a window of 900: scrolled to the begin, far down, and past the end.
  expect(inView(100, 24, 900, 200)).toEqual({ from: 0, to: 50 });
  expect(inView(-2400, 24, 900, 200)).toEqual({ from: 84, to: 154 });
  expect(inView(-48_000, 24, 900, 200)).toEqual({ from: 184, to: 200 });
  expect(inView(5000, 24, 900, 200)).toEqual({ from: 0, to: 16 });
  // Filtered to few while it was scrolled.
  expect(inView(-2400, 24, 900, 3)).toEqual({ from: 0, to: 3 });
});
