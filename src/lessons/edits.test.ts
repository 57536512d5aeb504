import { expect, it } from 'vitest';
import { en } from './said/en.ts';
import { type Edit, edited, editsOf, isEdited } from './edits.ts';

const edit = (line: number, text: string): Edit => ({ kind: 'edit', guest: 'lab', line, text });

it('puts lines in the place of others, and tells where there is none', () => {
  const edits = [edit(1, 'nop'), edit(3, 'ret')];
  expect(editsOf([...edits, { kind: 'run', ms: 1 }])).toEqual(new Map([['lab', edits]]));
  expect(edited('cli\nsti\nhlt', edits, en)).toBe('nop\nsti\nret');
  expect(() => edited('cli', edits, en)).toThrow('The source of lab has 1 lines, and no line 3.');
});

it('knows a line again, whatever its spaces and its comment', () => {
  const line = edit(2, 'mov byte [MASKED], 1');
  expect(isEdited('cli\n  mov  byte [MASKED],1 ; a store', line)).toBe(true);
  expect(['cli', 'cli\nmov byte [MASKED], 0', ''].map(source => isEdited(source, line))).toEqual([false, false, false]);
});
