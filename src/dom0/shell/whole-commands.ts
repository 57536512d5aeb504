/**
 * How far a text can be read. Source: bash(1), "SHELL GRAMMAR": bash reads a command, runs it and reads the next, so what comes before a line that reads wrong
 * runs. just-bash reads a text as a whole.
 */
import { quoted } from './shell-command.ts';
import { NotOffered } from './words-ahead.ts';

/** What a parser says of a text: `isUnfinished`, where more lines could complete it. */
export interface ReadError {
  message: string;
  isUnfinished: boolean;
  /** Only the end of a here-document lacks: the end of the text is taken for it. */
  isDocument?: boolean;
}
/** The lines before the first that cannot be read, and what is wrong there, in bash's words. */
export interface Begun {
  text: string;
  /** Counted from 1. */
  line: number;
  error: string;
  isUnfinished: boolean;
}

export const UNEXPECTED_END = 'syntax error: unexpected end of file';
/** just-bash's words for a text that goes on: `if true`, an open quote. */
export const GOES_ON =
  /(?:got (?:EOF|HEREDOC_CONTENT)|[Uu]nterminated|[Uu]nexpected EOF|unexpected end of (?:file|input))/;
/** The last line ends with a backslash that is not escaped itself, and is no comment. */
export const JOINED = /(?:^|\n)(?!\s*#)[^\n]*(?<!\\)(?:\\\\)*\\$/;
/** Most lines of one command that are tried, line by line. */
const MOST_LINES = 1000;

/**
 * @param read undefined: the text is whole
 * @returns undefined: all of it can be read
 */
export function beginningOf(whole: string, read: (text: string) => ReadError | undefined): Begun | undefined {
  const first = read(whole);
  if (!first || first.isDocument) return undefined;
  const lines = whole.split('\n');
  let at = 0;
  while (at < lines.length) {
    let last = at,
      error: ReadError | undefined,
      command = '';
    do {
      command += `${last > at ? '\n' : ''}${lines[last++]}`;
      error =
        read(command) ??
        (JOINED.test(command) && last < lines.length ? { message: '', isUnfinished: true } : undefined);
    } while (error?.isUnfinished && last < lines.length && last - at < MOST_LINES);
    if (error && !(error.isDocument && last === lines.length))
      return {
        text: lines.slice(0, at).join('\n'),
        line: error.isUnfinished ? lines.length : last,
        error: inWords(error.message, lines[last - 1]),
        isUnfinished: error.isUnfinished,
      };
    at = last;
  }
  return undefined;
}

/** "Expected FI, got DONE" as bash says it. */
function inWords(message: string, line: string): string {
  const plain = message.replace(/^(?:Parse error at \d+:\d+: |line \d+: )/, '');
  if (/got EOF/.test(plain)) return UNEXPECTED_END;
  const token = /, got ([A-Z]+)$/.exec(plain)?.[1];
  const said = token === undefined ? plain : `syntax error near unexpected token \`${token.toLowerCase()}'`;
  return /near unexpected token/.test(said) ? `${said}\n\`${line}'` : said;
}

/** What the parser throws for a text that it cannot read; other exceptions are faults of programs. */
export const isReadError = (error: unknown): error is Error =>
  error instanceof NotOffered ||
  (error instanceof Error && (error.name === 'ParseException' || error.name === 'LexerError'));

/** What is printed of a text that cannot be read: `where` begins each line. */
export const readErrorText = (where: string, { line, error }: Begun): string =>
  error
    .split('\n')
    .map(each => `${where}: line ${line}: ${each}`)
    .join('\n');

/** A command line that prints an error, with the status of a syntax error. */
export const notRun = (text: string): string => `/usr/bin/not-run ${quoted(text)}`;
