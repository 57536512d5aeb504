import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Input, KeyParser } from './keys.ts';

const all = (parser: KeyParser, chunk: string): Input[] => {
  parser.push(chunk);
  const found: Input[] = [];
  for (let input = parser.next(); input; input = parser.next()) found.push(input);
  return found;
};
const parse = (...chunks: string[]): Input[] => {
  const parser = new KeyParser();
  return chunks.flatMap(chunk => all(parser, chunk));
};

describe('what a terminal sends', () => {
  it('is text and keys by their names', () => {
    expect(parse('ls\r')).toEqual([{ text: 'ls' }, { key: 'enter' }]);
    expect(parse('\x1b[A\x1bOB\x1b[3~\x1b[1;5C\x1b[1;3D\x7f\t')).toEqual(
      ['up', 'down', 'delete', 'ctrl-right', 'alt-left', 'backspace', 'tab'].map(key => ({ key })),
    );
    expect(parse('\x03\x12\x1bf\x1b\x7f')).toEqual(
      ['ctrl-c', 'ctrl-r', 'alt-f', 'alt-backspace'].map(key => ({ key })),
    );
  });

  it('may come in pieces', () => {
    expect(parse('\x1b', '[', '1;', '5D')).toEqual([{ key: 'ctrl-left' }]);
  });

  it('is the escape key where nothing follows', () => {
    const parser = new KeyParser();
    expect(all(parser, '\x1b')).toEqual([]);
    expect(parser.flush()).toEqual({ key: 'escape' });
  });

  it('is taken to its end whatever it is', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: fc.constantFrom('\x1b', '[', 'O', '1', ';', '~', 'A', 'x', '\r', '\x03', '2', '0') }),
        ),
        chunks => {
          const parser = new KeyParser();
          for (const chunk of chunks) all(parser, chunk);
          // Whatever came before: text gets through.
          expect(all(parser, 'zz').length).toBeGreaterThan(0);
        },
      ),
    );
  });
});
