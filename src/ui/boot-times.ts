/**
 * How long this computer took: for Domain-0 to be up, and for each offered guest from Boot to its prompt. A prompt is recognised from outside, by what is last on
 * the console, or before the cursor of a text screen, while the guest waits; a guest whose prompt cannot be recognised has no time.
 */
import { signal } from '@preact/signals';
import { SCREEN } from '../hypervisor/layout/index.ts';
import { bootMenu, bootMenuPressed } from './boot.ts';
import { info } from './host.ts';
import { type DomainSession, sessions } from './sessions.ts';
import { readyIn } from './settings.ts';
import { plainText } from './terminal.ts';

/** A guest that has written a prompt's last character, and nothing for this long, waits there. */
const QUIET_MS = 500;
/** Screens are looked at this often: their times are as exact as that. */
const LOOK_MS = 50;
const MOST_MS = 300_000;
const PROMPT = /\S*(?:[>#$]|login:) ?$/;

/** What can be seen of a guest at a moment. `askedMs`: when somebody first typed. */
export interface Seen {
  nowMs: number;
  console: { text: string; atMs: number };
  /** The row before the cursor. */
  screen?: string | undefined;
  askedMs?: number | undefined;
}

/** Called with each look in order, it says when the prompt came, or 'never'. */
export function readyWatch(): (seen: Seen) => number | 'never' | undefined {
  let saidMs: number | undefined,
    drawn = '',
    drawnMs: number | undefined;
  return ({ nowMs, console: { text, atMs }, screen = '', askedMs }) => {
    // Who types at a prompt has seen one; who typed before has changed what there is to time.
    if (askedMs !== undefined)
      return (
        [saidMs, drawnMs].find(at => at !== undefined && at <= askedMs) ??
        (PROMPT.test(text) && atMs <= askedMs ? atMs : 'never')
      );
    saidMs = PROMPT.test(text) ? atMs : undefined;
    if (screen !== drawn) drawnMs = PROMPT.test(screen) ? nowMs : undefined;
    drawn = screen;
    return [saidMs, drawnMs].find(at => at !== undefined && nowMs - at >= QUIET_MS);
  };
}

/** Of a text screen with its cursor shown. */
function rowBeforeCursor({ screen }: DomainSession): string | undefined {
  const cursor = screen?.[SCREEN.CURSOR] ?? -1;
  if (!screen || cursor < 0 || screen[SCREEN.MODE] !== 1) return undefined;
  const from = cursor - (cursor % Math.max(1, screen[SCREEN.WIDTH]!));
  return Array.from({ length: cursor - from }, (_, i) =>
    String.fromCharCode((screen[SCREEN.DATA + ((from + i) >> 1)]! >> ((from + i) & 1 ? 16 : 0)) & 0xff),
  ).join('');
}

/** Keeps what it takes the domain to come to its prompt, from `startMs` on. */
export function followReady(offer: string, id: number, startMs: number): void {
  // Virtual time is not this computer's.
  if (info.peek()?.time === 'virtual') return;
  const watch = readyWatch();
  const timer = setInterval(() => {
    const session = sessions.peek().get(id),
      nowMs = performance.now();
    const at =
      session &&
      watch({
        nowMs,
        console: { text: plainText(session.terminal.tail), atMs: session.terminal.saidMs },
        screen: rowBeforeCursor(session),
        askedMs: session.askedMs,
      });
    if (at === undefined && nowMs - startMs < MOST_MS && !session?.gone.peek()) return;
    clearInterval(timer);
    if (typeof at === 'number') readyIn.value = { ...readyIn.peek(), [offer]: Math.round(at - startMs) };
  }, LOOK_MS);
}

/** Of Domain-0, from the page's address on, or from the choice in the boot menu; with what had come over the network by then, where the browser tells of its worker's files. */
export const started = signal<
  { ms: number; after: 'opened' | 'menu' | 'chosen'; bytes: number | undefined } | undefined
>(undefined);

export function followStart(): void {
  let chosenMs: number | undefined,
    isShown = false;
  const stopMenu = bootMenu.subscribe(menu => {
    if (isShown && menu === undefined) chosenMs = performance.now();
    isShown = menu !== undefined;
  });
  const stop = info.subscribe(there => {
    if (!there) return;
    const files = new Map(
      [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map(entry => [
        entry.name,
        (entry as PerformanceResourceTiming).encodedBodySize,
      ]),
    );
    const isWhole = [...files.keys()].some(name => /dom0-service-worker/.test(name));
    started.value = {
      ms: performance.now() - (chosenMs ?? 0),
      after: chosenMs === undefined ? 'opened' : bootMenuPressed.peek() > 0 ? 'chosen' : 'menu',
      bytes: isWhole ? [...files.values()].reduce((sum, each) => sum + each, 0) : undefined,
    };
    queueMicrotask(() => {
      stop();
      stopMenu();
    });
  });
}
