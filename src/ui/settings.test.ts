import { expect, it, vi } from 'vitest';
import { keep, recall } from './kept.ts';
import { layout, loadSettings, theme } from './settings.ts';

vi.mock('./kept.ts', () => ({ recall: vi.fn(), keep: vi.fn(async () => {}) }));

it('takes in what a slow disk tells late, but for what was changed meanwhile, and stores nothing before', async () => {
  let tell: (stored: unknown) => void = () => {};
  vi.mocked(recall).mockReturnValue(new Promise(resolve => { tell = resolve; }));
  await loadSettings();
  expect(layout.value.mode).toBe('tile');
  theme.value = 'dark';
  expect(keep).not.toHaveBeenCalled();
  tell({ theme: 'light', layout: { mode: 'stack', at: {}, closed: ['demo/serial'] } });
  await vi.waitFor(() => expect(layout.value).toEqual({ mode: 'stack', at: {}, closed: ['demo/serial'] }));
  expect(theme.value).toBe('dark');
  expect(vi.mocked(keep).mock.lastCall![1]).toMatchObject({ theme: 'dark', layout: { mode: 'stack' } });
  layout.value = { ...layout.value, closed: [] };
  expect(vi.mocked(keep).mock.lastCall![1]).toMatchObject({ layout: { mode: 'stack', closed: [] } });
});
