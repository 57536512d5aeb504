// @vitest-environment happy-dom
import { h, render } from 'preact';
import { afterEach, expect, it, vi } from 'vitest';

const drawn = vi.hoisted(() => [] as unknown[]);
vi.mock('uplot/dist/uPlot.min.css', () => ({}));
vi.mock('uplot', () => ({
  default: class {
    setData = (data: unknown): void => {
      drawn.push(data);
    };
    setSize = (): void => {};
    destroy = (): void => {};
  },
}));
const { Chart } = await import('./chart.tsx');

afterEach(() => {
  document.body.innerHTML = '';
});
const frames = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setTimeout(resolve, 20));
};

it('is drawn once for its values, at the times that they were read, and says the last of them', async () => {
  const root = document.createElement('div');
  document.body.append(root);
  const values = [1, undefined, 7];
  render(
    h(Chart, {
      title: 'CPU',
      unit: '%',
      atMs: [1000, 4000, 6000],
      lines: [{ name: 'web', token: '--dA', values }],
      least: 1,
      digits: 0,
    }),
    root,
  );
  await frames();
  expect(drawn).toEqual([
    [
      [-5, -2, 0],
      [1, null, 7],
    ],
  ]);
  expect(root.querySelector('.ends > span')!.textContent).toBe('web 7');
});

it('of parts of a whole each name stands at the middle of its part, and of too many those of the greatest', async () => {
  const root = document.createElement('div');
  document.body.append(root);
  const part = (name: string, value: number) => ({ name, token: '--dA', values: [value, value] });
  render(
    h(Chart, {
      title: 'Memory',
      unit: 'MiB',
      atMs: [1000, 6000],
      lines: [part('free', 50), part('web', 40), part('lab', 1), part('Xen', 10)],
      top: 101,
      least: 1,
      digits: 0,
      height: 68,
      stacked: true,
    }),
    root,
  );
  await frames();
  const names = [...root.querySelectorAll<HTMLElement>('.ends > span')],
    tops = names.map(({ style }) => Number.parseFloat(style.top));
  expect(names.map(({ textContent }) => textContent)).toEqual(['free 50', 'web 40', 'Xen 10']);
  expect(tops).toEqual([...tops].sort((a, b) => a - b));
  // The middle of what is at the top of the whole, less half a line.
  expect(tops[0]).toBeCloseTo(8 + 40 * (25 / 101) - 6.5, 1);
});
