/** What a finding says to write in place of what is wrong, and a text in which that is done. */

import type { Finding } from '../dom0/index.ts';

/** The sentence of a finding ends with it, where there is one (config/values.ts and config/model.ts of Domain 0). */
export const remedyOf = ({ text }: Pick<Finding, 'text'>): string | undefined => /(?:Write|Did you mean) ("?[\w.-]+"?)[.?]$/.exec(text)?.[1];

/** `text` with what its finding says; undefined: it says nothing that could be written. */
export function remedied(text: string, finding: Pick<Finding, 'text' | 'line' | 'column'>): string | undefined {
  const write = remedyOf(finding);
  const lines = text.split('\n'), line = lines[finding.line - 1];
  if (write === undefined || line === undefined || finding.column < 1) return undefined;
  const before = line.slice(0, finding.column - 1), rest = line.slice(finding.column - 1);
  // Of a text with several options it speaks of one.
  const part = /‘([^’]+)’[^‘’]*$/.exec(finding.text)?.[1];
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
export function allRemedied(text: string, findings: readonly Pick<Finding, 'text' | 'line' | 'column'>[]): string | undefined {
  const inOrder = [...findings].sort((a, b) => b.line - a.line || b.column - a.column);
  return inOrder.reduce<string | undefined>((now, finding) => (now === undefined ? undefined : remedied(now, finding)), text);
}
