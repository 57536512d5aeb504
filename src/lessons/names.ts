/** Names in a lesson: guests, answers and measurements that are named must be there, and what is asked of a guest must be a fact. */
import { nearestFact, rowsOfFact } from '../dom0/service/index.ts';
import type { Check, Hint, Lesson, Part, Row, Wrong } from './form.ts';

/** Tells what is named and is not there. `lineOf`: of a line of a block, its number. */
export function checkNames({ guests, pictures, steps }: Lesson, wrong: Wrong, lineOf: (what: object) => number): void {
  const known = new Set(guests.map(({ name }) => name)),
    asked = new Set<string>(),
    measured = new Set<string>();
  const guestNamed = (name: string, line: number): void => {
    if (!known.has(name)) wrong(line, ({ guest }) => guest(name, [...known]));
  };
  const factNamed = (name: string, line: number): void => {
    const dot = name.indexOf('.'),
      fact = name.slice(dot + 1);
    guestNamed(name.slice(0, dot), line);
    if (rowsOfFact(fact).length > 0) return;
    const near = nearestFact(fact);
    wrong(line, said => said.fact(fact, near));
  };
  const lineNamed = (each: Row | Check | Hint): void => {
    const line = lineOf(each);
    for (const name of each.expression.names)
      if (name.includes('.')) factNamed(name, line);
      else if (!measured.has(name) && !asked.has(name)) wrong(line, ({ unknown }) => unknown(name));
    if ('answer' in each && !asked.has(each.answer)) wrong(line, ({ hintAbout }) => hintAbout(each.answer));
    if (!('name' in each)) return;
    measured.add(each.name);
    if (each.guess && !asked.has(each.guess)) wrong(line, ({ prediction }) => prediction(each.guess!));
  };
  for (const picture of pictures) if (picture.guest !== undefined) guestNamed(picture.guest, lineOf(picture));
  for (const { parts } of steps)
    for (const part of parts) {
      if (part.kind === 'ask') asked.add(part.name);
      if (part.kind === 'actions')
        for (const action of part.actions) if ('guest' in action) guestNamed(action.guest, lineOf(action));
      for (const each of linesIn(part)) lineNamed(each);
    }
}

/** What of a part has an expression. */
function linesIn(part: Part): readonly (Row | Check | Hint)[] {
  if (part.kind === 'rows') return part.rows;
  if (part.kind === 'checks') return part.checks;
  return part.kind === 'hints' ? part.hints : [];
}
