/** What the page remembers between visits (IndexedDB through idb-keyval; a browser that refuses storage just forgets). */

import { effect, signal } from '@preact/signals';
import { get, set } from 'idb-keyval';

export type ThemeChoice = 'system' | 'light' | 'dark' | 'contrast';
export type WindowChoice = 'auto' | 'serial' | 'screen' | 'both';

export const theme = signal<ThemeChoice>('system');
/** Which windows of a guest stand on the workbench; 'auto' follows what the guest uses. */
export const windows = signal<WindowChoice>('auto');
/** xterm's own screen-reader mode: reads output as it comes, but takes no input methods and measures every row. Off: the text copy is there to read. */
export const screenReader = signal(false);
export const stripOpen = signal(false);
/** Widths and heights of regions that a person moved, in pixels (parts/splitter.tsx knows which). */
export const sizes = signal<Readonly<Record<string, number>>>({});

const KEY = 'ringside-page';
const THEMES: ThemeChoice[] = ['system', 'light', 'dark', 'contrast'];
const WINDOWS: WindowChoice[] = ['auto', 'serial', 'screen', 'both'];

/** Reads what was stored, then stores every change. Gives up waiting after 300 ms so that the page never waits for a slow disk. */
export async function loadSettings(): Promise<void> {
  const stored = await Promise.race([
    get<Record<string, unknown>>(KEY).catch(() => undefined),
    new Promise<undefined>(resolve => setTimeout(resolve, 300)),
  ]);
  if (THEMES.includes(stored?.theme as ThemeChoice)) theme.value = stored!.theme as ThemeChoice;
  if (WINDOWS.includes(stored?.windows as WindowChoice)) windows.value = stored!.windows as WindowChoice;
  if (typeof stored?.screenReader === 'boolean') screenReader.value = stored.screenReader;
  if (typeof stored?.stripOpen === 'boolean') stripOpen.value = stored.stripOpen;
  if (stored?.sizes && typeof stored.sizes === 'object')
    sizes.value = Object.fromEntries(Object.entries(stored.sizes).filter((pair): pair is [string, number] => Number.isFinite(pair[1])));
  let first = true;
  effect(() => {
    const value = { theme: theme.value, windows: windows.value, screenReader: screenReader.value, stripOpen: stripOpen.value, sizes: sizes.value };
    if (!first) set(KEY, value).catch(() => {});
    first = false;
  });
}
