/** Verdicts by lines: next to a line is the worst of what is said of it; and why one is refused. */

import type { Finding } from '../dom0/service/index.ts';
import { viewStrings } from './view-strings.ts';

type Verdict = Finding['verdict'];

const ORDER: readonly Verdict[] = ['error', 'missing', 'approximated', 'ignored', 'used'];

export const worstFirst = (a: Pick<Finding, 'verdict'>, b: Pick<Finding, 'verdict'>): number =>
  ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict);

/** Why it is refused, where xl itself would say less; undefined: what it says is all. */
export function reasonOf({
  verdict,
  short,
}: Pick<Finding, 'verdict' | 'short'>): { answer: string; source: string } | undefined {
  const [, answer, source] =
    (verdict === 'error' && viewStrings.defined.reasons.find(([begins]) => short.startsWith(begins))) || [];
  return answer === undefined || source === undefined ? undefined : { answer, source };
}

/** How many lines have each verdict, as they are marked; what is said of no line counts by itself. */
export function tallyLines(findings: readonly Pick<Finding, 'file' | 'line' | 'verdict'>[]): Map<Verdict, number> {
  const worst = new Map<string, Verdict>();
  findings.forEach(({ file, line, verdict }, i) => {
    const place = line > 0 ? `${file}\0${line}` : `\0${i}`,
      before = worst.get(place);
    if (before === undefined || worstFirst({ verdict }, { verdict: before }) < 0) worst.set(place, verdict);
  });
  const tally = new Map<Verdict, number>();
  for (const verdict of worst.values()) tally.set(verdict, (tally.get(verdict) ?? 0) + 1);
  return tally;
}
