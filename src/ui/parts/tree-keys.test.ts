import { Window } from 'happy-dom';
import { afterAll, beforeEach, expect, it, vi } from 'vitest';
import { chosen } from '../selection.ts';
import { menu } from './menu.tsx';
import { pressInTree } from './tree-keys.ts';

const window = new Window(),
  { document } = window;
vi.stubGlobal('document', document);
afterAll(() => vi.unstubAllGlobals());

/** Two connections; below the first a guest, and a disk with a volume; below the second nothing is shown. */
const TREE = [
  [1, 'here', 'true'],
  [2, 'web', undefined],
  [2, 'disk', undefined],
  [3, 'volume', undefined],
  [1, 'there', 'false'],
  [1, 'gone', 'true'],
] as const;
const folds: string[] = [];

beforeEach(() => {
  folds.length = 0;
  document.body.innerHTML = `<button id="other"></button><ul>${TREE.map(
    ([level, name, expanded]) =>
      `<li role="treeitem" tabindex="-1" aria-level="${level}" data-name="${name}"${
        expanded ? ` aria-expanded="${expanded}"><i class="fold"></i>` : '>'
      }</li>`,
  ).join('')}</ul>`;
  for (const mark of document.querySelectorAll('.fold'))
    mark.addEventListener('click', () => void folds.push(mark.parentElement!.getAttribute('data-name')!));
});

/** What has the focus after a key that was pressed on a row. */
function after(key: string, on: string): string | undefined {
  (document.querySelector(`[data-name=${on}]`) as unknown as HTMLElement).focus();
  press(key);
  return (document.activeElement as unknown as HTMLElement).dataset.name;
}

const press = (key: string): void =>
  pressInTree(new window.KeyboardEvent('keydown', { key }) as unknown as KeyboardEvent, {
    list: { current: document.querySelector('ul') as unknown as HTMLUListElement },
    keys: [],
    hidden: [],
    reveal: { current: undefined },
  });

it('goes to the row around with the left key, and into an open one with the right key', () => {
  expect(after('ArrowLeft', 'web')).toBe('here');
  expect(after('ArrowLeft', 'volume')).toBe('disk');
  expect(after('ArrowLeft', 'disk')).toBe('here');
  expect(after('ArrowRight', 'here')).toBe('web');
  expect(folds).toEqual([]);
});

it('folds and opens a connection, and goes from none to another one', () => {
  expect([after('ArrowLeft', 'here'), after('ArrowRight', 'there')]).toEqual(['here', 'there']);
  expect(folds).toEqual(['here', 'there']);
  expect([after('ArrowLeft', 'there'), after('ArrowRight', 'gone'), after('ArrowRight', 'web')]).toEqual([
    'there',
    'gone',
    'web',
  ]);
  expect(folds).toEqual(['here', 'there']);
});

it('leaves what has the focus elsewhere alone when it was loaded too late', () => {
  const other = document.getElementById('other') as unknown as HTMLElement;
  let clicks = 0;
  other.addEventListener('click', () => void clicks++);
  other.focus();
  for (const key of ['Enter', 'ArrowDown', 'End', 'w']) press(key);
  expect([clicks, document.activeElement]).toEqual([0, other]);
});

it('closes with Escape a menu that is not drawn yet, and leaves what is chosen chosen', () => {
  chosen.value = new Set(['web']);
  menu.value = { x: 0, y: 0, label: 'web', actions: [], from: undefined };
  after('Escape', 'web');
  expect([menu.value, [...chosen.value]]).toEqual([undefined, ['web']]);
  after('Escape', 'web');
  expect([...chosen.value]).toEqual([]);
});
