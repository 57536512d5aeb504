/**
 * Expressions of lessons over facts: numbers, names, + - * / with spaces around them, parentheses, comparisons, `and`. A name has no spaces in it, so that
 * `lab.ring.xvda.req_prod` and `lab.store.device/vbd/51712/state` are one each. Nothing else can be written, so nothing else can happen.
 */

import { en, type Says } from './said/en.ts';

export interface Expression {
  /** As it was written. */
  readonly text: string;
  /** All names in it. */
  readonly names: readonly string[];
  /** A comparison is 1 or 0. @throws what `of` throws for a name that has no value */
  value(of: (name: string) => number): number;
}

type Node = Expression['value'];

const OPERATORS: readonly Readonly<Record<string, (a: number, b: number) => number>>[] = [
  { and: (a, b) => (a !== 0 && b !== 0 ? 1 : 0) },
  {
    '=': (a, b) => Number(a === b),
    '<': (a, b) => Number(a < b),
    '>': (a, b) => Number(a > b),
    '<=': (a, b) => Number(a <= b),
    '>=': (a, b) => Number(a >= b),
  },
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  { '*': (a, b) => a * b, '/': (a, b) => a / b },
];
const NAME = /^[A-Za-z_][\w./:-]*$/;
/** More is no expression of a lesson. */
const MOST_WORDS = 200;

/** Why a text is no expression: in English its message. */
export class WrongExpression extends Error {
  readonly says: Says;
  constructor(says: Says) {
    super(says(en));
    this.says = says;
  }
}

/** @throws WrongExpression */
export function readExpression(text: string): Expression {
  const words = text
    .replace(/[()]/g, ' $& ')
    .split(/\s+/)
    .filter(word => word !== '');
  if (words.length > MOST_WORDS) throw new WrongExpression(({ mostWords }) => mostWords(words.length, MOST_WORDS));
  const names: string[] = [];
  let at = 0;
  const level = (depth: number): Node => {
    const operators = OPERATORS[depth];
    if (!operators) return single();
    let left = level(depth + 1);
    for (let word = words[at]; word !== undefined && Object.hasOwn(operators, word); word = words[at]) {
      at++;
      const a = left,
        b = level(depth + 1),
        does = operators[word]!;
      left = of => does(a(of), b(of));
    }
    return left;
  };
  const single = (): Node => {
    const word = words[at++];
    if (word === undefined) throw new WrongExpression(({ ends }) => ends);
    if (word === '(') {
      const inner = level(0);
      if (words[at++] !== ')') throw new WrongExpression(({ parenthesis }) => parenthesis);
      return inner;
    }
    if (/^\d+(\.\d+)?$/.test(word)) return () => Number(word);
    if (!NAME.test(word) || Object.hasOwn(OPERATORS[0]!, word)) throw new WrongExpression(({ noWord }) => noWord(word));
    names.push(word);
    return of => of(word);
  };
  const whole = level(0);
  if (at < words.length) throw new WrongExpression(({ behind }) => behind(words[at]!));
  return { text, names, value: whole };
}
