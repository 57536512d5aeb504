/** What grep looks for in a line. Sources: the manual of GNU grep 3.8, and its src/dfasearch.c for -w. */
import { Expression } from './posix-match.ts';
import { PatternError } from './posix-syntax.ts';

export type Kind = 'basic' | 'extended' | 'fixed' | 'perl';
export interface Span {
  start: number;
  end: number;
}
/** The leftmost longest match from a place of a line on. */
export type Search = (line: string, from: number) => Span | undefined;

const isWord = (text: string | undefined): boolean => text !== undefined && /[\p{L}\p{N}_]/u.test(text);
const isBounded = (line: string, { start, end }: Span): boolean => !isWord(line[start - 1]) && !isWord(line[end]);

/** One pattern of grep -P as JavaScript has it. @throws PatternError where the two do not have the same words for it */
function perl(pattern: string, ignoresCase: boolean): Search {
  const [, inFront = ''] = /^\(\?(i)\)/.exec(pattern) ?? [];
  const rest = inFront === '' ? pattern : pattern.slice(4);
  if (/\[\[?:|\[\.|\[=|^\*/.test(rest))
    throw new PatternError('a class in [: :] in -P is not offered here: write \\d, \\w or \\s, or use -E');
  const at = /^(?:[^\\]|\\[^K])*?(?=\\K)/s.exec(rest)?.[0].length;
  if (at !== undefined && /\||\\[1-9]/.test(rest))
    throw new PatternError('\\K next to | or a back reference is not offered here: use (?<=…)');
  const text = at === undefined ? rest : `(?<keptOut>${rest.slice(0, at)})(?:${rest.slice(at + 2)})`;
  let expression: RegExp;
  try {
    expression = new RegExp(text, `gu${ignoresCase || inFront !== '' ? 'i' : ''}`);
  } catch {
    throw new PatternError(`-P with '${pattern}' is not offered here: use -E`);
  }
  return (line, from) => {
    expression.lastIndex = from;
    const found = expression.exec(line);
    return found
      ? { start: found.index + (found.groups?.keptOut?.length ?? 0), end: found.index + found[0].length }
      : undefined;
  };
}

/** One pattern. @throws PatternError */
function posix(pattern: string, kind: Kind, ignoresCase: boolean): Search {
  const expression = new Expression(kind === 'fixed' ? pattern.replace(/[\\.*[\]^$]/g, '\\$&') : pattern, {
    isExtended: kind === 'extended',
    isMultiline: false,
    ignoresCase,
  });
  return (line, from) => expression.match(line, from);
}

/** Matches that are words: at each place the longest, then shorter ones. */
const words =
  (search: Search): Search =>
  (line, from) => {
    for (let at = from; at <= line.length; ) {
      let found = search(line, at);
      if (!found) return undefined;
      const { start } = found;
      while (found && found.start === start) {
        if (isBounded(line, found)) return found;
        if (found.end === start) break;
        found = search(line.slice(0, found.end - 1), start);
      }
      at = start + 1;
    }
    return undefined;
  };

/** Where a whole line matches. */
const lines =
  (search: Search): Search =>
  line => {
    const found = search(line, 0);
    return found?.start === 0 && found.end === line.length ? found : undefined;
  };

/** What any of the patterns finds; none finds nothing. @throws PatternError */
export function searchOf(
  patterns: readonly string[],
  kind: Kind,
  { ignoresCase, isWord: areWords, isLine }: { ignoresCase: boolean; isWord: boolean; isLine: boolean },
): Search {
  if (kind === 'perl' && new Set(patterns).size > 1)
    throw new PatternError('the -P option only supports a single pattern');
  const searches = [...new Set(patterns)].map(pattern => {
    const isPerl = kind === 'perl';
    const search = isPerl
      ? perl(isLine ? `^(?:${pattern})$` : areWords ? `(?<!\\w)(?:${pattern})(?!\\w)` : pattern, ignoresCase)
      : posix(pattern, kind, ignoresCase);
    if (isLine) return lines(search);
    return areWords && !isPerl ? words(search) : search;
  });
  return (line, from) => {
    let best: Span | undefined;
    for (const search of searches) {
      const found = search(line, from);
      if (found && (!best || found.start < best.start || (found.start === best.start && found.end > best.end)))
        best = found;
    }
    return best;
  };
}
