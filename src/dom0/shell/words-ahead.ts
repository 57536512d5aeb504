/**
 * Reserved words that just-bash's parser does not know (bash(1), "Compound Commands" and "Coprocesses"), found in a text before it is parsed: where a command
 * may begin, outside quotes, comments and here-documents.
 */

/** What `select x` is read as: `for` has its syntax. rewriting.ts makes it what it is. */
export const SELECT = 'RINGSIDE_SELECT_';

const TOKEN =
  /\\[\s\S]|'[^']*(?:'|$)|\$'(?:\\[\s\S]|[^'\\])*(?:'|$)|"(?:\\[\s\S]|\$\([^()]*\)|[^"\\])*(?:"|$)|(?<![^\s;&|()])#[^\n]*|<<<|<<-?[ \t]*(?:'[^'\n]*'|"[^"\n]*"|[^\s;&|<>()]+)|\n|;;?&?|&&?|\|\|?|[(){}`]|[^\s\\'"#;&|(){}`<\n]+|[\s\S]/g;
/** Behind these a command begins. */
const BEFORE = /^(?:|\n|;;?&?|&&?|\|\|?|[({`)!]|do|then|else|elif|if|while|until|time)$/;

/** Says in words what is not offered. */
export class NotOffered extends Error {}

/** @throws NotOffered */
export function readAhead(text: string): string {
  if (!/\b(?:select|coproc)\b/.test(text)) return text;
  let result = '',
    before = '';
  const documents: { end: string; tabs: boolean }[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const [token] = match;
    const document = /^<<(-?)[ \t]*(?!<)(.+)$/s.exec(token);
    if (document && token !== '<<<')
      documents.push({
        end: document[2].replace(/^(['"])(.*)\1$/s, '$2').replace(/\\/g, ''),
        tabs: document[1] !== '',
      });
    if (token === 'select' && BEFORE.test(before)) {
      const [all = '', name] =
        /^[ \t]+([A-Za-z_]\w*)(?=[ \t\n]+in\b|[ \t]*[;\n]|[ \t]+do\b)/.exec(text.slice(TOKEN.lastIndex)) ?? [];
      if (name !== undefined) {
        result += `for ${SELECT}${name}`;
        TOKEN.lastIndex += all.length;
        before = name;
        continue;
      }
    }
    if (token === 'coproc' && BEFORE.test(before) && /^[ \t]+\S/.test(text.slice(TOKEN.lastIndex)))
      throw new NotOffered(
        'coproc is not offered here: a command gets its input as a whole, and nothing can be asked of one that runs. Use a pipe, or `COMMAND &` with files.',
      );
    result += token;
    if (token === '\n')
      for (const { end, tabs } of documents.splice(0)) {
        const from = TOKEN.lastIndex;
        let at = from;
        for (;;) {
          const next = text.indexOf('\n', at),
            line = text.slice(at, next < 0 ? text.length : next);
          at = next < 0 ? text.length : next + 1;
          if (next < 0 || (tabs ? line.replace(/^\t+/, '') : line) === end) break;
        }
        result += text.slice(from, at);
        TOKEN.lastIndex = at;
      }
    if (token.trim() !== '' || token === '\n') before = token;
  }
  return result;
}

/** Items in columns, as bash prints a menu: the space between two is tabs as far as they go. */
export function menu(items: readonly string[], columns: number): string {
  const digits = String(items.length).length,
    width = Math.max(...items.map(({ length }) => length)) + digits + 4;
  const across = Math.max(1, Math.floor(columns / width)),
    down = Math.ceil(items.length / across),
    rows = down === 1 ? items.length : down;
  const row = (first: number): string => {
    let line = '',
      at = 0;
    for (let i = first, column = 0; i < items.length; i += rows, column += width) {
      for (; at < column; at = Math.floor(column / TAB) > Math.floor(at / TAB) ? at - (at % TAB) + TAB : at + 1)
        line += Math.floor(column / TAB) > Math.floor(at / TAB) ? '\t' : ' ';
      const item = `${String(i + 1).padStart(column === 0 ? String(rows).length : digits)}) ${items[i]}`;
      line += item;
      at += item.length;
    }
    return `${line}\n`;
  };
  return Array.from({ length: rows }, (_, first) => row(first)).join('');
}
const TAB = 8;
