/** Nobody's HTML comes into the page, and no picture from somewhere else. */
import type { Token, Tokens } from 'marked';
import type { Wrong } from './form.ts';

/** Every token inside, too. */
export function refuseHtml(token: Token, line: number, wrong: Wrong): void {
  if (token.type === 'html') wrong(line, ({ html }) => html(JSON.stringify(token.raw.trim().slice(0, 40))));
  if (token.type === 'image') wrong(line, ({ image }) => image);
  for (const inner of [...((token as Tokens.Generic).tokens ?? []), ...((token as Tokens.List).items ?? [])] as Token[])
    refuseHtml(inner, line, wrong);
}
