import { expect, it, vi } from 'vitest';

vi.mock('./host.ts', () => ({ info: { peek: () => undefined } }));
vi.mock('./sessions.ts', () => ({ sessions: { peek: () => new Map() } }));
vi.mock('./settings.ts', () => ({ readyIn: {} }));
vi.mock('./terminal.ts', () => ({ plainText: (text: string) => text }));
const { readyWatch } = await import('./boot-times.ts');

const SILENT = { text: '', atMs: 0 };

it('a line that ends in a prompt’s character is one when the guest has waited there', () => {
  const watch = readyWatch(),
    text = 'minipv as PV\nminipv> ';
  expect(watch({ nowMs: 300, console: { text, atMs: 280 } })).toBeUndefined();
  expect(watch({ nowMs: 790, console: { text, atMs: 290 } })).toBe(290);
});

it('what goes on behind such a character, and a line’s end, are none', () => {
  const watch = readyWatch();
  expect(watch({ nowMs: 100, console: { text: 'loading #', atMs: 100 } })).toBeUndefined();
  for (let nowMs = 200; nowMs < 5000; nowMs += 100)
    expect(watch({ nowMs, console: { text: 'loading # done\n', atMs: 150 } })).toBeUndefined();
  expect(watch({ nowMs: 6000, console: { text: 'done\n/ # ', atMs: 5400 } })).toBe(5400);
});

it('who types at a prompt has seen it; who typed before has no time to tell', () => {
  const sees = readyWatch(),
    early = readyWatch();
  expect(sees({ nowMs: 100, console: { text: '> ', atMs: 90 } })).toBeUndefined();
  expect(sees({ nowMs: 200, console: { text: '> he', atMs: 190 }, askedMs: 180 })).toBe(90);
  expect(early({ nowMs: 100, console: SILENT, askedMs: 80 })).toBe('never');
  expect(readyWatch()({ nowMs: 300, console: { text: '/ # ', atMs: 250 }, askedMs: 260 })).toBe(250);
});

it('the row before a screen’s cursor tells as well', () => {
  const watch = readyWatch();
  expect(watch({ nowMs: 100, console: SILENT, screen: 'pcos>' })).toBeUndefined();
  expect(watch({ nowMs: 300, console: SILENT, screen: 'pcos> ' })).toBeUndefined();
  expect(watch({ nowMs: 700, console: SILENT, screen: 'pcos> ' })).toBeUndefined();
  expect(watch({ nowMs: 850, console: SILENT, screen: 'pcos> ' })).toBe(300);
});
