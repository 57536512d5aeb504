/** A small guest's kernel from its source. Loaded with the first lesson that has one: the assembler knows all instructions. */
import { assemble } from '../cpu/assembler/index.ts';

/** `base`: what all small guests have in common, which stands behind the source. @throws Error with the first mistake, and its line */
export function assembled(source: string, base: string): Uint8Array<ArrayBuffer> {
  const { bytes, problems } = assemble(`${source}\n${base}`),
    [problem] = problems;
  if (problem) throw new Error(`line ${problem.line}: ${problem.message}. Mend the source.`);
  return new Uint8Array(bytes);
}
