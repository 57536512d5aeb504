/**
 * Expressions: parsed once, evaluated in each pass. Source: the NASM manual, 3.5 "Expressions". Values have 64 bits.
 * A sum may hold labels and, between brackets, registers; all other operators want plain numbers.
 */
import { type Cursor, described, isEscaped, Mistake } from './lexer.ts';
import { type Register, registerOf } from './registers.ts';

export type Expression =
  | { kind: 'number'; value: bigint }
  | { kind: 'symbol'; name: string; column: number }
  | { kind: 'register'; register: Register }
  /** '$', this line's address, and '$$', where the program begins. */
  | { kind: 'here' | 'start' }
  | { kind: 'unary'; operator: string; of: Expression; column: number }
  | { kind: 'binary'; operator: string; left: Expression; right: Expression; column: number }
  | { kind: 'choice'; when: Expression; yes: Expression; no: Expression; column: number };

/** A register in a sum, as often as `factor` says. `plain`: it was written without a factor. */
export interface Term {
  register: Register;
  factor: number;
  plain: boolean;
}

export interface Value {
  number: bigint;
  /** How many addresses are in the sum: 0 for a plain number (the difference of two labels, too), 1 for a label. */
  addresses: number;
  registers: readonly Term[];
  /** False while something in it is not defined yet. */
  known: boolean;
}

/** What expressions mean at a line of a pass. */
export interface Scope {
  here: bigint;
  start: bigint;
  /** Value of a label or of an EQU; undefined: not known in this pass. */
  symbol(name: string, column: number): Value | undefined;
}

/** Weakest first; those of one level go from left to right. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['^^'],
  ['&&'],
  ['=', '==', '!=', '<>', '<', '<=', '>', '>='],
  ['|'],
  ['^'],
  ['&'],
  ['<<', '>>', '<<<', '>>>'],
  ['+', '-'],
  ['*', '/', '//', '%', '%%'],
];
const MOST_PARTS = 1000,
  DEEPEST = 60;

/** `qualify` makes the full name of a local label. */
export function parseExpression(cursor: Cursor, qualify: (name: string) => string, depth = 0): Expression {
  const { column } = cursor.peek;
  if (depth > DEEPEST)
    throw new Mistake(`more than ${DEEPEST} parentheses in one another: give parts of this a name with equ`, column);
  const when = level(cursor, qualify, 0, depth);
  if (!cursor.take('?')) return when;
  const yes = parseExpression(cursor, qualify, depth + 1);
  cursor.expect(':', 'a choice is written CONDITION ? THIS : THAT');
  return { kind: 'choice', when, yes, no: parseExpression(cursor, qualify, depth + 1), column };
}

function level(cursor: Cursor, qualify: (name: string) => string, at: number, depth: number): Expression {
  if (at === LEVELS.length) return unary(cursor, qualify, depth);
  let left = level(cursor, qualify, at + 1, depth);
  while (cursor.peek.kind === 'sign' && LEVELS[at]!.includes(cursor.peek.text)) {
    const { text: operator, column } = cursor.next();
    left = { kind: 'binary', operator, left, right: level(cursor, qualify, at + 1, depth), column };
  }
  return left;
}

function unary(cursor: Cursor, qualify: (name: string) => string, depth: number): Expression {
  const token = cursor.next();
  const { column } = token;
  if (++cursor.parts > MOST_PARTS)
    throw new Mistake(`more than ${MOST_PARTS} parts on one line: write several lines`, column);
  if (depth > DEEPEST)
    throw new Mistake(`more than ${DEEPEST} operators in one another: give parts of this a name with equ`, column);
  switch (token.kind) {
    case 'number':
      return { kind: 'number', value: token.value };
    case 'string':
      if (token.text.length > 8)
        throw new Mistake('a string of more than 8 bytes is no number: list it with db', column);
      return {
        kind: 'number',
        value: BigInt([...token.text].reduceRight((sum, letter) => sum * 256n + BigInt(letter.charCodeAt(0)), 0n)),
      };
    case 'float':
      throw new Mistake(`“${token.text}” has a point: such numbers must be alone after dd, dq or dt`, column);
    case 'name': {
      const register = isEscaped(token) ? undefined : registerOf(token.text);
      return register ? { kind: 'register', register } : { kind: 'symbol', name: qualify(token.text), column };
    }
    case 'sign':
      if (token.text === '$') return { kind: 'here' };
      if (token.text === '$$') return { kind: 'start' };
      if (['-', '+', '~', '!'].includes(token.text))
        return { kind: 'unary', operator: token.text, of: unary(cursor, qualify, depth + 1), column };
      if (token.text === '(') {
        const inner = parseExpression(cursor, qualify, depth + 1);
        cursor.expect(')', 'close the parenthesis');
        return inner;
      }
      if (token.text === '%')
        throw new Mistake(
          'there is no preprocessor here: write names for numbers with equ, and repeated lines out or with times',
          column,
        );
      break;
    default:
  }
  throw new Mistake(`${described(token)} is where a number or a label should be`, column);
}

const plain = (number: bigint, known = true): Value => ({
  number: BigInt.asIntN(64, number),
  addresses: 0,
  registers: [],
  known,
});
const truth = (value: boolean): bigint => (value ? 1n : 0n);

