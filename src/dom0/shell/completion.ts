/** What Tab puts in: names of commands, what a program says of its words, paths. */
import { justBash } from '../host/index.ts';
import type { BashParts } from './bash.ts';
import type { Completion } from './line-editor.ts';

/** Where a word ends that is not quoted. */
const BREAKS = /[\s|;&<>()]/;

/** The word at the cursor, and the words of its command before it. */
function wordAt(line: string, cursor: number): { from: number; word: string; before: string[] } {
  let from = cursor;
  while (from > 0 && !BREAKS.test(line[from - 1]!)) from--;
  const command = line
    .slice(0, from)
    .split(/[|;&()]/)
    .at(-1)!;
  return { from, word: line.slice(from, cursor), before: command.split(/\s+/).filter(word => word !== '') };
}

async function paths(word: string, { fs }: BashParts, directory: string): Promise<string[]> {
  const slash = word.lastIndexOf('/') + 1;
  const folder = fs.resolvePath(directory, word.slice(0, slash) || '.');
  const names = await fs.readdir(folder).catch(() => []);
  const fitting = names
    .filter(name => name.startsWith(word.slice(slash)) && (name[0] !== '.' || word[slash] === '.'))
    .sort();
  return Promise.all(
    fitting.map(async name => {
      const isFolder = await fs.stat(`${folder}/${name}`).then(
        ({ isDirectory }) => isDirectory,
        () => false,
      );
      return `${word.slice(0, slash)}${name}${isFolder ? '/' : ''}`;
    }),
  );
}

/** Words that could be at the cursor. */
export async function completeWords(
  line: string,
  cursor: number,
  parts: BashParts,
  directory: string,
): Promise<Completion> {
  const { from, word, before } = wordAt(line, cursor);
  if (before.length === 0 && !word.includes('/')) {
    const { getCommandNames } = await justBash.load();
    const names = new Set([...parts.programs.map(({ name }) => name), ...getCommandNames(), 'cd', 'exit']);
    return { from, words: [...names].filter(name => name.startsWith(word)).sort() };
  }
  const program = parts.programs.find(({ name }) => name === before[0]);
  const known = (await program?.complete?.([...before.slice(1), word])) ?? [];
  const words = known.filter(one => one.startsWith(word));
  return { from, words: words.length > 0 ? words : await paths(word, parts, directory) };
}
