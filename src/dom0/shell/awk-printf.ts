/**
 * Whole numbers in awk. just-bash (3.4.2) rounds -3.7 down to -4 in int() and in printf, whose %d takes "3 kg" for 0 and "0b1" for 1, too. So a program gets a
 * function that truncates, in place of int() and, where a format is written in the program, around what goes into its %d (POSIX, awk, "Arithmetic Functions").
 */

const NAME = 'ringside_truncated';
const TRUNCATED = `\nfunction ${NAME}(x) { x += 0; return x < 0 ? -int(-x) : int(x) }\n`;

/** What may end an operand: a `/` behind it divides, and begins a regular expression elsewhere. */
const OPERAND = /[\w)\]$"']$/;
const WHOLE = /[dixXo]/;

/** Where a string or a regular expression that begins here ends; -1: it does not. */
function literalEnd(text: string, at: number): number {
  const quote = text[at];
  let isInSet = false;
  for (let i = at + 1; i < text.length && text[i] !== '\n'; i++) {
    if (text[i] === '\\') i++;
    else if (quote === '/' && text[i] === '[') isInSet = true;
    else if (quote === '/' && text[i] === ']') isInSet = false;
    else if (text[i] === quote && !isInSet) return i + 1;
  }
  return -1;
}

/** Where the token that begins at `at` ends. -1: the program is not read so far. */
function tokenEnd(text: string, at: number, before: string): number {
  const character = text[at];
  if (character === '"' || (character === '/' && !OPERAND.test(before.trimEnd()))) return literalEnd(text, at);
  if (character === '#') return text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at);
  return at + (/^\w+/.exec(text.slice(at))?.[0].length ?? 1);
}

/** Places between the arguments of a call or statement that begin at `from`: of its commas, and of its end. Undefined: they cannot be found. */
function commasOf(text: string, from: number, isCall: boolean): number[] | undefined {
  const commas: number[] = [];
  let depth = 0;
  for (let i = from; i < text.length; ) {
    const character = text[i];
    if (depth === 0 && (isCall ? character === ')' : /[;}\n>|]/.test(character))) return [...commas, i];
    if (/[([{]/.test(character)) depth++;
    if (/[)\]}]/.test(character)) depth--;
    if (depth < 0) return undefined;
    if (depth === 0 && character === ',') commas.push(i);
    const end = tokenEnd(text, i, text.slice(from, i));
    if (end < 0) return undefined;
    i = end;
  }
  return isCall || depth !== 0 ? undefined : [...commas, text.length];
}

/** Conversions of a format, in their order; undefined: one takes its width from an argument. */
function conversionsOf(format: string): string[] | undefined {
  const found = [...format.matchAll(/%(?:%|[-+ #0]*(\*|\d+)?(?:\.(\*|\d*))?([a-zA-Z]))/g)];
  if (found.some(([, width, precision]) => width === '*' || precision === '*')) return undefined;
  return found.flatMap(([, , , letter]) => (letter === undefined ? [] : [letter]));
}

/** A program whose int(), printf and sprintf have whole numbers as awk does. */
export function withWholeNumbers(program: string): string {
  const written = rewritten(program);
  return written === program ? program : written + TRUNCATED;
}

function rewritten(program: string): string {
  let written = '';
  for (let i = 0; i < program.length; ) {
    const end = tokenEnd(program, i, written);
    if (end < 0) return program;
    const token = program.slice(i, end);
    const isInt = token === 'int' && /^[ \t]*\(/.test(program.slice(end));
    written += isInt ? NAME : token;
    i = end;
    if (token !== 'printf' && token !== 'sprintf') continue;
    const [opening] = /^[ \t]*\(?[ \t]*/.exec(program.slice(i))!;
    const isCall = opening.includes('(');
    const from = i + opening.length;
    const formatEnd = program[from] === '"' ? literalEnd(program, from) : -1;
    const ends = formatEnd < 0 ? undefined : commasOf(program, from, isCall);
    const letters = ends && conversionsOf(program.slice(from, formatEnd));
    if (!ends || !letters || (ends.length > 1 && program.slice(formatEnd, ends[0]).trim() !== '')) continue;
    written += opening + program.slice(from, ends[0]);
    for (let each = 1; each < ends.length; each++) {
      const argument = program.slice(ends[each - 1] + 1, ends[each]);
      const inner = rewritten(argument);
      written += WHOLE.test(letters[each - 1] ?? '') ? `, ${NAME}(${inner})` : `,${inner}`;
    }
    i = ends.at(-1)!;
  }
  return written;
}
