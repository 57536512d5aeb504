import { describe, expect, it } from 'vitest';
import { KeyParser } from '../toolstack/terminal/keys.ts';
import { type Complete, type Entered, LineEditor } from './line-editor.ts';

const nothing: Complete = () => ({ from: 0, words: [] });

/** What a terminal of this many columns shows: rows of text and the cursor. Knows the sequences that the editor writes. */
class Screen {
  rows: string[][] = [[]];
  row = 0;
  column = 0;
  readonly columns: number;
  constructor(columns = 20) {
    this.columns = columns;
  }
  write(text: string): void {
    for (const part of text.match(/\x1b\[\d*[A-Z]|[^\x1b]/gu) ?? []) {
      const sequence = /^\x1b\[(\d*)([A-Z])$/.exec(part);
      if (!sequence) this.put(part);
      else if (sequence[2] === 'A') this.row -= Number(sequence[1] || 1);
      else if (sequence[2] === 'C') this.column += Number(sequence[1] || 1);
      else if (sequence[2] === 'J') {
        this.rows.length = this.row + 1;
        this.rows[this.row]!.length = Math.min(this.rows[this.row]!.length, this.column);
      }
    }
  }
  private put(character: string): void {
    if (character === '\r') this.column = 0;
    else if (character === '\n') this.down();
    else {
      if (this.column === this.columns) {
        this.column = 0;
        this.down();
      }
      this.rows[this.row]![this.column++] = character;
    }
  }
  private down(): void {
    this.row++;
    while (this.rows.length <= this.row) this.rows.push([]);
  }
  get text(): string {
    return this.rows
      .map(row =>
        Array.from(row, character => character ?? ' ')
          .join('')
          .trimEnd(),
      )
      .join('\n');
  }
}

async function edit(
  typed: string,
  {
    history = [],
    complete = nothing,
    columns = 20,
  }: { history?: string[]; complete?: Complete; columns?: number } = {},
) {
  const screen = new Screen(columns);
  const editor = new LineEditor(screen, history, complete);
  const keys = new KeyParser();
  editor.begin('$ ');
  let entered: Entered | undefined;
  keys.push(typed);
  for (let input = keys.next(); input; input = keys.next()) entered = (await editor.take(input)) ?? entered;
  return { entered, screen };
}
const line = async (typed: string, options?: Parameters<typeof edit>[1]): Promise<string> => {
  const { entered } = await edit(`${typed}\r`, options);
  return (entered as { line: string }).line;
};

describe('editing a line, by the keys of readline', () => {
  it('inserts at the cursor, deletes and moves', async () => {
    expect(await line('xl lst\x1b[Di')).toBe('xl lsit');
    expect(await line('xl lst\x1b[Di\x1b[D\x7f')).toBe('xl lit');
    expect(await line('list\x01xl \x05 -l')).toBe('xl list -l');
    expect(await line('abc\x01\x1b[3~\x04')).toBe('c');
  });

  it('moves and kills by words, and brings back what was killed', async () => {
    expect(await line('xl create demo\x17demo2')).toBe('xl create demo2');
    expect(await line('one two three\x1bb\x1bb\x0b\x01\x19 ')).toBe('two three one ');
    expect(await line('a b\x15c')).toBe('c');
    expect(await line('xl create\x1b\x7flist')).toBe('xl list');
    expect(await line('ab\x14')).toBe('ba');
  });

  it('goes through history and back to what was begun', async () => {
    const history = ['first', 'second'];
    expect(await line('new\x1b[A', { history })).toBe('second');
    expect(await line('new\x1b[A\x1b[A\x1b[A', { history })).toBe('first');
    expect(await line('new\x1b[A\x1b[B', { history })).toBe('new');
  });

  it('searches history backwards', async () => {
    const history = ['xl list', 'ls', 'xl info', 'pwd'];
    expect(await line('\x12xl', { history })).toBe('xl info');
    expect(await line('\x12xl\x12', { history })).toBe('xl list');
    expect((await edit('\x12xl', { history })).screen.text).toBe("(reverse-i-search)`x\nl': xl info");
  });

  it('is broken off by Ctrl-C and ended by Ctrl-D on an empty line', async () => {
    expect((await edit('abc\x03')).entered).toBe('interrupt');
    expect((await edit('\x04')).entered).toBe('end');
  });

  it('draws long lines over several rows and edits them there', async () => {
    const { screen } = await edit('0123456789abcdefghijklmnop\x01X', { columns: 10 });
    expect(screen.text).toBe('$ X0123456\n789abcdefg\nhijklmnop');
    expect([screen.row, screen.column]).toEqual([0, 3]);
  });

  it('brings the cursor down where a row is full', async () => {
    const { screen } = await edit('01234567', { columns: 10 });
    expect(screen.text).toBe('$ 01234567\n');
    expect([screen.row, screen.column]).toEqual([1, 0]);
  });

  it('counts wide characters as two columns', async () => {
    const { screen } = await edit('日本\x1b[D', { columns: 20 });
    expect(screen.column).toBe(4);
  });
});

describe('completion', () => {
  const complete: Complete = text => ({
    from: 3,
    words: ['list', 'list-all', 'info'].filter(word => word.startsWith(text.slice(3))),
  });

  it('puts in what all words have in common, and a space behind the only one', async () => {
    expect(await line('xl in\t', { complete })).toBe('xl info ');
    expect(await line('xl l\t', { complete })).toBe('xl list');
  });

  it('lists the words at the second Tab and draws the line again', async () => {
    const { screen } = await edit('xl l\t\t', { complete });
    expect(screen.text).toBe('$ xl list\nlist\nlist-all\n$ xl list'.replace('list\nlist-all', 'list      list-all'));
  });
});
