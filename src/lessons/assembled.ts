/** A small guest's kernel from its source. Loaded with the first lesson that has one: the assembler knows all instructions. */
import { assemble } from '../cpu/assembler/index.ts';

/** `common`: what small guests have in common, which is behind the source (`behind`). @throws Error with the first mistake, and its line */
export function assembled(source: string, common: readonly string[]): Uint8Array<ArrayBuffer> {
  const { bytes, problems } = assemble([source, ...common].join('\n')),
    [problem] = problems;
  if (problem) throw new Error(`line ${problem.line}: ${problem.message}. Fix the source.`);
  return new Uint8Array(bytes);
}
