/** `expr`, with whole numbers of any length. Sources: the manual of coreutils 9.1, and its src/expr.c. */
import type { ShellCommand } from '../shell-command.ts';
import { failed, ran } from './options.ts';
import { Expression } from './posix-match.ts';
import { PatternError } from './posix-syntax.ts';

type Value = string | bigint;

const WRONG_SYNTAX = 2,
  WRONG_EXPRESSION = 3;
class Fault extends Error {
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** What binds least comes first. */
const LEVELS = [['|'], ['&'], ['<', '<=', '=', '==', '!=', '>=', '>'], ['+', '-'], ['*', '/', '%'], [':']];
const isNumber = (value: Value): boolean => typeof value === 'bigint' || /^-?\d+$/.test(value);
const isNothing = (value: Value): boolean => (typeof value === 'bigint' ? value === 0n : /^(?:|-?0+)$/.test(value));

/** The first place of any of the characters, from 1; 0: there is none. */
const indexOf = (text: string, characters: string): bigint =>
  BigInt([...text].findIndex(character => characters.includes(character)) + 1);

/** `STRING : REGEX`: what the first group has matched, or how many characters all of it has. */
function matched(text: string, pattern: string): Value {
  const expression = new Expression(pattern, { isExtended: false, isMultiline: false, ignoresCase: false });
  const match = expression.match(text, 0);
  const found = match?.start === 0 ? match : undefined;
  if (expression.groups > 0) return found?.groups[1] ?? '';
  return BigInt(found ? [...text.slice(0, found.end)].length : 0);
}

function compared(operator: string, one: Value, other: Value): bigint {
  const areNumbers = isNumber(one) && isNumber(other);
  const [a, b] = areNumbers ? [BigInt(one), BigInt(other)] : [String(one), String(other)];
  const order = a < b ? -1 : Number(a > b);
  switch (operator) {
    case '<':
      return BigInt(order < 0);
    case '<=':
      return BigInt(order <= 0);
    case '!=':
      return BigInt(order !== 0);
    case '>=':
      return BigInt(order >= 0);
    case '>':
      return BigInt(order > 0);
    default:
      return BigInt(order === 0);
  }
}

function calculated(operator: string, one: Value, other: Value): bigint {
  if (!isNumber(one) || !isNumber(other)) throw new Fault('non-integer argument', WRONG_SYNTAX);
  const [a, b] = [BigInt(one), BigInt(other)];
  if (b === 0n && (operator === '/' || operator === '%')) throw new Fault('division by zero', WRONG_SYNTAX);
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return a % b;
  }
}

class Reader {
  private at = 0;
  private readonly words: readonly string[];

  constructor(words: readonly string[]) {
    this.words = words;
  }

  all(): Value {
    const value = this.level(0, true);
    if (this.at < this.words.length)
      throw new Fault(`syntax error: unexpected argument '${this.words[this.at]}'`, WRONG_SYNTAX);
    return value;
  }

  /** `counts`: what has no part in the result is read and not calculated. */
  private level(number: number, counts: boolean): Value {
    if (number === LEVELS.length) return this.first(counts);
    let value = this.level(number + 1, counts);
    for (;;) {
      const operator = this.words[this.at];
      if (operator === undefined || !LEVELS[number].includes(operator)) return value;
      this.at++;
      if (operator === '|') {
        const other = this.level(number + 1, counts && isNothing(value));
        if (isNothing(value)) value = isNothing(other) ? 0n : other;
      } else if (operator === '&') {
        const other = this.level(number + 1, counts && !isNothing(value));
        if (isNothing(value) || isNothing(other)) value = 0n;
      } else {
        const other = this.level(number + 1, counts);
        if (counts) value = this.two(operator, value, other);
      }
    }
  }

  private two(operator: string, one: Value, other: Value): Value {
    if (operator === ':') return matched(String(one), String(other));
    return LEVELS[2].includes(operator) ? compared(operator, one, other) : calculated(operator, one, other);
  }

  private next(): string {
    const word = this.words[this.at++];
    if (word === undefined)
      throw new Fault(`syntax error: missing argument after '${this.words.at(-1) ?? ''}'`, WRONG_SYNTAX);
    return word;
  }

  private first(counts: boolean): Value {
    const word = this.next();
    const text = (): string => String(this.first(counts));
    switch (word) {
      case '+':
        return this.next();
      case '(': {
        const value = this.level(0, counts);
        const end = this.words[this.at++];
        if (end === undefined)
          throw new Fault(`syntax error: expecting ')' after '${this.words.at(-1)}'`, WRONG_SYNTAX);
        if (end !== ')') throw new Fault(`syntax error: expecting ')' instead of '${end}'`, WRONG_SYNTAX);
        return value;
      }
      case ')':
        throw new Fault("syntax error: unexpected ')'", WRONG_SYNTAX);
      case 'length':
        return BigInt([...text()].length);
      case 'match': {
        const [string, pattern] = [text(), text()];
        return counts ? matched(string, pattern) : 0n;
      }
      case 'index':
        return indexOf(text(), text());
      case 'substr': {
        const [string, from, count] = [text(), text(), text()];
        if (![from, count].every(each => isNumber(each) && BigInt(each) > 0n)) return '';
        return [...string].slice(Number(from) - 1, Number(from) - 1 + Number(count)).join('');
      }
      default:
        return word;
    }
  }
}

export const expr: ShellCommand = async given => {
  const words = given[0] === '--' ? given.slice(1) : given;
  if (words.length === 0) return failed("expr: missing operand\nTry 'expr --help' for more information.", WRONG_SYNTAX);
  try {
    const value = new Reader(words).all();
    return ran(`${value}\n`, Number(isNothing(value)));
  } catch (error) {
    if (error instanceof Fault) return failed(`expr: ${error.message}`, error.status);
    if (error instanceof PatternError) return failed(`expr: ${error.message}`, WRONG_SYNTAX);
    return failed(`expr: ${(error as Error).message}`, WRONG_EXPRESSION);
  }
};
