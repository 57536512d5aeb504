/** What the page remembers between visits (IndexedDB through idb-keyval; a browser that refuses storage just forgets). */

import { effect, signal } from '@preact/signals';
import { keep, recall } from './indexed-db.ts';

export type ThemeChoice = 'system' | 'light' | 'dark' | 'contrast';
export type WindowChoice = 'auto' | 'serial' | 'screen' | 'both';

export const theme = signal<ThemeChoice>('system');
/** Which windows of a guest are on the workbench; 'auto' follows what the guest uses. */
export const windows = signal<WindowChoice>('auto');
export type ShownWindows = Exclude<WindowChoice, 'auto'>;

/**
 * What is on the workbench: what was chosen here, or at another guest; else both where there is room for them, and elsewhere what the guest used first. None of
 * that changes while it boots. One without a screen has its console alone.
 */
export function shownWindows(
  {
    hasScreen,
    used,
    drew,
    spoke,
  }: { hasScreen: boolean; used: 'serial' | 'screen' | undefined; drew: boolean; spoke: boolean },
  here: ShownWindows | undefined,
  otherwise: WindowChoice,
  isRoomy: boolean,
): ShownWindows {
  if (!hasScreen) return 'serial';
  if (here) return here;
  // What was chosen at another guest: a screen on which this one has never drawn is none of its, and so is a line on which one that draws says nothing.
  if (
    otherwise === 'both' ||
    (otherwise === 'screen' && (drew || !spoke)) ||
    (otherwise === 'serial' && (spoke || !drew))
  )
    return otherwise;
  return isRoomy ? 'both' : (used ?? 'serial');
}
/** xterm's own screen-reader mode: reads output as it comes, but takes no input methods and measures every row. Off: the text copy is there to read. */
export const screenReader = signal(false);
/** Whether the strip is tall, by kind of page (navigation.ts), and what it shows. */
export const strips = signal<Readonly<Record<string, boolean>>>({});
export type StripTab = 'tasks' | 'shell' | 'log';
export const stripTab = signal<StripTab>('tasks');
/** How windows lie on the desktop, where each was put in a stack, and which were closed; by the name of the guest and of the window. */
export interface Layout {
  readonly mode: 'tile' | 'stack' | 'one';
  readonly at: Readonly<Record<string, { x: number; y: number; width: number; height: number }>>;
  readonly closed: readonly string[];
}
export const layout = signal<Layout>({ mode: 'tile', at: {}, closed: [] });
/** Running guests are saved every this many minutes; 0: only when somebody asks. */
export const SAVE_EVERY = [0, 5, 15, 60] as const;
export const saveEvery = signal<(typeof SAVE_EVERY)[number]>(0);
/** A guest's console is next to its other tabs. */
export const beside = signal(false);
/** Widths and heights of regions that a person moved, in pixels (parts/splitter.tsx knows which). */
export const sizes = signal<Readonly<Record<string, number>>>({});
/** Milliseconds from Boot to its prompt of each offered guest that was booted here, the last time (boot-times.ts). */
export const readyIn = signal<Readonly<Record<string, number>>>({});

const KEY = 'ringside-page';
const THEMES: ThemeChoice[] = ['system', 'light', 'dark', 'contrast'];
const STRIP_TABS: StripTab[] = ['tasks', 'shell', 'log'];
const MODES: Layout['mode'][] = ['tile', 'stack', 'one'];
const WINDOWS: WindowChoice[] = ['auto', 'serial', 'screen', 'both'];

/**
 * Reads what was stored, then stores every change. Gives up waiting after 300 ms so that the page never waits for a slow disk: what comes later is taken in
 * then, but for what was changed meanwhile, and nothing is stored before.
 */
export async function loadSettings(): Promise<void> {
  const before: Record<string, unknown> = kept();
  const taken = recall<Record<string, unknown>>(KEY)
    .catch(() => undefined)
    .then(stored => {
      const changed = Object.fromEntries(Object.entries(kept()).filter(([name, value]) => value !== before[name]));
      takeSettings({ ...stored, ...changed });
      // What was just read need not be stored again.
      let stands = Object.keys(changed).length === 0;
      effect(() => {
        const value = kept();
        if (!stands) keep(KEY, value).catch(() => {});
        stands = false;
      });
    });
  await Promise.race([taken, new Promise(resolve => setTimeout(resolve, 300))]);
}

/** What is stored, and is in an exported file. */
export const kept = () => ({
  theme: theme.value,
  windows: windows.value,
  screenReader: screenReader.value,
  strips: strips.value,
  stripTab: stripTab.value,
  layout: layout.value,
  sizes: sizes.value,
  beside: beside.value,
  saveEvery: saveEvery.value,
  readyIn: readyIn.value,
});

/** Takes in what was stored, or is in a file that anybody may have written: what it lacks, or has and cannot be, is as at the first visit. */
export function takeSettings(given: unknown): void {
  const stored = given && typeof given === 'object' ? (given as Record<string, unknown>) : {};
  theme.value = THEMES.includes(stored.theme as ThemeChoice) ? (stored.theme as ThemeChoice) : 'system';
  windows.value = WINDOWS.includes(stored.windows as WindowChoice) ? (stored.windows as WindowChoice) : 'auto';
  screenReader.value = stored.screenReader === true;
  beside.value = stored.beside === true;
  const record = (value: unknown): Record<string, unknown> =>
    value && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  strips.value = Object.fromEntries(
    Object.entries(record(stored.strips)).filter((pair): pair is [string, boolean] => typeof pair[1] === 'boolean'),
  );
  stripTab.value = STRIP_TABS.includes(stored.stripTab as StripTab) ? (stored.stripTab as StripTab) : 'tasks';
  const { mode, at, closed } = record(stored.layout);
  const isPlace = (value: unknown): boolean =>
    ['x', 'y', 'width', 'height'].every(name => Number.isFinite(record(value)[name]));
  layout.value = {
    mode: MODES.includes(mode as Layout['mode']) ? (mode as Layout['mode']) : 'tile',
    at: Object.fromEntries(Object.entries(record(at)).filter(([, value]) => isPlace(value))) as Layout['at'],
    closed: Array.isArray(closed) ? closed.filter(name => typeof name === 'string') : [],
  };
  saveEvery.value = SAVE_EVERY.find(minutes => minutes === stored.saveEvery) ?? 0;
  const numbers = (value: unknown): Record<string, number> =>
    Object.fromEntries(
      Object.entries(record(value)).filter((pair): pair is [string, number] => Number.isFinite(pair[1])),
    );
  sizes.value = numbers(stored.sizes);
  readyIn.value = numbers(stored.readyIn);
}
