/** What `judge:tools` runs: a tool with drawn options, standard input and small files. */
import { drawing } from '../harness/pick.ts';
import { TOOLS } from './options.ts';
import type { Lot } from './values.ts';

export interface Case {
  words: string[];
  stdin: string;
  files: Record<string, string>;
}

const lotOf = (seed: number): Lot => {
  const draw = drawing(seed);
  const below = (number: number): number => Math.floor(draw() * number);
  return { below, of: list => list[below(list.length)], chance: share => draw() < share };
};

const WORDS = [
  'web',
  'db',
  'Web',
  '10',
  '9',
  '2',
  '-3',
  '1.5',
  'alpha',
  'beta',
  'a.b',
  'x=1',
  'root',
  'DB',
  '007',
  '2K',
];
const BETWEEN = [' ', ' ', ':', '\t', ',', '  '];

function textOf(lot: Lot): string {
  const lines: string[] = [];
  for (let i = lot.below(7); i >= 0; i--) {
    if (lot.chance(0.1)) lines.push('');
    else if (lines.length > 0 && lot.chance(0.15)) lines.push(lot.of(lines));
    else {
      let line = lot.chance(0.1) ? '  ' : '';
      const between = lot.of(BETWEEN);
      for (let words = lot.below(4); words >= 0; words--) line += lot.of(WORDS) + (words > 0 ? between : '');
      lines.push(line);
    }
  }
  return lines.join('\n') + (lot.chance(0.9) ? '\n' : '');
}

const sorted = (text: string): string =>
  `${text
    .trim()
    .split('\n')
    .sort((a, b) => (a < b ? -1 : 1))
    .join('\n')}\n`;

/** Options as getopt_long(3) lets them be written: alone, together, with their values in one word or in two, long, and long ones cut short. */
function optionWords(lot: Lot, tool: (typeof TOOLS)[number]): string[] {
  const words: string[] = [];
  for (let count = lot.of([0, 1, 1, 1, 2, 2, 3]); count > 0; count--) {
    const [names, valueOf] = lot.of(tool.options);
    const [short, long] = names.split(' ');
    const value = valueOf?.(lot);
    const isLong = short.startsWith('--') || (long !== undefined && lot.chance(0.25));
    const name = short.startsWith('--') ? short : isLong ? long : short;
    const last = words.at(-1);
    if (value === undefined) {
      if (!isLong && last !== undefined && /^-[a-zA-Z]+$/.test(last) && name.length === 2 && lot.chance(0.3))
        words[words.length - 1] = last + name[1];
      else words.push(name);
    } else if (value === '') words.push(name, '');
    else if (lot.chance(0.4)) words.push(isLong || name.length > 2 ? `${name}=${value}` : name + value);
    else words.push(name, value);
  }
  if (!tool.isOwn && lot.chance(0.03))
    words.splice(lot.below(words.length + 1), 0, lot.of(['-Q', '--nonsense', '-%', '--x=1']));
  return words;
}

/** One case of a tool; the same seed gives the same. */
export function caseOf(name: string, seed: number): Case {
  const tool = TOOLS.find(each => each.name === name);
  if (!tool) throw new Error(`there is no tool ${name} here: ${TOOLS.map(each => each.name).join(', ')}`);
  let mixed = seed;
  for (const character of name) mixed = (mixed * 31 + character.charCodeAt(0)) % 0x7fffffff;
  const lot = lotOf(mixed);
  const a = textOf(lot),
    b = textOf(lot);
  const files = { a, b: lot.chance(0.5) ? b : a, s: sorted(a), t: sorted(b), empty: '', 'd/c.txt': b };
  const options = optionWords(lot, tool);
  const operands = tool.operands(lot);
  const words = [name, ...options, ...operands];
  // Options after operands are read as well.
  if (tool.permutes && options.length > 0 && operands.length > 0 && lot.chance(0.1))
    words.splice(1, words.length, ...operands, ...options);
  return { words, stdin: textOf(lot), files };
}
