/** A line of Domain 0's shell for a program: no terminal, no login. */
import { Bash, type BashParts } from './bash.ts';
import type { Ran } from '../toolstack/programs/index.ts';

/** Runs it as `bash -c` does: with all that it starts, to its end. */
export async function runLine(parts: BashParts, line: string): Promise<Ran> {
  return new Bash(parts).run(line, { isAll: true });
}
