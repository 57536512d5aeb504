/** The project's documents for users, each loaded when it is opened. The map of the code is left out: it is read next to the code. */
import { pageParts } from '../load-again.ts';

const TEXTS = pageParts(
  import.meta.glob<{ default: string }>(
    [
      '../../../docs/*.md',
      '../../../README.md',
      '!../../../docs/*.es.md',
      '!../../../docs/architecture.md',
      '!../../../docs/files.md',
    ],
    { query: '?raw' },
  ),
);

/** What the project is and offers. */
export const READ_ME = 'README';

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1, -'.md'.length);
const PATHS = new Map(Object.keys(TEXTS).map(path => [nameOf(path), path]));

/** By their names; the first is what the project is. */
export const DOCUMENTS: readonly string[] = [READ_ME, ...[...PATHS.keys()].filter(name => name !== READ_ME).sort()];

/** Undefined: there is none of this name. @throws Error where it cannot be loaded */
export async function documentText(name: string): Promise<string | undefined> {
  const path = PATHS.get(name);
  return path === undefined ? undefined : (await TEXTS[path]!.load()).default;
}

/** The document that a link in one of them leads to, by its name; undefined: it leads elsewhere. */
export function linkedDocument(href: string): string | undefined {
  const [, name] = /^(?:\.\.?\/)*(?:docs\/)?([\w.-]+)\.md(?:#.*)?$/.exec(href) ?? [];
  return name !== undefined && PATHS.has(name) ? name : undefined;
}

/** A document as it is read here: without its pictures and their tables. */
export const readable = (text: string): string =>
  text
    .split('\n\n')
    .filter(block => !/!\[[^\]]*\]\([^)]*\)/.test(block))
    .join('\n\n');