export function evaluate(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'number':
      return plain(expression.value);
    case 'here':
      return { ...plain(scope.here), addresses: 1 };
    case 'start':
      return { ...plain(scope.start), addresses: 1 };
    case 'register':
      return { ...plain(0n), registers: [{ register: expression.register, factor: 1, plain: true }] };
    case 'symbol':
      return scope.symbol(expression.name, expression.column) ?? plain(0n, false);
    case 'choice': {
      const { when, yes, no, column } = expression;
      const condition = number(evaluate(when, scope), '?', column);
      const chosen = evaluate(condition.number === 0n ? no : yes, scope);
      return condition.known ? chosen : { ...chosen, known: false };
    }
    case 'unary': {
      const { operator, of, column } = expression;
      const value = evaluate(of, scope);
      if (operator === '+') return value;
      if (operator === '-') return scaled(value, -1n);
      const { number: bits, known } = number(value, operator, column);
      return plain(operator === '~' ? ~bits : truth(bits === 0n), known);
    }
    default:
      return combine(
        expression.operator,
        evaluate(expression.left, scope),
        evaluate(expression.right, scope),
        expression.column,
      );
  }
}

/** The value, which must be a number without labels and registers. */
function number(value: Value, operator: string, column: number): Value {
  if (value.registers.length > 0)
    throw new Mistake(
      `a register is used with “${operator}”: between brackets registers can only be added, and multiplied by a number`,
      column,
    );
  if (value.addresses !== 0 && value.known)
    throw new Mistake(
      `a label is used with “${operator}”: that takes plain numbers; the difference of two labels is one, as in (end-$$)`,
      column,
    );
  return value;
}

function scaled(value: Value, by: bigint): Value {
  const factor = Number(BigInt.asIntN(32, by));
  const registers = value.registers.map(term => ({ ...term, factor: term.factor * factor, plain: false }));
  return {
    number: BigInt.asIntN(64, value.number * by),
    addresses: value.addresses * factor,
    registers,
    known: value.known,
  };
}

function sum(left: Value, right: Value): Value {
  const registers = [...left.registers];
  for (const term of right.registers) {
    const at = registers.findIndex(({ register }) => register === term.register);
    if (at < 0) registers.push(term);
    else registers[at] = { ...registers[at]!, factor: registers[at]!.factor + term.factor };
  }
  return {
    number: BigInt.asIntN(64, left.number + right.number),
    addresses: left.addresses + right.addresses,
    registers: registers.filter(({ factor }) => factor !== 0),
    known: left.known && right.known,
  };
}

/** By the difference of the two. */
const COMPARISONS: Record<string, (difference: bigint) => boolean> = {
  '=': d => d === 0n,
  '==': d => d === 0n,
  '!=': d => d !== 0n,
  '<>': d => d !== 0n,
  '<': d => d < 0n,
  '<=': d => d <= 0n,
  '>': d => d > 0n,
  '>=': d => d >= 0n,
};

function combine(operator: string, left: Value, right: Value, column: number): Value {
  if (operator === '+') return sum(left, right);
  if (operator === '-') return sum(left, scaled(right, -1n));
  if (operator === '*' && (left.registers.length > 0 || right.registers.length > 0)) {
    const [register, factor] = left.registers.length > 0 ? [left, right] : [right, left];
    return scaled(register, number(factor, operator, column).number);
  }
  // Two values compare as their difference does with 0, so two labels do, too.
  if (operator in COMPARISONS) {
    const { number: difference, known } = number(sum(left, scaled(right, -1n)), operator, column);
    return plain(truth(COMPARISONS[operator]!(difference)), known);
  }
  const { number: a } = number(left, operator, column),
    { number: b } = number(right, operator, column);
  const known = left.known && right.known;
  const divides = ['/', '//', '%', '%%'].includes(operator);
  if (divides && b === 0n) {
    if (known) throw new Mistake(`a division by 0 (“${operator}”)`, column);
    return plain(0n, false);
  }
  const shifts = operator === '<<' || operator === '<<<' || operator === '>>' || operator === '>>>';
  if (shifts && (b < 0n || b > 63n)) {
    if (known) throw new Mistake(`a shift by ${b}: it goes by 0 to 63`, column);
    return plain(0n, false);
  }
  const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);
  switch (operator) {
    case '*':
      return plain(a * b, known);
    case '/':
      return plain(unsigned(a) / unsigned(b), known);
    case '//':
      return plain(a / b, known);
    case '%':
      return plain(unsigned(a) % unsigned(b), known);
    case '%%':
      return plain(a % b, known);
    case '<<':
    case '<<<':
      return plain(a << b, known);
    case '>>':
      return plain(unsigned(a) >> b, known);
    case '>>>':
      return plain(a >> b, known);
    case '&':
      return plain(a & b, known);
    case '|':
      return plain(a | b, known);
    case '^':
      return plain(a ^ b, known);
    case '&&':
      return plain(truth(a !== 0n && b !== 0n), known);
    case '||':
      return plain(truth(a !== 0n || b !== 0n), known);
    default:
      return plain(truth((a !== 0n) !== (b !== 0n)), known);
  }
}
