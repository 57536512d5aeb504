/** Words and signs of Python. Source: the Python language reference, "Lexical analysis". */
import { type Position, shortened } from '../xlcfg.ts';

export interface Token extends Position {
  kind: 'name' | 'string' | 'number' | 'sign' | 'newline' | 'end' | 'bad';
  text: string;
  /** It is the first of its line. */
  first?: true;
}

const ESCAPES: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  // A string that is not closed takes the rest of its line, so that nothing is looked through twice.
  const token =
    /[ \t]+|#[^\n]*|\\\n|(\n)|([uUrR]?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'))|([0-9][\w.]*)|([A-Za-z_]\w*)|(\+=|==|!=|<=|>=|\/\/|[-+%()[\],=;:.{}*/<>!&|^~@])|(["'][^\n]*|[\s\S])/gy;
  const open: string[] = [];
  let line = 1,
    lineStart = 0,
    isFirst = true;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [whole, newline, string, number, name, sign, bad] = match;
    const at = { line, column: match.index - lineStart + 1 };
    const kind = newline
      ? 'newline'
      : string
        ? 'string'
        : number
          ? 'number'
          : name
            ? 'name'
            : sign
              ? 'sign'
              : bad
                ? 'bad'
                : undefined;
    // A list has no named arguments: one that was never closed ends where the next assignment begins.
    if ((sign === '=' || sign === '+=') && open.at(-1) !== '(') open.length = 0;
    if (sign && '([{'.includes(sign)) open.push(sign);
    if (sign && ')]}'.includes(sign)) open.pop();
    // In brackets the end of a line is as a space.
    if (kind && !(kind === 'newline' && open.length > 0)) {
      tokens.push({ kind, text: whole, ...at, ...(isFirst ? { first: true } : {}) });
      isFirst = kind === 'newline';
    }
    for (let i = whole.indexOf('\n'); i >= 0; i = whole.indexOf('\n', i + 1)) {
      line++;
      lineStart = match.index + i + 1;
    }
  }
  const end = { line, column: text.length - lineStart + 1 };
  tokens.push({ kind: 'newline', text: '', ...end }, { kind: 'end', text: '', ...end });
  return tokens;
}

/** What a string's token says. */
export function unquoted({ text }: Token): string {
  const isRaw = /^[rR]/.test(text);
  const body = text.replace(/^[uUrR]/, '');
  const quotes = /^("""|'''|"|')/.exec(body)![0].length;
  const inner = body.slice(quotes, -quotes);
  if (isRaw) return inner;
  return inner.replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[\s\S])/g, (whole, escape: string) => {
    // A backslash at its end continues the line.
    if (escape === '\n') return '';
    if (/^x../.test(escape)) return String.fromCharCode(parseInt(escape.slice(1), 16));
    if (/^[0-7]/.test(escape)) return String.fromCharCode(parseInt(escape, 8) & 255);
    return ESCAPES[escape] ?? whole;
  });
}

/** As messages name it. */
export const shown = ({ kind, text }: Token): string =>
  kind === 'newline' || kind === 'end' ? 'the end of the line' : `"${shortened(text)}"`;
