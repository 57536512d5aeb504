/** The page's style sheets: style.css is there from the start, the others come with the views that need them and stay. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const FOLDER = import.meta.dirname;
/** Of pages of their own, on which nothing else is. */
const ALONE = ['embed/embed.css', 'components/components.css'];
const sheets = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
  name => name.endsWith('.css') && !ALONE.includes(name),
);

/** Classes that a sheet styles wherever they are: a rule for the class and nothing around it. What is printed is a page of its own. */
function everywhere(name: string): string[] {
  const text = readFileSync(join(FOLDER, name), 'utf8')
    .replace(/\/\*[^]*?\*\//g, '')
    .replace(/@media print\s*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}/g, '');
  return [...text.matchAll(/([^{}]+)\{/g)].flatMap(([, selectors = '']) =>
    selectors
      .split(/,(?![^()]*\))/)
      .map(selector => selector.trim())
      .filter(selector => /^\.[\w-]+$/.test(selector)),
  );
}

it('comes late without changing what is drawn already: each class has its look from one sheet', () => {
  const owners = new Map<string, Set<string>>();
  for (const sheet of sheets)
    for (const name of everywhere(sheet)) owners.set(name, (owners.get(name) ?? new Set()).add(sheet));
  const twice = [...owners].filter(([, { size }]) => size > 1).map(([name, all]) => [name, ...all]);
  expect(owners.size).toBeGreaterThan(300);
  expect(twice).toEqual([]);
});
