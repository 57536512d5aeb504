/**
 * Licences of the packages whose code a build has: their texts go next to it, into licences.txt. What is bundled is asked of the bundler, module by module,
 * those of workers too, which are bundled apart.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';

export const LICENCES_FILE = 'licences.txt';

interface Description {
  name: string;
  version: string;
  license?: string;
  author?: string | { name: string };
  dependencies?: Record<string, string>;
}

/** Packages that come as bundles of others: their own dependencies are in them. */
const BUNDLES = new Set(['just-bash']);
/** Helpers that builders write into what they build. */
const BUILDERS: readonly [part: string, name: string][] = [
  ['vite/', 'vite'],
  ['rolldown/', 'rolldown'],
];
/** For a package that names this licence and has no text of it. Source: spdx.org/licenses/ISC. */
const ISC = `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
granted, provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF
THIS SOFTWARE.
`;

const describe = (folder: string): Description =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Description;

/** The folder of the package that a module is of; undefined: it is our own. */
function packageOf(id: string, root: string): string | undefined {
  const path = id.replace(/^\0/, '').replace(/\?.*$/, '');
  const [, folder] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
  if (folder !== undefined) return folder;
  const builder = id.startsWith('\0') && BUILDERS.find(([part]) => path.startsWith(part));
  return builder ? join(root, 'node_modules', builder[1]) : undefined;
}

/** Where a package finds one that it needs, as node looks for it. */
function found(name: string, from: string): string | undefined {
  for (let folder = from; dirname(folder) !== folder; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  return undefined;
}

/** @throws Error where a package has no text of its licence */
function licenceOf(folder: string): string {
  const { name, license, author } = describe(folder);
  const texts = readdirSync(folder)
    .filter(file => /^(licen[cs]e|copying|notice)/i.test(file))
    .sort()
    .map(file => readFileSync(join(folder, file), 'utf8').trim());
  if (texts.length > 0) return texts.join('\n\n');
  const by = typeof author === 'string' ? author : author?.name;
  if (license === 'ISC' && by !== undefined) return `ISC License\n\nCopyright (c) ${by.replace(/ <.*/, '')}\n\n${ISC}`.trim();
  throw new Error(`The package ${name} has no text of its licence (${license}): scripts/licences.ts needs it.`);
}

/** What licences.txt says of the packages in these folders. */
export function licencesText(folders: ReadonlySet<string>): string {
  const all = new Set(folders);
  for (const folder of folders) {
    const { name, dependencies = {} } = describe(folder);
    if (!BUNDLES.has(name)) continue;
    for (const needed of Object.keys(dependencies)) {
      const at = found(needed, folder);
      if (at !== undefined) all.add(at);
    }
  }
  const parts = new Map(
    [...all].map(folder => {
      const { name, version, license } = describe(folder);
      return [`${name} ${version} (${license})`, licenceOf(folder)];
    }),
  );
  const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
  return `Ringside has code of these packages, each under its own licence.\n${sorted.map(([title, text]) => `\n${'='.repeat(80)}\n${title}\n\n${text}\n`).join('')}`;
}

/** Two plugins: of a build, and of its workers'. */
export function licences(root: string): { page: Plugin; workers: Plugin } {
  const folders = new Set<string>();
  const collect = (ids: Iterable<string>): void => {
    for (const id of ids) {
      const folder = packageOf(id, root);
      if (folder !== undefined) folders.add(folder);
    }
  };
  const modulesOf = (bundle: Readonly<Record<string, { type: string; moduleIds?: readonly string[] }>>): string[] =>
    Object.values(bundle).flatMap(({ moduleIds = [] }) => moduleIds);
  return {
    page: {
      name: 'licences',
      apply: 'build',
      buildStart: () => folders.clear(),
      generateBundle(_, bundle) {
        collect(modulesOf(bundle as never));
        this.emitFile({ type: 'asset', fileName: LICENCES_FILE, source: licencesText(folders) });
      },
    },
    workers: {
      name: 'licences-of-workers',
      apply: 'build',
      generateBundle: (_, bundle) => collect(modulesOf(bundle as never)),
    },
  };
}
