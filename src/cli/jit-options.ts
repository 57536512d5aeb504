/** Options of every command that runs guests: whether hot guest code is compiled (hypervisor/domain/second-tier.ts). */

/** With --help. */
export const NO_JIT_ABOUT = 'compile no guest code: the interpreter runs alone';
export const JIT_THRESHOLD_ABOUT = 'compile guest code of which so many samples were taken, for tests: 1 compiles whatever is looked at';
/** Samples in an epoch there can be. */
export const MAX_JIT_THRESHOLD = 1000;
