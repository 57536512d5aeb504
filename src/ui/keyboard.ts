/**
 * After Boot the keyboard is the guest's: the console to which Enter would give it gets it as soon as that can take it. A guest shows only after a while which of
 * its consoles it uses, so this goes on until somebody types, presses or goes elsewhere. What each console says below itself tells how it is left.
 */

/** How often a console is looked for, and for how long. */
const LOOK_MS = 100,
  MOST_MS = 30_000;
/** The button that gives a console the keyboard; of several consoles the one that is meant (terminal-window.tsx, screen.tsx). */
export const CONSOLE = '[data-console=true]:not(:disabled)';

let stopBefore = (): void => {};

/** Nothing is chosen: the focus is nowhere, or where it is put when a place of the page is opened. */
const isNowhere = (focused: Element | null): boolean =>
  focused === null || focused === document.body || focused.id === 'bench';

/** `from`: the button that was pressed for it, where it stays in sight. */
export function giveKeyboard(from: Element | null = null): void {
  stopBefore();
  // On a touch screen a focus would cover half of it with a keyboard.
  if (matchMedia('(pointer: coarse)').matches) return;
  const until = performance.now() + MOST_MS;
  let ours = from;
  const look = (): void => {
    const focused = document.activeElement;
    if (performance.now() > until || !(isNowhere(focused) || focused === ours)) return stop();
    const use = document.querySelector<HTMLElement>(CONSOLE);
    if (!use) return;
    use.click();
    ours = document.activeElement;
  };
  const stop = (): void => {
    clearInterval(timer);
    removeEventListener('keydown', stop, true);
    removeEventListener('pointerdown', stop, true);
    stopBefore = () => {};
  };
  const timer = setInterval(look, LOOK_MS);
  addEventListener('keydown', stop, true);
  addEventListener('pointerdown', stop, true);
  stopBefore = stop;
}
