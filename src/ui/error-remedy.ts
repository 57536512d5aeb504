/** A text in which what a finding has as its remedy is written in place of what is wrong. */

import type { Finding } from '../dom0/service/index.ts';

type Mendable = Pick<Finding, 'line' | 'column' | 'remedy'>;

export const remedyOf = ({ remedy }: Pick<Finding, 'remedy'>): string | undefined => remedy?.write;

/** `text` with what its finding says; undefined: it says nothing that could be written. */
export function remedied(text: string, finding: Mendable): string | undefined {
  const write = remedyOf(finding);
  const lines = text.split('\n'),
    line = lines[finding.line - 1];
  if (write === undefined || line === undefined || finding.column < 1) return undefined;
  if (finding.remedy?.line) return `${text.replace(/\n*$/, '\n')}${write}\n`;
  const before = line.slice(0, finding.column - 1),
    rest = line.slice(finding.column - 1);
  // Of a text with several options it speaks of one.
  const part = finding.remedy?.of;
  if (part !== undefined) {
    const at = rest.indexOf(part);
    if (at < 0 || rest.indexOf(part, at + 1) >= 0) return undefined;
    lines[finding.line - 1] = before + rest.slice(0, at) + write + rest.slice(at + part.length);
    return lines.join('\n');
  }
  const wrong = /^(?:"[^"]*"?|'[^']*'?|[\w.-]+)/.exec(rest)?.[0];
  if (wrong === undefined) return undefined;
  lines[finding.line - 1] = before + write + rest.slice(wrong.length);
  return lines.join('\n');
}

/** The same with all of them, the last place first so that the others stay where they are; undefined: one of them has no remedy. */
export function allRemedied(text: string, findings: readonly Mendable[]): string | undefined {
  const inOrder = [...findings].sort((a, b) => b.line - a.line || b.column - a.column);
  return inOrder.reduce<string | undefined>(
    (now, finding) => (now === undefined ? undefined : remedied(now, finding)),
    text,
  );
}

/** What a text has where a value could not be read; of an element of XML its content. */
export const unreadOf = ({ source, column }: Pick<Finding, 'source' | 'column'>): string =>
  /^(?:<[^<>]*>?([^<]*)|"([^"]*)|'([^']*)|([^\s,]+))/
    .exec(source.slice(column - 1))
    ?.slice(1)
    .find(part => part !== undefined)
    ?.trim() ?? '';
