import { expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { keep, recall } from './indexed-db.ts';
import { kept, layout, loadSettings, shownWindows, takeSettings, theme } from './settings.ts';

vi.mock('./indexed-db.ts', () => ({ recall: vi.fn(), keep: vi.fn(async () => {}) }));

it('takes in what a slow disk tells late, but for what was changed meanwhile, and stores nothing before', async () => {
  let tell: (stored: unknown) => void = () => {};
  vi.mocked(recall).mockReturnValue(
    new Promise(resolve => {
      tell = resolve;
    }),
  );
  await loadSettings();
  expect(layout.value.mode).toBe('tile');
  theme.value = 'dark';
  expect(keep).not.toHaveBeenCalled();
  tell({ theme: 'light', layout: { mode: 'stack', at: {}, closed: ['demo/serial'] } });
  await eventually(() => expect(layout.value).toEqual({ mode: 'stack', at: {}, closed: ['demo/serial'] }));
  expect(theme.value).toBe('dark');
  expect(vi.mocked(keep).mock.lastCall![1]).toMatchObject({ theme: 'dark', layout: { mode: 'stack' } });
  layout.value = { ...layout.value, closed: [] };
  expect(vi.mocked(keep).mock.lastCall![1]).toMatchObject({ layout: { mode: 'stack', closed: [] } });
});

it('takes in what earlier versions kept, which lacks what there is since', () => {
  // As baea91ad wrote it: without `readyIn` and `next to`.
  const old = {
    theme: 'dark',
    windows: 'both',
    screenReader: true,
    strips: { guest: true },
    stripTab: 'shell',
    layout: { mode: 'stack', at: { 'demo/serial': { x: 1, y: 2, width: 300, height: 200 } }, closed: ['pcos/screen'] },
    sizes: { tree: 240 },
    saveEvery: 15,
  };
  takeSettings(old);
  expect(kept()).toEqual({ ...old, beside: false, readyIn: {} });
  takeSettings(undefined);
});

it('opens windows of a guest that stay what they are while it boots', () => {
  // As it goes: nothing yet, its screen, then its serial line; and the other way round.
  const steps = (first: 'serial' | 'screen') => [
    { hasScreen: true, used: undefined, drew: false, spoke: false },
    { hasScreen: true, used: first, drew: first === 'screen', spoke: first === 'serial' },
    { hasScreen: true, used: first, drew: true, spoke: true },
  ];
  for (const first of ['serial', 'screen'] as const) {
    expect(steps(first).map(each => shownWindows(each, undefined, 'auto', true))).toEqual(['both', 'both', 'both']);
    expect(steps(first).map(each => shownWindows(each, undefined, 'auto', false))).toEqual(['serial', first, first]);
    expect(steps(first).map(each => shownWindows(each, 'screen', 'serial', false))).toEqual([
      'screen',
      'screen',
      'screen',
    ]);
  }
  // Serial, which was chosen at another guest, is not for one that draws and says nothing there.
  const draws = { hasScreen: true, used: 'screen', drew: true } as const;
  expect(shownWindows({ ...draws, spoke: false }, undefined, 'serial', false)).toBe('screen');
  expect(shownWindows({ ...draws, spoke: true }, undefined, 'serial', false)).toBe('serial');
  expect(shownWindows({ ...draws, spoke: false }, 'serial', 'serial', false)).toBe('serial');
  // One that has no screen shows none, whatever was chosen at another.
  for (const chosen of ['auto', 'screen', 'both'] as const)
    expect(
      shownWindows({ hasScreen: false, used: undefined, drew: false, spoke: false }, undefined, chosen, true),
    ).toBe('serial');
});
