/**
 * The second tier's compiler is loaded here, before any test: a guest that gets hot as its test ends would have it loaded while vitest takes the test's
 * environment down, and all files that come after it in the same worker would find it broken.
 */
import '../../src/cpu/region/compiler.ts';
