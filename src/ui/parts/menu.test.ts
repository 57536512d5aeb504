// @vitest-environment happy-dom
import { h, render } from 'preact';
import { beforeEach, expect, it } from 'vitest';
import { menu, openMenu } from './menu.tsx';
import { Menu } from './menu-list.tsx';

const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 20));
let row: HTMLButtonElement, other: HTMLButtonElement;

beforeEach(async () => {
  const before = document.querySelector('#page');
  if (before) render(null, before);
  document.body.innerHTML = '<button id="row">mini</button><button id="other">other</button><div id="page"></div>';
  [row, other] = [...document.querySelectorAll('button')] as [HTMLButtonElement, HTMLButtonElement];
  menu.value = undefined;
  render(h(Menu, {}), document.querySelector('#page')!);
  row.addEventListener('contextmenu', event => openMenu(event, 'mini', [{ name: 'Pause', run: () => {} }]));
  row.dispatchEvent(new MouseEvent('contextmenu', { clientX: 9, clientY: 9, cancelable: true }));
  await turn();
});

const item = (): Element | null => document.querySelector('[role=menuitem]');

it('a menu stays, and keeps the focus, when the page moves that: a list is drawn again, a guest arrives', async () => {
  expect(document.activeElement).toBe(item());
  other.focus();
  await turn();
  expect(item()?.textContent).toBe('Pause');
  expect(document.activeElement).toBe(item());
  row.remove();
  await turn();
  expect(document.activeElement).toBe(item());
});

it.each(['Escape', 'Tab'])('%s closes it, and who opened it has the focus again', async key => {
  item()!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  await turn();
  expect(item()).toBeNull();
  expect(document.activeElement).toBe(row);
});

it('a press elsewhere closes it, and one within does not', async () => {
  item()!.dispatchEvent(new Event('pointerdown', { bubbles: true }));
  await turn();
  expect(item()).not.toBeNull();
  other.dispatchEvent(new Event('pointerdown', { bubbles: true }));
  other.focus();
  await turn();
  expect(item()).toBeNull();
  expect(document.activeElement).toBe(other);
});
