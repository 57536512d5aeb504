/** Options of every command that runs guests: whether hot guest code is compiled (hypervisor/domain/second-tier.ts). */

/** With --help. */
export const NO_JIT_ABOUT = 'compile no guest code: the interpreter runs alone';
export const JIT_THRESHOLD_ABOUT =
  'compile guest code after this many samples, for tests: 1 compiles all code that is sampled';
/** Samples in an epoch there can be. */
export const MAX_JIT_THRESHOLD = 1000;
/** Where both are given. */
export const JIT_TWICE = '--no-jit and --jit-threshold do not go together. Leave one out.';

/** What `--no-jit` and `--jit-threshold TEXT` say; undefined: the default. @throws RangeError: a sentence */
export function jitThresholdOf(noJit: boolean, text: string | undefined): number | undefined {
  if (text === undefined) return noJit ? 0 : undefined;
  if (noJit) throw new RangeError(JIT_TWICE);
  const value = Number(text);
  if (!(/^\d+$/.test(text) && value >= 1 && value <= MAX_JIT_THRESHOLD))
    throw new RangeError(`--jit-threshold takes a whole number from 1 to ${MAX_JIT_THRESHOLD}, not "${text}".`);
  return value;
}
