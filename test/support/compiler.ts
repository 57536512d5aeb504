/**
 * The second tier's compiler is loaded here, before any test: a guest that gets hot as its test ends would have it loaded while vitest takes the test's
 * environment down, and all files that come after it in the same worker would find it broken. What Domain 0 loads for guests is, too, for tests that make boards and hosts at once.
 */
import '../../src/cpu/region/compiler.ts';
import { loadEverything } from '../../src/dom0/service/load-everything.ts';

await loadEverything();
