/**
 * Runs one of the programs (scripts/build.mjs lists them), built first where that is due. Status and output are the program's own.
 *
 *   node scripts/program.mjs NAME [ARGUMENT…]
 */
import { pathToFileURL } from 'node:url';
import { programModule, programSource } from './build.mjs';
import { isMain, root } from './lib.mjs';
import { explained, refusalOf } from './usage.mjs';

/** Builds `name` and makes this process its own; the address of its module, whose `main(argv)` gives the exit status. */
export async function prepareProgram(name, argv = []) {
  const path = await programModule(name);
  // npm runs scripts in the repository; the person who typed the command may be elsewhere, and file names are theirs.
  if (process.env.npm_lifecycle_event && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
  // A program is a bundle in build/ and cannot tell from its own place where .cache/ is.
  process.env.RINGSIDE_ROOT = root;
  process.argv = [process.execPath, path, ...argv];
  // `ringside … | head` is no error.
  process.stdout.on('error', error => process.exit(error.code === 'EPIPE' ? 0 : 1));
  return pathToFileURL(path);
}

/** Builds, loads and runs `name`. */
export async function runProgram(name, argv) {
  let module, source;
  try {
    // The command line has a usage of its own.
    source = name === 'ringside' ? undefined : programSource(name);
    if (source && explained(source, argv)) return;
    module = await prepareProgram(name, argv);
  } catch (error) {
    process.stderr.write(`${name} could not be built: ${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  const { main } = await import(module);
  if (!main) return;
  let status;
  try {
    status = await main(argv);
  } catch (error) {
    const refusal = source && refusalOf(error, source);
    if (!refusal) throw error;
    process.stderr.write(refusal);
    status = 2;
  }
  // Standard input may still be open and workers may wait: the program has said that it is done. What it wrote goes out first.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(status)));
}

if (isMain(import.meta.url)) await runProgram(process.argv[2], process.argv.slice(3));
