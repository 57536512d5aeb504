/**
 * just-bash (3.4.2) counts what commands write, to end scripts that write too much. Where it drops what a command said (`2>/dev/null`), it counts bytes again as if
 * they were text, finds more of them than there are, and ends the whole script with "invalid stdout accounting". Here a count is never more than what was written.
 */
import type { Bash } from 'just-bash/browser';

/** What is used of just-bash's ExecutionScope. */
interface Scope {
  appendOutput(
    stream: 'stdout' | 'stderr',
    chunk: string,
    site?: string,
    counted?: number,
    kind?: 'text' | 'bytes',
  ): number;
}
/** Private there: what runs a text, and each text within it. */
interface Inner {
  execInScope(text: string, options: unknown, scope: Scope, ...rest: unknown[]): unknown;
}

const encoder = new TextEncoder();
const corrected = new WeakSet<Scope>();

function correct(scope: Scope): void {
  if (corrected.has(scope)) return;
  corrected.add(scope);
  const append = scope.appendOutput.bind(scope);
  scope.appendOutput = (stream, chunk, site, counted = 0, kind = 'text') => {
    // A text has at least as many bytes as characters.
    const most = counted <= chunk.length ? counted : kind === 'bytes' ? chunk.length : encoder.encode(chunk).length;
    return append(stream, chunk, site, Math.min(counted, most), kind);
  };
}

export function countRight(shell: Bash): void {
  const inner = shell as unknown as Inner;
  const run = inner.execInScope.bind(shell);
  inner.execInScope = (text, options, scope, ...rest) => {
    correct(scope);
    return run(text, options, scope, ...rest);
  };
}
