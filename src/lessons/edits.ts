/** Lines of a small guest's source that a step has changed. */
import type { Action } from './form.ts';
import type { Said } from './said/en.ts';

export type Edit = Extract<Action, { kind: 'edit' }>;

/** Those of a step, by guest. */
export function editsOf(actions: readonly Action[]): Map<string, Edit[]> {
  const edits = new Map<string, Edit[]>();
  for (const action of actions)
    if (action.kind === 'edit') edits.set(action.guest, [...(edits.get(action.guest) ?? []), action]);
  return edits;
}

/** The source with these lines. @throws Error with a sentence where it has no such line */
export function edited(source: string, edits: readonly Edit[], { run: { noLine } }: Said): string {
  const lines = source.split('\n');
  for (const { line, text, guest } of edits) {
    if (line > lines.length) throw new Error(noLine(guest, lines.length, line));
    lines[line - 1] = text;
  }
  return lines.join('\n');
}

/** What the assembler makes of it is the same: spaces and what follows a semicolon do not count. */
const essential = (line = ''): string => line.replace(/;.*/, '').replace(/\s+/g, ' ').replace(/ ?, ?/g, ',').trim();
export const isEdited = (source: string, { line, text }: Edit): boolean =>
  essential(source.split('\n')[line - 1]) === essential(text);
