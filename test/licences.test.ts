/** dist/licences.txt names each package that is bundled, with the text of its licence. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { licences, licencesText } from '../scripts/licences.ts';
import { file } from './support/needs.ts';

const root = file('.');
const packages = (...names: string[]): Set<string> => new Set(names.map(name => join(root, 'node_modules', name)));

describe('licences of what is bundled', () => {
  it('has a package by its name and version, with its text', () => {
    const text = licencesText(packages('preact', '@xterm/xterm', 'saxes'));
    expect(
      [...text.matchAll(/^={80}\n(\S+) \S+ \((.*)\)$/gm)].map(([, name, licence]) => `${name}: ${licence}`),
    ).toEqual(['@xterm/xterm: MIT', 'preact: MIT', 'saxes: ISC']);
    expect(text).toContain(readFileSync(join(root, 'node_modules/preact/LICENSE'), 'utf8').trim());
    expect(text).toMatch(/saxes [\s\S]*Copyright \(c\) Louis-Dominique Dubeau[\s\S]*Permission to use, copy, modify/);
  });

  it('has what a bundle of packages brings along', () => {
    expect(licencesText(packages('just-bash'))).toMatch(/^sprintf-js \S+ \(BSD-3-Clause\)$/m);
  });

  it('asks the bundler for the modules, those of workers too', () => {
    const { page, workers } = licences(root);
    const made: string[] = [];
    const bundle = (...moduleIds: string[]): object => ({
      'a.js': { type: 'chunk', moduleIds },
      'a.css': { type: 'asset' },
    });
    const run = (plugin: object, given: object): void =>
      (plugin as { generateBundle(this: object, options: object, bundle: object): void }).generateBundle.call(
        { emitFile: ({ source }: { source: string }) => made.push(source) },
        {},
        given,
      );
    run(workers, bundle(`${root}node_modules/comlink/dist/esm/comlink.mjs`.replace('//', '/')));
    run(
      page,
      bundle(
        join(root, 'node_modules/preact/dist/preact.mjs?x'),
        join(root, 'src/ui/main.tsx'),
        '\0vite/preload-helper.js',
      ),
    );
    expect([...made[0]!.matchAll(/^={80}\n(\S+)/gm)].map(([, name]) => name)).toEqual(['comlink', 'preact', 'vite']);
  });

  it('is in the built page, and names what its scripts say they have', () => {
    const text = readFileSync(file('dist/licences.txt'), 'utf8');
    const scripts = readdirSync(file('dist/assets')).filter(name => name.endsWith('.js'));
    expect(scripts.length).toBeGreaterThan(3);
    for (const name of ['preact', 'comlink', '@xterm/xterm', 'just-bash', 'marked', 'yjs', 'uplot', 'vite'])
      expect(text, name).toMatch(new RegExp(`^${name} \\d`, 'm'));
  });
});
