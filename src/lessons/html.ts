/** Nobody's HTML comes into the page, and no picture from somewhere else. */
import type { Token, Tokens } from 'marked';
import type { Wrong } from './form.ts';

/** Every token inside, too, each at its line. */
export function refuseHtml(token: Token, line: number, wrong: Wrong): void {
  if (token.type === 'html') wrong(line, ({ html }) => html(JSON.stringify(token.raw.trim().slice(0, 40))));
  if (token.type === 'image') wrong(line, ({ image }) => image);
  let from = 0;
  for (const inner of insideOf(token)) {
    const at = token.raw.indexOf(inner.raw, from);
    // Indented text is there in another form than by itself.
    if (at >= 0) from = at;
    refuseHtml(inner, line + token.raw.slice(0, from).split('\n').length - 1, wrong);
    if (at >= 0) from += inner.raw.length;
  }
}

function insideOf(token: Token): readonly Token[] {
  if (token.type === 'table') {
    const { header, rows } = token as Tokens.Table;
    return [header, ...rows].flatMap(row => row.flatMap(({ tokens }) => tokens));
  }
  return [...((token as Tokens.Generic).tokens ?? []), ...((token as Tokens.List).items ?? [])];
}
