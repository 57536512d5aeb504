// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { giveKeyboard } from './keyboard.ts';

/** A console with the button that gives it the keyboard. */
function addConsole(name: string, isMeant: boolean): { use: HTMLButtonElement; its: HTMLElement } {
  const its = document.createElement('textarea'),
    use = document.createElement('button');
  its.id = name;
  use.dataset.console = String(isMeant);
  use.addEventListener('click', () => its.focus());
  document.body.append(its, use);
  return { use, its };
}
const focused = (): string | undefined => document.activeElement?.id;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('matchMedia', () => ({ matches: false }));
  document.body.innerHTML = '<main id="bench" tabindex="-1"></main><input id="filter"><button id="boot">Boot</button>';
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('gives the keyboard to the console that is meant, as soon as it can take it, without a click', () => {
  const { use } = addConsole('serial', true);
  use.disabled = true;
  document.getElementById('bench')!.focus();
  giveKeyboard();
  vi.advanceTimersByTime(500);
  expect(focused()).toBe('bench');
  use.disabled = false;
  vi.advanceTimersByTime(100);
  expect(focused()).toBe('serial');
});

it('goes on to another console while nobody has typed, since a guest shows only then which one it uses', () => {
  const serial = addConsole('serial', true),
    screen = addConsole('screen', false);
  giveKeyboard();
  vi.advanceTimersByTime(100);
  serial.use.dataset.console = 'false';
  screen.use.dataset.console = 'true';
  vi.advanceTimersByTime(100);
  expect(focused()).toBe('screen');
  serial.use.dataset.console = 'true';
  screen.use.dataset.console = 'false';
  screen.its.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true }));
  vi.advanceTimersByTime(1000);
  expect(focused()).toBe('screen');
});

it('takes it from nobody who is elsewhere by then, and not on a touch screen', () => {
  addConsole('serial', true);
  document.getElementById('filter')!.focus();
  giveKeyboard();
  vi.advanceTimersByTime(500);
  expect(focused()).toBe('filter');
  (document.activeElement as HTMLElement).blur();
  vi.stubGlobal('matchMedia', () => ({ matches: true }));
  giveKeyboard();
  vi.advanceTimersByTime(500);
  expect(focused()).not.toBe('serial');
});

it('leaves the button of a source for the guest next to it, and a source that is written in alone', () => {
  addConsole('serial', true);
  const boot = document.getElementById('boot')!;
  boot.focus();
  giveKeyboard(boot);
  vi.advanceTimersByTime(100);
  expect(focused()).toBe('serial');
});
