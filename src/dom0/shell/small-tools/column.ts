/** `column -t`, as util-linux 2.38 has it: just-bash's takes a separator of several characters for one, and empty cells for none. Source: column(1). */
import type { ShellCommand } from '../shell-command.ts';
import { textColumns } from '../text-columns.ts';
import { bytesOf, failed, ran, read, unknown } from './options.ts';
import { inputs, lacks } from './pieces.ts';
import { bytesText, textOfBytes } from './stray-bytes.ts';

/** A line's cells. Blanks are one separator together, and what is named separates each time. */
function cellsOf(line: string, separators: string | undefined): string[] {
  if (separators === undefined) return line.split(/[ \t]+/).filter(cell => cell !== '');
  const cells = [''];
  for (const character of line)
    if (separators.includes(character)) cells.push('');
    else cells[cells.length - 1] += character;
  return cells;
}

export const column: ShellCommand = async (words, context) => {
  const { given, rest, wrong, lacking } = read(words, 'socNRnlEHTdWOrip', 'txeJL', {
    '--table': 't',
    '--separator': 's',
    '--output-separator': 'o',
    '--output-width': 'c',
    '--table-noheadings': 'd',
    '--fillrows': 'x',
    '--json': 'J',
    '--keep-empty-lines': 'L',
    '--table-columns': 'N',
    '--table-right': 'R',
    '--table-name': 'n',
  });
  if (wrong) return unknown('column', wrong);
  if (lacking) return lacks('column', lacking);
  if (!given.has('t')) return failed('column: anything but a table (-t) is not offered here');
  const other = [...given.keys()].find(letter => !'tsoce'.includes(letter));
  if (other !== undefined) return failed(`column: -${other} is not offered here`);
  const width = given.get('c');
  if (width !== undefined && !/^(?:\d+|unlimited)$/.test(width))
    return failed(`column: invalid columns argument: '${width}'`);
  const rows: string[][] = [];
  let stderr = '';
  // To it `-` is a file.
  for await (const { path, text, why } of inputs(
    rest.map(each => (each === '-' ? './-' : each)),
    context,
  )) {
    if (text === undefined)
      stderr +=
        why === 'Is a directory' ? `column: read failed: ${why}\n` : `column: ${path === './-' ? '-' : path}: ${why}\n`;
    else
      for (const line of textOfBytes(bytesOf(text)).split('\n'))
        if (line.trim() !== '') rows.push(cellsOf(line, given.get('s')));
  }
  if (rows.some(cells => cells.some(cell => /[\p{Cc}\udc80-\udcff]/u.test(cell))))
    return failed('column: a control character in a table is not offered here');
  const between = given.get('o') ?? '  ';
  const widths: number[] = [];
  for (const cells of rows)
    for (const [i, cell] of cells.entries()) widths[i] = Math.max(widths[i] ?? 0, textColumns(cell));
  const lines = rows.map(cells =>
    widths
      .map((most, i) => {
        const cell = cells[i] ?? '';
        return i === widths.length - 1 ? cell : cell + ' '.repeat(most - textColumns(cell));
      })
      .join(between),
  );
  return {
    ...ran(bytesText(lines.map(line => `${line}\n`).join('')), stderr === '' ? 0 : 1, stderr),
    stdoutKind: 'bytes',
  };
};
